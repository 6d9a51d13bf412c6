"""What the house has rejected is not claimed anew by another rights holder of the same organisation."""

from django.db import migrations

FILING = """
CREATE OR REPLACE FUNCTION claims_guard_filing() RETURNS trigger LANGUAGE plpgsql AS $$
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
{earlier}    ) THEN
        PERFORM claims_refuse('claim_rejected', 'this claim');
    END IF;
    RETURN NEW;
END $$;
"""
FOR_ONE = """\
        SELECT 1 FROM claims_claim
        WHERE claimant_id = NEW.claimant_id AND subject_id = NEW.subject_id
            AND territory = NEW.territory AND state = 'rejected'
"""
FOR_ALL = """\
        SELECT 1 FROM claims_claim earlier
        JOIN catalog_rightsholder rejected ON rejected.id = earlier.claimant_id
        JOIN catalog_rightsholder claimant ON claimant.id = NEW.claimant_id
        WHERE rejected.organisation_id = claimant.organisation_id
            AND earlier.subject_id = NEW.subject_id AND earlier.territory = NEW.territory
            AND earlier.state = 'rejected'
"""


def filing(earlier: str) -> str:
    """The guard of filing, with the claims whose rejection stands against a new one."""
    return FILING.replace("{earlier}", earlier)


class Migration(migrations.Migration):
    dependencies = [("claims", "0002_guards")]

    operations = [migrations.RunSQL(filing(FOR_ALL), filing(FOR_ONE))]
