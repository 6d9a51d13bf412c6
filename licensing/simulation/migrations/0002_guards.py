"""What the database itself refuses about simulations, and Django has no word for.

Every message begins with a stable word: `simulation_frozen`, `simulation_move`.
"""

from django.db import migrations

GUARD = """
CREATE FUNCTION simulation_may_move(old_state text, new_state text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT (old_state, new_state) IN (
    ('queued', 'running'), ('queued', 'cancelled'),
    ('running', 'running'), ('running', 'queued'), ('running', 'done'), ('running', 'failed'),
    ('running', 'cancelled'))
$$;
CREATE FUNCTION simulation_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD.id, OLD.rule_id, OLD.holder_id, OLD.version_id, OLD.revision, OLD.body,
      OLD.content_hash, OLD.window_from, OLD.window_to, OLD.slot, OLD.created_by, OLD.created_at)
     IS DISTINCT FROM
     (NEW.id, NEW.rule_id, NEW.holder_id, NEW.version_id, NEW.revision, NEW.body,
      NEW.content_hash, NEW.window_from, NEW.window_to, NEW.slot, NEW.created_by, NEW.created_at)
     OR (OLD.as_of IS NOT NULL AND OLD.as_of IS DISTINCT FROM NEW.as_of) THEN
    RAISE EXCEPTION 'simulation_frozen: violates what simulation % is', OLD.id
      USING ERRCODE = 'check_violation';
  END IF;
  IF NOT simulation_may_move(OLD.state, NEW.state) OR NEW.attempt < OLD.attempt THEN
    RAISE EXCEPTION 'simulation_move: violates the moves of simulation %, % to %',
      OLD.id, OLD.state, NEW.state USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER simulation_guard BEFORE UPDATE ON simulation_simulation
  FOR EACH ROW EXECUTE FUNCTION simulation_guard();
ALTER TABLE simulation_simulation ENABLE ALWAYS TRIGGER simulation_guard;
"""
DROP_GUARD = """
DROP FUNCTION simulation_guard() CASCADE;
DROP FUNCTION simulation_may_move(text, text);
"""

# The holder and the version are the rule's.
BELONGS = """
ALTER TABLE simulation_simulation ADD CONSTRAINT simulation_of_holders_rule
    FOREIGN KEY (rule_id, holder_id) REFERENCES consent_consentrule (id, holder_id);
"""
DROP_BELONGS = "ALTER TABLE simulation_simulation DROP CONSTRAINT simulation_of_holders_rule;"


class Migration(migrations.Migration):
    dependencies = [("simulation", "0001_initial")]

    operations = [
        migrations.RunSQL(GUARD, DROP_GUARD),
        migrations.RunSQL(BELONGS, DROP_BELONGS),
    ]
