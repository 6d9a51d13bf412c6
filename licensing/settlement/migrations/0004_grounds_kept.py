"""The grounds of what was rated before there were any, and how grounds and restatements are kept.

Every message begins with a stable word: `run_content`, `append_only`.
"""

from django.db import migrations

# The grounds of what was rated before there were any, from its lines. A restate part says only
# differences, so it stands on the lines of all parts up to it. Without inherited lines nothing is
# known about what parents took, which was nothing.
FILL = """
SET CONSTRAINTS ALL IMMEDIATE;
WITH rated AS (
    SELECT u.generation_id, u.currency, u.restated_by_id AS part_id
      FROM settlement_unknownparent u WHERE u.restated_by_id IS NOT NULL
     GROUP BY 1, 2, 3
)
INSERT INTO settlement_restatement (generation_id, currency, part_id, before_id)
SELECT r.generation_id, r.currency, r.part_id,
       coalesce(lag(r.part_id) OVER (PARTITION BY r.generation_id, r.currency ORDER BY r.part_id),
                first.id)
  FROM rated r
  JOIN usage_generation g ON g.id = r.generation_id
  JOIN settlement_input i ON i.batch_id = g.batch_id AND i.currency = r.currency
  JOIN settlement_runpart first
    ON first.run_id = i.run_id AND first.kind = 'rate' AND g.batch_id = ANY(first.batches)
   AND (first.first_generation IS NULL
        OR g.id BETWEEN first.first_generation AND first.last_generation);
WITH part AS (
    SELECT p.id, p.kind, r.platform_id, r.currency
      FROM settlement_runpart p JOIN settlement_run r ON r.id = p.run_id
     WHERE r.state <> 'cancelled' AND p.kind IN ('rate', 'restate')
), day AS (
    SELECT DISTINCT x.part_id, (g.occurred_at AT TIME ZONE 'UTC')::date AS day
      FROM settlement_restatement x JOIN usage_generation g ON g.id = x.generation_id
), line AS (
    SELECT p.id AS part_id, l.part_id AS of_id, l.subject_id, l.service_day, l.territory,
           l.terms_id, l.step_id, l.code IN ('ok', 'unowned') AS priced, l.basis
      FROM part p JOIN settlement_royaltyline l ON l.part_id = p.id
     WHERE p.kind = 'rate'
     UNION ALL
    SELECT p.id, l.part_id, l.subject_id, l.service_day, l.territory, l.terms_id, l.step_id,
           l.code IN ('ok', 'unowned'), l.basis
      FROM part p
      JOIN day d ON d.part_id = p.id
      JOIN part e ON e.platform_id = p.platform_id AND e.currency = p.currency AND e.id <= p.id
      JOIN settlement_royaltyline l ON l.part_id = e.id AND l.service_day = d.day
     WHERE p.kind = 'restate'
)
INSERT INTO settlement_ground (part_id, subject_id, day, territory, terms_id, step_id, priced,
                               divided)
SELECT DISTINCT ON (part_id, subject_id, service_day, territory)
       part_id, subject_id, service_day, territory, terms_id, step_id, priced,
       bool_or(basis = 'inherited') OVER (PARTITION BY part_id, subject_id, service_day, territory)
  FROM line
 ORDER BY part_id, subject_id, service_day, territory, priced DESC, of_id DESC;
"""

# Grounds are written while their run rates, and only marked as asked again after that. What is
# restated is chosen while the run collects, and let go with a cancelled run's inputs.
APPEND_ONLY = """
CREATE FUNCTION settlement_admit_part_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM (SELECT DISTINCT part_id FROM fresh) f
               LEFT JOIN settlement_runpart p ON p.id = f.part_id
               LEFT JOIN settlement_run r ON r.id = p.run_id
              WHERE r.state IS DISTINCT FROM TG_ARGV[0]) THEN
    RAISE EXCEPTION 'run_content: a new row of % violates that its run is %',
        TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER admit_rows AFTER INSERT ON settlement_ground REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_admit_part_rows('rating');
ALTER TABLE settlement_ground ENABLE ALWAYS TRIGGER admit_rows;
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON settlement_ground
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
ALTER TABLE settlement_ground ENABLE ALWAYS TRIGGER never_removed;
CREATE TRIGGER never_changed BEFORE UPDATE ON settlement_ground FOR EACH ROW
  WHEN ((OLD.part_id, OLD.subject_id, OLD.day, OLD.territory, OLD.terms_id, OLD.step_id,
         OLD.priced, OLD.divided)
        IS DISTINCT FROM
        (NEW.part_id, NEW.subject_id, NEW.day, NEW.territory, NEW.terms_id, NEW.step_id,
         NEW.priced, NEW.divided))
  EXECUTE FUNCTION settlement_refuse_change();
ALTER TABLE settlement_ground ENABLE ALWAYS TRIGGER never_changed;

CREATE TRIGGER admit_rows AFTER INSERT ON settlement_restatement REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_admit_part_rows('collecting');
ALTER TABLE settlement_restatement ENABLE ALWAYS TRIGGER admit_rows;
CREATE TRIGGER never_changed BEFORE UPDATE OR TRUNCATE ON settlement_restatement
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_refuse_change();
ALTER TABLE settlement_restatement ENABLE ALWAYS TRIGGER never_changed;
CREATE FUNCTION settlement_release_restatements() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM (SELECT DISTINCT part_id FROM gone) g
               JOIN settlement_runpart p ON p.id = g.part_id
               JOIN settlement_run r ON r.id = p.run_id WHERE r.state <> 'cancelled') THEN
    RAISE EXCEPTION 'run_content: violates that only a cancelled run lets its restatements go'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER release_restatements AFTER DELETE ON settlement_restatement
  REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_release_restatements();
ALTER TABLE settlement_restatement ENABLE ALWAYS TRIGGER release_restatements;
"""

UNDO = """
DROP TRIGGER release_restatements ON settlement_restatement;
DROP TRIGGER never_changed ON settlement_restatement;
DROP TRIGGER never_changed ON settlement_ground;
DROP TRIGGER never_removed ON settlement_ground;
DROP FUNCTION settlement_release_restatements;
DROP FUNCTION settlement_admit_part_rows CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("settlement", "0003_grounds")]

    operations = [
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(APPEND_ONLY, UNDO),
    ]
