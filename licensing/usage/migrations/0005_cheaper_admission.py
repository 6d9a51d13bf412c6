"""The same admission of new rows, for less: each receipt is looked up once instead of each of its
generations, and the generations of new appearances are read as the one range that an ingest writes.
"""

from importlib import import_module

from django.db import migrations

# Of a receipt's generations, the highest unit tells of all; one that is missing is above any.
ADMISSION = """
CREATE OR REPLACE FUNCTION usage_admit_generations() RETURNS trigger LANGUAGE plpgsql AS $$
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
    IF EXISTS (SELECT FROM (
                  SELECT consent_check_id, max(coalesce(unit, 32767)) AS unit FROM fresh
                   WHERE licensed AND unit IS DISTINCT FROM 1
                   GROUP BY consent_check_id) f
                CROSS JOIN LATERAL (
                    SELECT generations FROM consent_consentcheck
                     WHERE id = f.consent_check_id LIMIT 1) c
                WHERE c.generations < f.unit) THEN
        RAISE EXCEPTION 'over_quota: a new generation violates how many its receipt covers'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'over_quota',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
"""

# An ingest's ids follow one on the other, so one range of the index holds all its generations, and
# hardly any other. They are read by the index and joined by hash or by merging, however few there
# seem to be to the planner; what is looked up by its id is LATERAL, which is a loop even so.
APPEARANCES = """
CREATE OR REPLACE FUNCTION usage_admit_appearances() RETURNS trigger LANGUAGE plpgsql
SET enable_nestloop = off SET enable_seqscan = off AS $$
DECLARE first_id uuid; last_id uuid;
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT subject_id FROM fresh) s
                 LEFT JOIN LATERAL (
                     SELECT id FROM catalog_subject WHERE id = s.subject_id LIMIT 1) c ON true
                WHERE c.id IS NULL) THEN
        RAISE EXCEPTION 'unknown_subject: a new appearance violates that its subject exists'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'unknown_subject',
                  TABLE = TG_TABLE_NAME;
    END IF;
    SELECT generation_id INTO first_id FROM fresh ORDER BY generation_id LIMIT 1;
    SELECT generation_id INTO last_id FROM fresh ORDER BY generation_id DESC LIMIT 1;
    IF EXISTS (SELECT FROM (
                  SELECT DISTINCT g.batch_id FROM fresh f
                    LEFT JOIN (SELECT id, batch_id FROM usage_generation
                                WHERE id BETWEEN first_id AND last_id OFFSET 0) g
                           ON g.id = f.generation_id) d
                 LEFT JOIN LATERAL (
                     SELECT state FROM usage_batch WHERE id = d.batch_id LIMIT 1) b ON true
                WHERE b.state IS NULL OR b.state = 'sealed') THEN
        RAISE EXCEPTION 'batch_sealed: a new appearance violates that its batch is sealed'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'batch_sealed',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
"""

_GUARDS = import_module("licensing.usage.migrations.0002_guards").ADMISSION
_UNITS = import_module("licensing.usage.migrations.0004_units").ADMISSION
_EARLIER_APPEARANCES = "CREATE OR REPLACE FUNCTION usage_admit_appearances()" + (
    _GUARDS.partition("CREATE FUNCTION usage_admit_appearances()")[2].partition("CREATE TRIGGER")[0]
)


class Migration(migrations.Migration):
    dependencies = [("usage", "0004_units")]

    operations = [
        migrations.RunSQL(ADMISSION, _UNITS),
        migrations.RunSQL(APPEARANCES, _EARLIER_APPEARANCES),
    ]
