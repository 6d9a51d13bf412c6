"""What PostgreSQL refuses by itself about agreements and terms."""

from django.db import migrations

# An agreement is over what its own holder registered, between two of one mode.
SCOPE = """
ALTER TABLE commerce_agreement ADD CONSTRAINT agreement_fits_its_property
    FOREIGN KEY (property_id, holder_id) REFERENCES catalog_property (id, holder_id);
CREATE FUNCTION commerce_agreement_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.subject_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM catalog_subject WHERE id = NEW.subject_id AND holder_id = NEW.holder_id
    ) THEN
        RAISE EXCEPTION 'agreement_scope: % violates that an agreement is over its holder''s own', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (SELECT o.mode FROM catalog_platform p JOIN access_organisation o ON o.id = p.organisation_id
            WHERE p.id = NEW.platform_id)
        IS DISTINCT FROM
        (SELECT o.mode FROM catalog_rightsholder h JOIN access_organisation o ON o.id = h.organisation_id
            WHERE h.id = NEW.holder_id)
    THEN
        RAISE EXCEPTION 'agreement_mode: % violates that test and live never meet', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER commerce_agreement_fits BEFORE INSERT ON commerce_agreement
    FOR EACH ROW EXECUTE FUNCTION commerce_agreement_fits();
"""

# Versions are numbered from one without a gap, and each begins after the one before.
ORDER = """
CREATE FUNCTION commerce_terms_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last record;
BEGIN
    PERFORM 1 FROM commerce_agreement WHERE id = NEW.agreement_id FOR NO KEY UPDATE;
    SELECT number, effective_on INTO last FROM commerce_termsversion
        WHERE agreement_id = NEW.agreement_id ORDER BY number DESC LIMIT 1;
    IF NEW.number <> coalesce(last.number, 0) + 1
        OR NEW.effective_on <= last.effective_on
        OR (last.number IS NOT NULL
            AND NEW.effective_on < (NEW.recorded_at AT TIME ZONE 'UTC')::date)
    THEN
        RAISE EXCEPTION 'terms_out_of_order: % violates the order of terms', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER commerce_terms_in_order BEFORE INSERT ON commerce_termsversion
    FOR EACH ROW EXECUTE FUNCTION commerce_terms_in_order();
"""

# All of a version's prices are written by one statement, in the transaction of the version: their
# number is right after any statement that adds some, and at the end of the version's transaction.
PRICES = """
CREATE FUNCTION commerce_prices_are_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM (SELECT DISTINCT terms_id FROM added) touched
        JOIN commerce_termsversion version ON version.id = touched.terms_id
        WHERE version.price_count <>
            (SELECT count(*) FROM commerce_termsprice WHERE terms_id = version.id)
    ) THEN
        RAISE EXCEPTION 'terms_sealed: a price violates that terms never change'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER commerce_prices_are_whole AFTER INSERT ON commerce_termsprice
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION commerce_prices_are_whole();
CREATE FUNCTION commerce_terms_are_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.price_count = 0 OR NEW.price_count <>
        (SELECT count(*) FROM commerce_termsprice WHERE terms_id = NEW.id)
    THEN
        RAISE EXCEPTION 'terms_not_whole: % violates that terms have all their prices', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER commerce_terms_are_whole AFTER INSERT ON commerce_termsversion
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION commerce_terms_are_whole();
"""

APPEND_ONLY = """
CREATE FUNCTION commerce_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append_only: % violates that agreements and terms never change', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
""" + "".join(
    f"""
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION commerce_append_only();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_append_only;
"""
    for table in ("commerce_agreement", "commerce_termsversion", "commerce_termsprice")
)

UNDO = """
DROP TRIGGER commerce_agreement_append_only ON commerce_agreement;
DROP TRIGGER commerce_termsversion_append_only ON commerce_termsversion;
DROP TRIGGER commerce_termsprice_append_only ON commerce_termsprice;
DROP TRIGGER commerce_prices_are_whole ON commerce_termsprice;
DROP TRIGGER commerce_terms_are_whole ON commerce_termsversion;
DROP TRIGGER commerce_terms_in_order ON commerce_termsversion;
DROP TRIGGER commerce_agreement_fits ON commerce_agreement;
ALTER TABLE commerce_agreement DROP CONSTRAINT agreement_fits_its_property;
DROP FUNCTION commerce_append_only, commerce_prices_are_whole, commerce_terms_are_whole, commerce_terms_in_order,
    commerce_agreement_fits;
"""


class Migration(migrations.Migration):
    dependencies = [("commerce", "0001_initial"), ("catalog", "0002_guards")]

    operations = [
        migrations.RunSQL(SCOPE + ORDER + PRICES + APPEND_ONLY, UNDO),
    ]
