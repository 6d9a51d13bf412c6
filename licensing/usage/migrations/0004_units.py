"""Which of the generations that its receipt covers a generation is.

That no unit is given twice is a unique index; that it is one of the receipt's, the admission of new
generations says once per statement. Only units past the first need to be looked up: a receipt covers
at least one.
"""

from django.db import migrations, models

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
    IF EXISTS (SELECT FROM fresh f
                CROSS JOIN LATERAL (
                    SELECT generations FROM consent_consentcheck
                     WHERE id = f.consent_check_id LIMIT 1) c
                WHERE f.licensed AND f.unit IS DISTINCT FROM 1
                  AND c.generations < coalesce(f.unit, c.generations + 1)) THEN
        RAISE EXCEPTION 'over_quota: a new generation violates how many its receipt covers'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'over_quota',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
"""

EARLIER_ADMISSION = """
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
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0002_guards'),
        ('consent', '0004_quotas'),
        ('usage', '0003_cited_by'),
    ]

    operations = [
        migrations.AddField(
            model_name='generation',
            name='unit',
            field=models.SmallIntegerField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='generation',
            name='unlicensed_reason',
            field=models.CharField(blank=True, choices=[('no_receipt', 'It cites no receipt'), ('unknown_receipt', 'The receipt is not one of ours'), ('other_platform', 'The receipt was given to another platform'), ('denied', 'The check was not allowed'), ('other_subjects', 'The receipt is for other subjects'), ('wrong_action', 'The receipt is for another action'), ('other_territory', 'The receipt is for another territory'), ('other_purpose', 'The receipt is for another purpose'), ('over_duration', 'It is longer than the receipt covers'), ('over_resolution', 'Its resolution is higher than the receipt covers'), ('not_yet_issued', 'It happened before the receipt was issued'), ('expired', 'It happened after the receipt expired'), ('over_quota', 'The receipt covers fewer generations')], max_length=20),
        ),
        migrations.AddConstraint(
            model_name='generation',
            constraint=models.UniqueConstraint(condition=models.Q(('unit__isnull', False)), fields=('consent_check', 'unit'), name='generation_unit_once'),
        ),
        migrations.AddConstraint(
            model_name='generation',
            constraint=models.CheckConstraint(condition=models.Q(('unit', None), models.Q(('licensed', True), ('unit__gte', 1), ('unit__lte', 100)), _connector='OR'), name='generation_unit_if_licensed'),
        ),
        migrations.RunSQL(ADMISSION, EARLIER_ADMISSION),
    ]
