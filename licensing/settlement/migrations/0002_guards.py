"""What the database itself refuses about settlement, and Django has no word for.

Every message begins with a stable word: `run_frozen`, `run_move`, `run_content`, `part_move`,
`append_only`.
"""

from django.db import migrations

RUN_GUARD = """
CREATE FUNCTION settlement_run_may_move(old_state text, new_state text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT (old_state, new_state) IN (
    ('draft', 'collecting'), ('draft', 'cancelled'),
    ('collecting', 'rating'), ('collecting', 'parked'), ('collecting', 'cancelled'),
    ('rating', 'rated'), ('rating', 'parked'), ('rating', 'cancelled'),
    ('rated', 'in_review'), ('rated', 'parked'), ('rated', 'cancelled'),
    ('in_review', 'approved'), ('in_review', 'cancelled'),
    ('approved', 'posting'), ('approved', 'parked'),
    ('posting', 'posted'), ('posting', 'parked'),
    ('posted', 'reversed'),
    ('parked', 'collecting'), ('parked', 'rating'), ('parked', 'rated'), ('parked', 'approved'),
    ('parked', 'posting'), ('parked', 'cancelled'))
$$;
CREATE FUNCTION settlement_guard_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD.id, OLD.platform_id, OLD.mode, OLD.currency, OLD.period, OLD.kind, OLD.revision,
      OLD.started_by, OLD.started_by_label, OLD.started_at)
     IS DISTINCT FROM
     (NEW.id, NEW.platform_id, NEW.mode, NEW.currency, NEW.period, NEW.kind, NEW.revision,
      NEW.started_by, NEW.started_by_label, NEW.started_at) THEN
    RAISE EXCEPTION 'run_frozen: violates what run % is', OLD.id USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.content_hash IS NOT NULL
     AND (OLD.content_hash, OLD.fee, OLD.holders, OLD.suspense, OLD.generations)
     IS DISTINCT FROM
     (NEW.content_hash, NEW.fee, NEW.holders, NEW.suspense, NEW.generations) THEN
    RAISE EXCEPTION 'run_frozen: violates the content of run %', OLD.id
      USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.approved_by IS NOT NULL
     AND (OLD.approved_by, OLD.approved_by_label, OLD.approved_at, OLD.effective_on)
     IS DISTINCT FROM
     (NEW.approved_by, NEW.approved_by_label, NEW.approved_at, NEW.effective_on) THEN
    RAISE EXCEPTION 'run_frozen: violates the approval of run %', OLD.id
      USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.state <> NEW.state THEN
    IF NOT settlement_run_may_move(OLD.state, NEW.state)
       OR (OLD.state = 'parked' AND NEW.state NOT IN ('cancelled', OLD.parked_from))
       OR (OLD.parked_from IN ('approved', 'posting') AND NEW.state = 'cancelled')
       OR (NEW.state = 'parked' AND NEW.parked_from <> OLD.state) THEN
      RAISE EXCEPTION 'run_move: violates the moves of a run, % to %', OLD.state, NEW.state
        USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.version <> OLD.version + 1 THEN
      RAISE EXCEPTION 'run_move: violates that a move counts its version'
        USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER settlement_guard_run BEFORE UPDATE ON settlement_run
  FOR EACH ROW EXECUTE FUNCTION settlement_guard_run();
ALTER TABLE settlement_run ENABLE ALWAYS TRIGGER settlement_guard_run;
"""

PART_GUARD = """
CREATE FUNCTION settlement_part_may_move(old_state text, new_state text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT (old_state, new_state) IN (
    ('waiting', 'leased'),
    ('leased', 'leased'), ('leased', 'waiting'), ('leased', 'done'), ('leased', 'quarantined'),
    ('quarantined', 'waiting'))
$$;
CREATE FUNCTION settlement_guard_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state = 'done'
     OR NOT (settlement_part_may_move(OLD.state, NEW.state)
             OR (OLD.state = NEW.state AND OLD.attempt = NEW.attempt))
     OR (OLD.id, OLD.run_id, OLD.kind, OLD.number, OLD.batches, OLD.first_generation,
         OLD.last_generation, OLD.rows)
        IS DISTINCT FROM
        (NEW.id, NEW.run_id, NEW.kind, NEW.number, NEW.batches, NEW.first_generation,
         NEW.last_generation, NEW.rows) THEN
    RAISE EXCEPTION 'part_move: violates the moves of part %, % to %', OLD.id, OLD.state, NEW.state
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER settlement_guard_part BEFORE UPDATE ON settlement_runpart
  FOR EACH ROW EXECUTE FUNCTION settlement_guard_part();
ALTER TABLE settlement_runpart ENABLE ALWAYS TRIGGER settlement_guard_part;
"""

