"""What PostgreSQL refuses by itself about properties, names and ownership."""

from django.db import migrations

# A property lies one level below a parent of its own holder, a subject in a property of its own.
SAME_HOLDER = """
ALTER TABLE catalog_property ADD CONSTRAINT property_fits_its_parent
    FOREIGN KEY (parent_id, parent_depth, holder_id)
    REFERENCES catalog_property (id, depth, holder_id);
ALTER TABLE catalog_subject ADD CONSTRAINT subject_fits_its_property
    FOREIGN KEY (property_id, holder_id) REFERENCES catalog_property (id, holder_id);
"""

# One look per statement, through the index on the skeleton. Two registrations at once are kept
# apart by the lock that the verb takes on the name.
LOOK_ALIKES = """
CREATE FUNCTION catalog_refuse_look_alikes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM added
        JOIN catalog_subject other
            ON other.skeleton = added.skeleton AND other.holder_id <> added.holder_id
        JOIN catalog_rightsholder mine ON mine.id = added.holder_id
        JOIN access_organisation here ON here.id = mine.organisation_id
        JOIN catalog_rightsholder theirs ON theirs.id = other.holder_id
        JOIN access_organisation there ON there.id = theirs.organisation_id
        WHERE added.skeleton <> '' AND here.mode = there.mode
    ) THEN
        RAISE EXCEPTION 'confusable_name: this violates that holders'' names do not look alike'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER catalog_subject_look_alikes_added
    AFTER INSERT ON catalog_subject REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_refuse_look_alikes();
CREATE TRIGGER catalog_subject_look_alikes_changed
    AFTER UPDATE ON catalog_subject REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_refuse_look_alikes();
"""

# A step after a subject's first holds from the day it is recorded or later, and never before a
# step of its territory. The subject's row is locked, so that two steps take turns.
STEPS_IN_ORDER = """
CREATE FUNCTION catalog_steps_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM catalog_subject WHERE id = NEW.subject_id FOR NO KEY UPDATE;
    IF NEW.effective_on < (NEW.recorded_at AT TIME ZONE 'UTC')::date
        AND EXISTS (SELECT 1 FROM catalog_ownershipstep WHERE subject_id = NEW.subject_id)
    THEN
        RAISE EXCEPTION 'ownership_retroactive: % violates that ownership changes ahead', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM catalog_ownershipstep
        WHERE subject_id = NEW.subject_id AND territory = NEW.territory
            AND effective_on > NEW.effective_on
    ) THEN
        RAISE EXCEPTION 'ownership_out_of_order: % violates the order of steps', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER catalog_ownershipstep_in_order
    BEFORE INSERT ON catalog_ownershipstep
    FOR EACH ROW EXECUTE FUNCTION catalog_steps_in_order();
"""

# The whole, held from two sides without ever summing a step once per share:
# at the end of a step's transaction, once per step, its shares are exactly its parts;
# after each statement that adds shares, no step has more than its parts, nor an owner of the
# other mode. As every share is positive, nothing can be added to a step that is whole.
WHOLE = """
CREATE FUNCTION catalog_step_is_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum(parts) FROM catalog_ownershipshare WHERE step_id = NEW.id)
        IS DISTINCT FROM NEW.parts
    THEN
        RAISE EXCEPTION 'ownership_not_whole: % violates that shares add up to 100 %%', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER catalog_ownershipstep_is_whole
    AFTER INSERT ON catalog_ownershipstep DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION catalog_step_is_whole();

CREATE FUNCTION catalog_shares_fit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM catalog_ownershipstep step
        JOIN LATERAL (
            SELECT sum(share.parts) AS given FROM catalog_ownershipshare share
            WHERE share.step_id = step.id
        ) AS whole ON true
        WHERE step.id IN (SELECT step_id FROM added) AND whole.given > step.parts
    ) THEN
        RAISE EXCEPTION 'ownership_not_whole: the shares violate their 100 %%'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM added
        JOIN catalog_ownershipstep step ON step.id = added.step_id
        JOIN catalog_subject subject ON subject.id = step.subject_id
        JOIN catalog_rightsholder registrant ON registrant.id = subject.holder_id
        JOIN access_organisation here ON here.id = registrant.organisation_id
        JOIN catalog_rightsholder owner ON owner.id = added.holder_id
        JOIN access_organisation there ON there.id = owner.organisation_id
        WHERE here.mode <> there.mode
    ) THEN
        RAISE EXCEPTION 'ownership_other_mode: an owner violates that test and live never meet'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER catalog_ownershipshare_fit
    AFTER INSERT ON catalog_ownershipshare REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_shares_fit();
"""

APPEND_ONLY = """
CREATE FUNCTION catalog_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append_only: % on % violates that its rows are only ever added',
        TG_OP, TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER catalog_ownershipstep_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON catalog_ownershipstep
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_append_only();
CREATE TRIGGER catalog_ownershipshare_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON catalog_ownershipshare
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_append_only();
"""

ALWAYS = """
ALTER TABLE catalog_ownershipstep ENABLE ALWAYS TRIGGER catalog_ownershipstep_append_only;
ALTER TABLE catalog_ownershipshare ENABLE ALWAYS TRIGGER catalog_ownershipshare_append_only;
ALTER TABLE catalog_ownershipstep ENABLE ALWAYS TRIGGER catalog_ownershipstep_in_order;
ALTER TABLE catalog_ownershipstep ENABLE ALWAYS TRIGGER catalog_ownershipstep_is_whole;
ALTER TABLE catalog_ownershipshare ENABLE ALWAYS TRIGGER catalog_ownershipshare_fit;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial"), ("access", "0002_guards")]

    operations = [
        migrations.RunSQL(
            SAME_HOLDER,
            "ALTER TABLE catalog_subject DROP CONSTRAINT subject_fits_its_property;"
            "ALTER TABLE catalog_property DROP CONSTRAINT property_fits_its_parent;",
        ),
        migrations.RunSQL(
            LOOK_ALIKES, "DROP FUNCTION catalog_refuse_look_alikes() CASCADE;"
        ),
        migrations.RunSQL(STEPS_IN_ORDER, "DROP FUNCTION catalog_steps_in_order() CASCADE;"),
        migrations.RunSQL(
            WHOLE,
            "DROP FUNCTION catalog_step_is_whole() CASCADE;"
            "DROP FUNCTION catalog_shares_fit() CASCADE;",
        ),
        migrations.RunSQL(APPEND_ONLY, "DROP FUNCTION catalog_append_only() CASCADE;"),
        migrations.RunSQL(ALWAYS, migrations.RunSQL.noop),
    ]
