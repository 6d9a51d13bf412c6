"""What the database itself refuses about payouts, and Django has no word for.

Every message begins with a stable word: `payout_frozen`, `payout_move`, `payout_content`.
"""

from django.db import migrations

APPROVAL_BINDS_CONTENT = """
ALTER TABLE payouts_payoutapproval
  ADD CONSTRAINT payout_approval_of_content
  FOREIGN KEY (batch_id, content_hash, prepared_by)
  REFERENCES payouts_payoutbatch (id, content_hash, prepared_by);
ALTER TABLE payouts_payoutitem
  ADD CONSTRAINT payout_item_destination_of_payee
  FOREIGN KEY (destination_id, party)
  REFERENCES payouts_payoutdestination (id, party);
"""

# The same text as in `content.py`, from the rows themselves.
CONTENT_HASH = """
CREATE FUNCTION payouts_content_hash(of_batch uuid) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256(convert_to(
    concat_ws(E'\\n', 'assent-payout-batch-1', b.id::text, b.book_id::text, b.currency::text,
      b.rail::text,
      (SELECT string_agg(concat_ws('|',
           i.id::text,
           octet_length(convert_to(i.party, 'UTF8')) || ':' || i.party,
           i.amount::text,
           d.id::text,
           d.kind,
           octet_length(convert_to(d.account, 'UTF8')) || ':' || d.account,
           octet_length(convert_to(d.account_name, 'UTF8')) || ':' || d.account_name),
         E'\\n' ORDER BY i.id)
       FROM payouts_payoutitem i
       JOIN payouts_payoutdestination d ON d.id = i.destination_id
       WHERE i.batch_id = b.id)),
    'UTF8'))
  FROM payouts_payoutbatch b WHERE b.id = of_batch
$$;
"""

MOVES = """
CREATE FUNCTION payouts_batch_may_move(old_state text, new_state text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT (old_state, new_state) IN (
    ('draft', 'in_review'), ('draft', 'cancelled'),
    ('in_review', 'draft'), ('in_review', 'approved'), ('in_review', 'cancelled'),
    ('approved', 'reserved'), ('approved', 'cancelled'),
    ('reserved', 'submitting'), ('reserved', 'cancelled'),
    ('submitting', 'submitted'),
    ('submitted', 'settled'))
$$;
CREATE FUNCTION payouts_item_may_move(old_state text, new_state text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT (old_state, new_state) IN (
    ('proposed', 'reserved'), ('proposed', 'cancelled'),
    ('reserved', 'sent'), ('reserved', 'cancelled'),
    ('sent', 'accepted'), ('sent', 'rejected'), ('sent', 'unknown'),
    ('accepted', 'paid'), ('accepted', 'rejected'), ('accepted', 'returned'),
    ('unknown', 'accepted'), ('unknown', 'paid'), ('unknown', 'rejected'), ('unknown', 'returned'),
    ('paid', 'returned'))
$$;
"""

BATCH_GUARD = """
CREATE FUNCTION payouts_guard_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.id <> NEW.id OR OLD.book_id <> NEW.book_id OR OLD.prepared_by <> NEW.prepared_by
     OR OLD.prepared_at <> NEW.prepared_at
     OR (OLD.state <> 'draft' AND (OLD.currency, OLD.rail, OLD.threshold, OLD.total,
           OLD.item_count, OLD.content_hash, OLD.left_out)
         IS DISTINCT FROM (NEW.currency, NEW.rail, NEW.threshold, NEW.total,
           NEW.item_count, NEW.content_hash, NEW.left_out)) THEN
    RAISE EXCEPTION 'payout_frozen: violates the content of a batch that left its draft'
      USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.approved_by IS NOT NULL AND (OLD.approved_by, OLD.approved_at)
     IS DISTINCT FROM (NEW.approved_by, NEW.approved_at) THEN
    RAISE EXCEPTION 'payout_frozen: violates the approval of a batch'
      USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.state <> NEW.state THEN
    IF NOT payouts_batch_may_move(OLD.state, NEW.state) THEN
      RAISE EXCEPTION 'payout_move: violates the moves of a batch, % to %', OLD.state, NEW.state
        USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'approved' AND NOT EXISTS (
        SELECT 1 FROM payouts_payoutapproval a
        WHERE a.batch_id = NEW.id AND a.approved_by = NEW.approved_by
          AND a.content_hash = NEW.content_hash) THEN
      RAISE EXCEPTION 'payout_move: violates the need of an approval'
        USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payouts_guard_batch BEFORE UPDATE ON payouts_payoutbatch
  FOR EACH ROW EXECUTE FUNCTION payouts_guard_batch();
ALTER TABLE payouts_payoutbatch ENABLE ALWAYS TRIGGER payouts_guard_batch;
"""

