"""What keeps settled usage from being priced or shared out anew by what is recorded later.

Every message begins with a stable word: `settled_time`.
"""

from django.db import migrations

# New terms would govern what is settled on a day if they begin by then, under an agreement as
# specific as the settled one or more so: over the subject itself, over the deepest property, over
# everything of a holder. The lock waits for parts that are being rated, and they for us.
TERMS = """
CREATE FUNCTION settlement_specificity(agreement commerce_agreement) RETURNS integer
LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN agreement.subject_id IS NOT NULL THEN 1000
              WHEN agreement.property_id IS NOT NULL
              THEN (SELECT depth FROM catalog_property WHERE id = agreement.property_id)
              ELSE 0 END
$$;
CREATE FUNCTION settlement_guard_terms() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  agreement commerce_agreement;
  settled date;
BEGIN
  SELECT * INTO agreement FROM commerce_agreement WHERE id = NEW.agreement_id;
  PERFORM pg_advisory_xact_lock(hashtextextended('terms:' || agreement.platform_id::text, 0));
  WITH RECURSIVE beneath (id) AS (
    SELECT agreement.property_id WHERE agreement.property_id IS NOT NULL
     UNION ALL
    SELECT p.id FROM beneath JOIN catalog_property p ON p.parent_id = beneath.id
  ), subject AS (
    SELECT agreement.subject_id AS id WHERE agreement.subject_id IS NOT NULL
     UNION ALL
    SELECT s.id FROM catalog_subject s JOIN beneath ON beneath.id = s.property_id
     UNION ALL
    SELECT s.id FROM catalog_subject s
     WHERE s.holder_id = agreement.holder_id
       AND agreement.subject_id IS NULL AND agreement.property_id IS NULL
  )
  SELECT max(k.day) INTO settled
    FROM subject s
    JOIN settlement_ground k ON k.subject_id = s.id AND k.day >= NEW.effective_on
     AND (k.priced OR k.divided) AND k.terms_id IS NOT NULL
    JOIN settlement_runpart p ON p.id = k.part_id
    JOIN settlement_run r ON r.id = p.run_id AND r.state NOT IN ('cancelled', 'reversed')
    JOIN commerce_termsversion v ON v.id = k.terms_id
    JOIN commerce_agreement a ON a.id = v.agreement_id AND a.platform_id = agreement.platform_id
   WHERE settlement_specificity(agreement) >= settlement_specificity(a);
  IF settled IS NOT NULL THEN
    RAISE EXCEPTION 'settled_time: terms from % violate what is settled up to %',
        NEW.effective_on, settled
      USING ERRCODE = 'integrity_constraint_violation', DETAIL = settled;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER settlement_guard_terms BEFORE INSERT ON commerce_termsversion
  FOR EACH ROW EXECUTE FUNCTION settlement_guard_terms();
ALTER TABLE commerce_termsversion ENABLE ALWAYS TRIGGER settlement_guard_terms;
"""

# A new step would be in force for what is settled on a day if it begins by then, in its territory,
# or everywhere where there was none of that territory alone. A subject's first step takes nothing
# from anybody.
OWNERSHIP = """
CREATE FUNCTION settlement_guard_ownership() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  settled date;
BEGIN
  IF NOT EXISTS (SELECT FROM catalog_ownershipstep WHERE subject_id = NEW.subject_id) THEN
    RETURN NEW;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('ownership', 0));
  SELECT max(k.day) INTO settled
    FROM settlement_ground k
    JOIN settlement_runpart p ON p.id = k.part_id
    JOIN settlement_run r ON r.id = p.run_id AND r.state NOT IN ('cancelled', 'reversed')
    JOIN catalog_ownershipstep step ON step.id = k.step_id
   WHERE k.subject_id = NEW.subject_id AND k.day >= NEW.effective_on AND k.priced
     AND k.terms_id IS NOT NULL
     AND (k.territory = NEW.territory OR NEW.territory = '' AND step.territory = '');
  IF settled IS NOT NULL THEN
    RAISE EXCEPTION 'settled_time: ownership from % violates what is settled up to %',
        NEW.effective_on, settled
      USING ERRCODE = 'integrity_constraint_violation', DETAIL = settled;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER settlement_guard_ownership BEFORE INSERT ON catalog_ownershipstep
  FOR EACH ROW EXECUTE FUNCTION settlement_guard_ownership();
ALTER TABLE catalog_ownershipstep ENABLE ALWAYS TRIGGER settlement_guard_ownership;
"""

UNDO = """
DROP FUNCTION settlement_guard_ownership CASCADE;
DROP FUNCTION settlement_guard_terms CASCADE;
DROP FUNCTION settlement_specificity CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("settlement", "0004_grounds_kept")]

    operations = [migrations.RunSQL(TERMS + OWNERSHIP, UNDO)]
