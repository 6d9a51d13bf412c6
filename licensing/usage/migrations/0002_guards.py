"""What the database itself refuses about usage, beyond what the models can say.

Every function raises with an SQLSTATE of class 23 and the name of a constraint, so that callers
meet these refusals exactly as they meet a CHECK.
"""

from django.db import migrations

# Statement triggers, because one UPDATE of a million rows is refused as fast as one of none;
# ALWAYS, so that no session setting passes them.
APPEND_ONLY = """
CREATE FUNCTION usage_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append_only: % on % violates that what was reported never changes',
        TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'append_only',
              TABLE = TG_TABLE_NAME;
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON usage_generation
    FOR EACH STATEMENT EXECUTE FUNCTION usage_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON usage_generationsubject
    FOR EACH STATEMENT EXECUTE FUNCTION usage_refuse_change();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON usage_generationparent
    FOR EACH STATEMENT EXECUTE FUNCTION usage_refuse_change();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON usage_batch
    FOR EACH STATEMENT EXECUTE FUNCTION usage_refuse_change();
ALTER TABLE usage_generation ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE usage_generationsubject ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE usage_generationparent ENABLE ALWAYS TRIGGER never_removed;
ALTER TABLE usage_batch ENABLE ALWAYS TRIGGER never_removed;
"""

DROP_APPEND_ONLY = "DROP FUNCTION usage_refuse_change() CASCADE;"

# A batch goes from open over closing to sealed, and then rests. Of a parent's row, only the
# parent becomes known, once.
MOVES = """
CREATE FUNCTION usage_guard_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'sealed' THEN
        RAISE EXCEPTION 'batch_sealed: a change violates that batch % is sealed', OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'batch_sealed',
                  TABLE = TG_TABLE_NAME;
    END IF;
    IF NOT (NEW.state = OLD.state OR NEW.state = 'sealed'
            OR (OLD.state = 'open' AND NEW.state = 'closing'))
       OR (NEW.id, NEW.platform_id, NEW.origin, NEW.opened_at)
          IS DISTINCT FROM (OLD.id, OLD.platform_id, OLD.origin, OLD.opened_at)
    THEN
        RAISE EXCEPTION 'batch_move: % to % violates the moves of batch %',
            OLD.state, NEW.state, OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'batch_move',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_batch BEFORE UPDATE ON usage_batch
    FOR EACH ROW EXECUTE FUNCTION usage_guard_batch();
ALTER TABLE usage_batch ENABLE ALWAYS TRIGGER guard_batch;

CREATE FUNCTION usage_guard_parent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.parent_id IS NOT NULL
       OR (NEW.generation_id, NEW.position, NEW.platform_id, NEW.parent_external_id)
          IS DISTINCT FROM
          (OLD.generation_id, OLD.position, OLD.platform_id, OLD.parent_external_id)
    THEN
        RAISE EXCEPTION 'append_only: a change violates the lineage of generation %',
            OLD.generation_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'append_only',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_parent BEFORE UPDATE ON usage_generationparent
    FOR EACH ROW EXECUTE FUNCTION usage_guard_parent();
ALTER TABLE usage_generationparent ENABLE ALWAYS TRIGGER guard_parent;
"""

DROP_MOVES = "DROP FUNCTION usage_guard_batch() CASCADE; DROP FUNCTION usage_guard_parent() CASCADE;"

# What foreign keys would say row by row is said once per statement: they cost as much as the insert
# itself. LATERAL with a LIMIT keeps the planner from reading all of what grows with history. KEY
# SHARE on the batch waits for a seal at the same moment, and holds off the next.
ADMISSION = """
CREATE FUNCTION usage_admit_generations() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE pair record;
BEGIN
    FOR pair IN SELECT DISTINCT batch_id, platform_id FROM fresh LOOP
        PERFORM 1 FROM usage_batch
          WHERE id = pair.batch_id AND platform_id = pair.platform_id AND state <> 'sealed'
          FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'batch_sealed: a new generation violates that batch % is sealed',
                pair.batch_id
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'batch_sealed',
                      TABLE = TG_TABLE_NAME;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER admit_generations AFTER INSERT ON usage_generation
    REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION usage_admit_generations();
ALTER TABLE usage_generation ENABLE ALWAYS TRIGGER admit_generations;

CREATE FUNCTION usage_admit_appearances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT subject_id FROM fresh) s
                 LEFT JOIN LATERAL (
                     SELECT id FROM catalog_subject WHERE id = s.subject_id LIMIT 1) c ON true
                WHERE c.id IS NULL) THEN
        RAISE EXCEPTION 'unknown_subject: a new appearance violates that its subject exists'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'unknown_subject',
                  TABLE = TG_TABLE_NAME;
    END IF;
    IF EXISTS (SELECT FROM (
                  SELECT DISTINCT g.batch_id FROM fresh f
                    LEFT JOIN LATERAL (SELECT batch_id FROM usage_generation
                                        WHERE id = f.generation_id LIMIT 1) g ON true) d
                 LEFT JOIN usage_batch b ON b.id = d.batch_id
                WHERE b.state IS NULL OR b.state = 'sealed') THEN
        RAISE EXCEPTION 'batch_sealed: a new appearance violates that its batch is sealed'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'batch_sealed',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER admit_appearances AFTER INSERT ON usage_generationsubject
    REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION usage_admit_appearances();
ALTER TABLE usage_generationsubject ENABLE ALWAYS TRIGGER admit_appearances;

CREATE FUNCTION usage_admit_parents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM (
                  SELECT DISTINCT g.batch_id FROM fresh f
                    LEFT JOIN LATERAL (
                        SELECT batch_id FROM usage_generation
                         WHERE id = f.generation_id AND platform_id = f.platform_id LIMIT 1) g
                      ON true) d
                 LEFT JOIN usage_batch b ON b.id = d.batch_id
                WHERE b.state IS NULL OR b.state = 'sealed') THEN
        RAISE EXCEPTION 'batch_sealed: a new parent violates that its batch is sealed'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'batch_sealed',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER admit_parents AFTER INSERT ON usage_generationparent
    REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION usage_admit_parents();
ALTER TABLE usage_generationparent ENABLE ALWAYS TRIGGER admit_parents;
"""

DROP_ADMISSION = (
    "DROP FUNCTION usage_admit_generations() CASCADE;"
    "DROP FUNCTION usage_admit_appearances() CASCADE;"
    "DROP FUNCTION usage_admit_parents() CASCADE;"
)


class Migration(migrations.Migration):
    dependencies = [("usage", "0001_initial")]

    operations = [
        migrations.RunSQL(APPEND_ONLY, DROP_APPEND_ONLY),
        migrations.RunSQL(MOVES, DROP_MOVES),
        migrations.RunSQL(ADMISSION, DROP_ADMISSION),
    ]