# The batch's row is read FOR SHARE, so that no item slips in beside the move out of the draft.
ITEM_GUARD = """
CREATE FUNCTION payouts_guard_item() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  batch_state text;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.state <> NEW.state AND NOT payouts_item_may_move(OLD.state, NEW.state) THEN
      RAISE EXCEPTION 'payout_move: violates the moves of an item, % to %', OLD.state, NEW.state
        USING ERRCODE = 'check_violation';
    END IF;
    IF (OLD.id, OLD.batch_id, OLD.party, OLD.amount, OLD.destination_id)
       IS NOT DISTINCT FROM (NEW.id, NEW.batch_id, NEW.party, NEW.amount, NEW.destination_id) THEN
      RETURN NEW;
    END IF;
    IF OLD.batch_id <> NEW.batch_id THEN
      RAISE EXCEPTION 'payout_frozen: violates the batch of an item'
        USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  IF TG_OP = 'INSERT' AND NEW.state <> 'proposed' THEN
    RAISE EXCEPTION 'payout_move: violates the moves of an item, which begins as proposed'
      USING ERRCODE = 'check_violation';
  END IF;
  SELECT state INTO batch_state FROM payouts_payoutbatch
    WHERE id = CASE WHEN TG_OP = 'DELETE' THEN OLD.batch_id ELSE NEW.batch_id END FOR SHARE;
  IF batch_state <> 'draft' THEN
    RAISE EXCEPTION 'payout_frozen: violates the content of a batch that left its draft'
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER payouts_guard_item BEFORE INSERT OR UPDATE OR DELETE ON payouts_payoutitem
  FOR EACH ROW EXECUTE FUNCTION payouts_guard_item();
ALTER TABLE payouts_payoutitem ENABLE ALWAYS TRIGGER payouts_guard_item;
"""

APPROVAL_GUARD = """
CREATE FUNCTION payouts_guard_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM payouts_payoutbatch b
      WHERE b.id = NEW.batch_id AND b.state = 'in_review') THEN
    RAISE EXCEPTION 'payout_move: violates the moves of a batch, which is not in review'
      USING ERRCODE = 'check_violation';
  END IF;
  IF payouts_content_hash(NEW.batch_id) IS DISTINCT FROM NEW.content_hash THEN
    RAISE EXCEPTION 'payout_content: violates the content of the batch, which has another hash'
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payouts_guard_approval BEFORE INSERT ON payouts_payoutapproval
  FOR EACH ROW EXECUTE FUNCTION payouts_guard_approval();
ALTER TABLE payouts_payoutapproval ENABLE ALWAYS TRIGGER payouts_guard_approval;
"""

DESTINATION_GUARD = """
CREATE FUNCTION payouts_guard_destination() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (to_jsonb(OLD) - 'replaced_at') IS DISTINCT FROM (to_jsonb(NEW) - 'replaced_at')
     OR OLD.replaced_at IS NOT NULL THEN
    RAISE EXCEPTION 'payout_frozen: violates a destination, which never changes'
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payouts_guard_destination BEFORE UPDATE ON payouts_payoutdestination
  FOR EACH ROW EXECUTE FUNCTION payouts_guard_destination();
ALTER TABLE payouts_payoutdestination ENABLE ALWAYS TRIGGER payouts_guard_destination;
"""

REFUSE = """
CREATE FUNCTION payouts_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'payout_frozen: violates the record of payouts, % of %', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'check_violation';
END $$;
"""


def _refused(table: str, operations: str) -> str:
    name = f"payouts_refuse_{'_'.join(operations.lower().split(' or '))}"
    return f"""
CREATE TRIGGER {name} BEFORE {operations} ON {table}
  FOR EACH STATEMENT EXECUTE FUNCTION payouts_refuse();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};
"""


KEPT = (
    ("payouts_payoutmove", "UPDATE OR DELETE OR TRUNCATE"),
    ("payouts_payoutapproval", "UPDATE OR DELETE OR TRUNCATE"),
    ("payouts_payoutbatch", "DELETE OR TRUNCATE"),
    ("payouts_payoutitem", "TRUNCATE"),
    ("payouts_payoutdestination", "DELETE OR TRUNCATE"),
)

UNDO = """
ALTER TABLE payouts_payoutapproval DROP CONSTRAINT payout_approval_of_content;
ALTER TABLE payouts_payoutitem DROP CONSTRAINT payout_item_destination_of_payee;
DROP FUNCTION payouts_guard_batch() CASCADE;
DROP FUNCTION payouts_guard_item() CASCADE;
DROP FUNCTION payouts_guard_approval() CASCADE;
DROP FUNCTION payouts_guard_destination() CASCADE;
DROP FUNCTION payouts_refuse() CASCADE;
DROP FUNCTION payouts_batch_may_move(text, text);
DROP FUNCTION payouts_item_may_move(text, text);
DROP FUNCTION payouts_content_hash(uuid);
"""

APPLY = "".join(
    (
        APPROVAL_BINDS_CONTENT,
        CONTENT_HASH,
        MOVES,
        BATCH_GUARD,
        ITEM_GUARD,
        APPROVAL_GUARD,
        DESTINATION_GUARD,
        REFUSE,
        *(_refused(table, operations) for table, operations in KEPT),
    )
)


class Migration(migrations.Migration):
    dependencies = [("payouts", "0001_initial")]

    operations = [migrations.RunSQL(APPLY, UNDO)]
