"""What the database refuses about taking a posted run back.

Every message begins with a stable word: `run_followed`, `run_frozen`, `run_content`.
"""

from django.db import migrations

# Later runs say differences to it, so only the last one is taken back. Runs of a platform start
# under the lock of its row, which whoever reverses one holds too.
REVERSAL = """
CREATE FUNCTION settlement_guard_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state = 'reversed' THEN
    RAISE EXCEPTION 'run_frozen: violates that run % was taken back', OLD.id
      USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.state = 'reversed'
     AND EXISTS (SELECT FROM settlement_run r
                  WHERE r.platform_id = NEW.platform_id AND r.currency = NEW.currency
                    AND r.kind = NEW.kind AND r.id > NEW.id
                    AND r.state NOT IN ('cancelled', 'reversed')) THEN
    RAISE EXCEPTION 'run_followed: violates that a later run counts on run %', OLD.id
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER settlement_guard_reversal BEFORE UPDATE ON settlement_run
  FOR EACH ROW EXECUTE FUNCTION settlement_guard_reversal();
ALTER TABLE settlement_run ENABLE ALWAYS TRIGGER settlement_guard_reversal;
"""


def releasing(*void: str) -> str:
    """The guards of inputs and restatements: they leave runs in one of these states only."""
    states = ", ".join(f"'{state}'" for state in void)
    return f"""
CREATE OR REPLACE FUNCTION settlement_release_inputs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM (SELECT DISTINCT run_id FROM gone) g
               JOIN settlement_run r ON r.id = g.run_id WHERE r.state NOT IN ({states})) THEN
    RAISE EXCEPTION 'run_content: violates that only a run that is void lets its inputs go'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION settlement_release_restatements() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM (SELECT DISTINCT part_id FROM gone) g
               JOIN settlement_runpart p ON p.id = g.part_id
               JOIN settlement_run r ON r.id = p.run_id WHERE r.state NOT IN ({states})) THEN
    RAISE EXCEPTION 'run_content: violates that only a run that is void lets its restatements go'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("settlement", "0006_reversal")]

    operations = [
        migrations.RunSQL(REVERSAL, "DROP FUNCTION settlement_guard_reversal CASCADE"),
        migrations.RunSQL(releasing("cancelled", "reversed"), releasing("cancelled")),
    ]