# Statement triggers: a million lines are refused, or let in, as fast as one.
APPEND_ONLY = """
CREATE FUNCTION settlement_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'append_only: % on % violates that what was rated never changes',
      TG_OP, TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE FUNCTION settlement_admit_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM (SELECT DISTINCT run_id FROM fresh) f
               LEFT JOIN settlement_run r ON r.id = f.run_id
              WHERE r.state IS DISTINCT FROM TG_ARGV[0]) THEN
    RAISE EXCEPTION 'run_content: a new row of % violates that its run is %',
        TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
""" + "".join(
    f"""
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER admit_rows AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_admit_rows('{state}');
ALTER TABLE {table} ENABLE ALWAYS TRIGGER admit_rows;
"""
    for table, state in (
        ("settlement_royaltyline", "rating"),
        ("settlement_runtotal", "rated"),
        ("settlement_runshare", "rated"),
    )
) + """
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON settlement_run
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
ALTER TABLE settlement_run ENABLE ALWAYS TRIGGER never_removed;
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON settlement_runpart
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
ALTER TABLE settlement_runpart ENABLE ALWAYS TRIGGER never_removed;
"""

# Inputs join a run while it collects, and only a cancelled run lets them go.
INPUTS = """
CREATE TRIGGER never_changed BEFORE UPDATE OR TRUNCATE ON settlement_input
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
ALTER TABLE settlement_input ENABLE ALWAYS TRIGGER never_changed;
CREATE TRIGGER admit_rows AFTER INSERT ON settlement_input REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_admit_rows('collecting');
ALTER TABLE settlement_input ENABLE ALWAYS TRIGGER admit_rows;
CREATE FUNCTION settlement_release_inputs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM (SELECT DISTINCT run_id FROM gone) g
               JOIN settlement_run r ON r.id = g.run_id WHERE r.state <> 'cancelled') THEN
    RAISE EXCEPTION 'run_content: violates that only a cancelled run lets its inputs go'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER release_inputs AFTER DELETE ON settlement_input REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_release_inputs();
ALTER TABLE settlement_input ENABLE ALWAYS TRIGGER release_inputs;
"""

# What holders have earned: only what is posted. The id sorts by month, and is unique.
EARNINGS = """
CREATE VIEW settlement_earning AS
SELECT to_char(t.service_month, 'YYYY-MM') || ':' || s.holder_id || ':' || t.subject_id || ':'
         || r.platform_id || ':' || r.currency AS id,
       r.mode, s.holder_id, t.subject_id, r.platform_id, t.service_month AS month, r.currency,
       sum(s.amount)::numeric(24, 8) AS amount
  FROM settlement_runshare s
  JOIN settlement_runtotal t ON t.id = s.total_id
  JOIN settlement_run r ON r.id = s.run_id
 WHERE r.state = 'posted' AND s.payee = 'holder'
 GROUP BY r.mode, s.holder_id, t.subject_id, r.platform_id, t.service_month, r.currency;
"""

UNDO = """
DROP VIEW settlement_earning;
DROP FUNCTION settlement_release_inputs CASCADE;
DROP FUNCTION settlement_admit_rows CASCADE;
DROP FUNCTION settlement_refuse_change CASCADE;
DROP FUNCTION settlement_guard_part CASCADE;
DROP FUNCTION settlement_part_may_move;
DROP FUNCTION settlement_guard_run CASCADE;
DROP FUNCTION settlement_run_may_move;
"""


class Migration(migrations.Migration):
    dependencies = [("settlement", "0001_initial")]

    operations = [
        migrations.RunSQL(RUN_GUARD + PART_GUARD + APPEND_ONLY + INPUTS + EARNINGS, UNDO),
    ]
