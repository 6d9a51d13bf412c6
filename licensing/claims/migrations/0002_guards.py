"""What PostgreSQL refuses by itself about claims, beyond what the models can say.

Every function raises with an SQLSTATE of class 23 and the name of a constraint, so that callers
meet these refusals exactly as they meet a CHECK.
"""

from django.db import migrations

REFUSE = """
CREATE FUNCTION claims_refuse(code text, message text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: % violates the guards of claims', code, message
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = code, TABLE = 'claims_claim';
END $$;

CREATE FUNCTION claims_never_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM claims_refuse('claim_never_removed', TG_OP);
    RETURN NULL;
END $$;
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON claims_claim
    FOR EACH STATEMENT EXECUTE FUNCTION claims_never_removed();
ALTER TABLE claims_claim ENABLE ALWAYS TRIGGER never_removed;
"""
DROP_REFUSE = """
DROP FUNCTION claims_never_removed() CASCADE;
DROP FUNCTION claims_refuse(text, text);
"""

# A claim begins disputed, to a subject of another in the same mode, and not once more after the
# house has rejected it. The subject's row is locked, so that a rejection at that moment is seen.
FILED = """
CREATE FUNCTION claims_guard_filing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM catalog_subject WHERE id = NEW.subject_id FOR NO KEY UPDATE;
    IF NEW.state <> 'disputed' OR NEW.contested_at IS NOT NULL THEN
        PERFORM claims_refuse('claim_move', 'beginning as ' || NEW.state);
    END IF;
    IF EXISTS (
        SELECT 1 FROM catalog_subject subject
        JOIN catalog_rightsholder registrant ON registrant.id = subject.holder_id
        JOIN access_organisation here ON here.id = registrant.organisation_id
        JOIN catalog_rightsholder claimant ON claimant.id = NEW.claimant_id
        JOIN access_organisation there ON there.id = claimant.organisation_id
        WHERE subject.id = NEW.subject_id AND (here.id = there.id OR here.mode <> there.mode)
    ) THEN
        PERFORM claims_refuse('claim_to_anothers', 'this claim');
    END IF;
    IF EXISTS (
        SELECT 1 FROM claims_claim
        WHERE claimant_id = NEW.claimant_id AND subject_id = NEW.subject_id
            AND territory = NEW.territory AND state = 'rejected'
    ) THEN
        PERFORM claims_refuse('claim_rejected', 'this claim');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_filing BEFORE INSERT ON claims_claim
    FOR EACH ROW EXECUTE FUNCTION claims_guard_filing();
ALTER TABLE claims_claim ENABLE ALWAYS TRIGGER guard_filing;
"""

# It is contested once and ended once; what was said stays. Whoever answers for the other side owns
# a share or registered the subject; who decides belongs to the house of the subject's mode.
MOVES = """
CREATE FUNCTION claims_is_owner(subject uuid, holder uuid, at timestamptz)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM catalog_subject WHERE id = subject AND holder_id = holder)
        OR EXISTS (
            SELECT 1 FROM catalog_ownershipshare share
            JOIN catalog_ownershipstep step ON step.id = share.step_id
            WHERE step.subject_id = subject AND share.holder_id = holder
                AND step.effective_on <= (at AT TIME ZONE 'UTC')::date
                AND NOT EXISTS (
                    SELECT 1 FROM catalog_ownershipstep later
                    WHERE later.subject_id = subject AND later.territory = step.territory
                        AND later.effective_on > step.effective_on
                        AND later.effective_on <= (at AT TIME ZONE 'UTC')::date))
$$;

CREATE FUNCTION claims_guard_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.subject_id, NEW.claimant_id, NEW.territory, NEW.statement, NEW.filed_by,
        NEW.filed_by_label, NEW.filed_at)
       IS DISTINCT FROM
       (OLD.id, OLD.subject_id, OLD.claimant_id, OLD.territory, OLD.statement, OLD.filed_by,
        OLD.filed_by_label, OLD.filed_at) THEN
        PERFORM claims_refuse('claim_said', 'a change of what was claimed');
    END IF;
    IF OLD.contested_at IS NOT NULL
       AND (NEW.contested_for_id, NEW.contest, NEW.contested_by, NEW.contested_by_label,
            NEW.contested_at)
           IS DISTINCT FROM
           (OLD.contested_for_id, OLD.contest, OLD.contested_by, OLD.contested_by_label,
            OLD.contested_at) THEN
        PERFORM claims_refuse('claim_said', 'a change of what was said against it');
    END IF;
    IF OLD.state <> 'disputed' THEN
        PERFORM claims_refuse('claim_move', OLD.state || ' to ' || NEW.state);
    END IF;
    IF OLD.contested_at IS NULL AND NEW.contested_at IS NOT NULL
       AND NOT claims_is_owner(NEW.subject_id, NEW.contested_for_id, NEW.contested_at) THEN
        PERFORM claims_refuse('claim_answered_by_owner', 'this contest');
    END IF;
    IF NEW.state = 'conceded'
       AND NOT claims_is_owner(NEW.subject_id, NEW.conceded_for_id, NEW.ended_at) THEN
        PERFORM claims_refuse('claim_answered_by_owner', 'this concession');
    END IF;
    IF NEW.state IN ('upheld', 'rejected') AND NOT EXISTS (
        SELECT 1 FROM access_membership member
        JOIN access_organisation house ON house.id = member.organisation_id
        JOIN catalog_subject subject ON subject.id = NEW.subject_id
        JOIN catalog_rightsholder registrant ON registrant.id = subject.holder_id
        JOIN access_organisation here ON here.id = registrant.organisation_id
        WHERE member.user_id = NEW.ended_by AND member.ended_at IS NULL
            AND house.kind = 'house' AND house.mode = here.mode
    ) THEN
        PERFORM claims_refuse('claim_resolved_by_house', 'this decision');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_move BEFORE UPDATE ON claims_claim
    FOR EACH ROW EXECUTE FUNCTION claims_guard_move();
ALTER TABLE claims_claim ENABLE ALWAYS TRIGGER guard_move;
"""
DROP_MOVES = """
DROP FUNCTION claims_guard_move() CASCADE;
DROP FUNCTION claims_is_owner(uuid, uuid, timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("claims", "0001_initial"),
        ("catalog", "0002_guards"),
        ("access", "0002_guards"),
    ]

    operations = [
        migrations.RunSQL(REFUSE, DROP_REFUSE),
        migrations.RunSQL(FILED, "DROP FUNCTION claims_guard_filing() CASCADE;"),
        migrations.RunSQL(MOVES, DROP_MOVES),
    ]
