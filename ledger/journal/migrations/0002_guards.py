"""What the database itself refuses about the books, beyond what the models can say.

Every function raises with an SQLSTATE of class 23 and the name of a constraint, so that callers
meet these refusals exactly as they meet a CHECK.
"""

from django.db import migrations

# Both sides of a transfer are accounts of the entry's book and of the transfer's currency. A
# balance's copies of its account's nature are the account's. An account's owner has its mode.
COMPOSITE_KEYS = """
ALTER TABLE journal_transfer
    ADD CONSTRAINT transfer_debits_account
        FOREIGN KEY (debit_account_id, book_id, currency)
        REFERENCES journal_account (id, book_id, currency),
    ADD CONSTRAINT transfer_credits_account
        FOREIGN KEY (credit_account_id, book_id, currency)
        REFERENCES journal_account (id, book_id, currency),
    -- Deferred, because lines are written before the header that seals them.
    ADD CONSTRAINT transfer_has_header
        FOREIGN KEY (entry_id, book_id, line_count)
        REFERENCES journal_entry (id, book_id, line_count) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE journal_balance
    ADD CONSTRAINT balance_of_account
        FOREIGN KEY (account_id, normal_side, may_overdraw)
        REFERENCES journal_account (id, normal_side, may_overdraw);
ALTER TABLE journal_account
    ADD CONSTRAINT account_owner_of_same_mode
        FOREIGN KEY (party_id, mode, party_kind) REFERENCES journal_party (id, mode, kind),
    ADD CONSTRAINT account_book_of_same_mode
        FOREIGN KEY (book_id, mode) REFERENCES journal_book (id, mode),
    ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY;
ALTER TABLE journal_entry
    ADD CONSTRAINT entry_reverses_in_book
        FOREIGN KEY (reverses_id, book_id) REFERENCES journal_entry (id, book_id),
    ADD CONSTRAINT entry_not_in_future
        CHECK (date_trunc('month', effective_on::timestamp)
               <= date_trunc('month', posted_at AT TIME ZONE 'UTC')),
    ADD CONSTRAINT entry_digests_whole
        CHECK (length(content_hash) = 32 AND length(previous_hash) = 32 AND length(hash) = 32);
-- Balances are rewritten with every entry: room on the page keeps those writes off the indexes.
ALTER TABLE journal_balance SET (fillfactor = 50);
ALTER TABLE journal_book SET (fillfactor = 50);
"""

DROP_COMPOSITE_KEYS = """
ALTER TABLE journal_transfer
    DROP CONSTRAINT transfer_debits_account,
    DROP CONSTRAINT transfer_credits_account,
    DROP CONSTRAINT transfer_has_header;
ALTER TABLE journal_balance DROP CONSTRAINT balance_of_account;
ALTER TABLE journal_account
    DROP CONSTRAINT account_owner_of_same_mode,
    DROP CONSTRAINT account_book_of_same_mode,
    ALTER COLUMN number DROP IDENTITY;
ALTER TABLE journal_entry
    DROP CONSTRAINT entry_reverses_in_book,
    DROP CONSTRAINT entry_not_in_future,
    DROP CONSTRAINT entry_digests_whole;
"""

# Nothing that was written is changed or taken away. Statement triggers, because one UPDATE of a
# million rows is refused as fast as one of none; ALWAYS, so that no session setting passes them.
APPEND_ONLY = """
CREATE FUNCTION journal_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append_only: % on % is refused; a correction is a new entry',
        TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'append_only',
              TABLE = TG_TABLE_NAME;
END $$;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['journal_entry', 'journal_transfer', 'journal_trialbalancerow',
                                'journal_account', 'journal_movement']
    LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse_change()', name);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER append_only', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['journal_balance', 'journal_book', 'journal_period',
                                'journal_party']
    LOOP
        EXECUTE format('CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse_change()', name);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER never_removed', name);
    END LOOP;
END $$;
"""

DROP_APPEND_ONLY = "DROP FUNCTION journal_refuse_change() CASCADE;"

# A book's head moves one entry at a time, to an entry that follows it, and nothing else moves.
CHAIN = """
CREATE FUNCTION journal_guard_book() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.mode, NEW.name, NEW.opened_at)
            IS DISTINCT FROM (OLD.id, OLD.mode, OLD.name, OLD.opened_at)
       OR NEW.height <> OLD.height + 1
       OR NOT EXISTS (SELECT FROM journal_entry e
                       WHERE e.book_id = NEW.id AND e.height = NEW.height
                         AND e.hash = NEW.head_hash AND e.previous_hash = OLD.head_hash)
    THEN
        RAISE EXCEPTION 'chain_broken: the head of book % moves only with an entry', OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'chain_broken',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_book BEFORE UPDATE ON journal_book
    FOR EACH ROW EXECUTE FUNCTION journal_guard_book();
ALTER TABLE journal_book ENABLE ALWAYS TRIGGER guard_book;
"""

DROP_CHAIN = "DROP FUNCTION journal_guard_book() CASCADE;"

# The header seals its lines. It counts them, so an entry cannot stand without all of them. And
# because a line's number lies in 1..line_count (CHECK), is unique in its entry (primary key) and
# carries the header's own line_count (foreign key), all numbers are taken from then on: no line
# can ever join, by no transaction, whatever it sees. No trigger on the lines is needed for it.
SEAL = """
CREATE FUNCTION journal_admit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found_state text;
BEGIN
    -- FOR SHARE and not a foreign key: a key would not stop a close at the same moment.
    SELECT state INTO found_state FROM journal_period
     WHERE book_id = NEW.book_id
       AND month = date_trunc('month', NEW.effective_on::timestamp)::date
       FOR SHARE;
    IF found_state IS DISTINCT FROM 'open' THEN
        RAISE EXCEPTION 'period_not_open: % of book % takes no entries',
            to_char(NEW.effective_on, 'YYYY-MM'), NEW.book_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'period_not_open',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER admit_entry BEFORE INSERT ON journal_entry
    FOR EACH ROW EXECUTE FUNCTION journal_admit_entry();
ALTER TABLE journal_entry ENABLE ALWAYS TRIGGER admit_entry;

CREATE FUNCTION journal_seal_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found_count bigint; found_total numeric;
BEGIN
    SELECT count(*), coalesce(sum(amount), 0) INTO found_count, found_total
      FROM journal_transfer WHERE entry_id = NEW.id;
    IF found_count <> NEW.line_count OR found_total <> NEW.total THEN
        RAISE EXCEPTION 'entry_incomplete: entry % says % lines of %, but has % of %',
            NEW.id, NEW.line_count, NEW.total, found_count, found_total
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'entry_incomplete',
                  TABLE = TG_TABLE_NAME;
    END IF;
    UPDATE journal_book SET height = NEW.height, head_hash = NEW.hash
     WHERE id = NEW.book_id AND height = NEW.height - 1 AND head_hash = NEW.previous_hash;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'entry_out_of_order: entry % does not follow the head of its book', NEW.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'entry_out_of_order',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER seal_entry AFTER INSERT ON journal_entry
    FOR EACH ROW EXECUTE FUNCTION journal_seal_entry();
ALTER TABLE journal_entry ENABLE ALWAYS TRIGGER seal_entry;
"""

# A movement is written with its entry's lines, before the header, and never after it.
MOVEMENTS = """
CREATE FUNCTION journal_guard_movement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM journal_entry e WHERE e.id IN (SELECT entry_id FROM added)) THEN
        RAISE EXCEPTION 'entry_sealed: a movement cannot join an entry that stands'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'entry_sealed',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER guard_movement AFTER INSERT ON journal_movement
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION journal_guard_movement();
ALTER TABLE journal_movement ENABLE ALWAYS TRIGGER guard_movement;
"""

DROP_MOVEMENTS = "DROP FUNCTION journal_guard_movement() CASCADE;"

DROP_SEAL = """
DROP FUNCTION journal_admit_entry() CASCADE;
DROP FUNCTION journal_seal_entry() CASCADE;
"""

# Months close in order, once, with their frozen rows; none opens at or before a closed one. Each
# guard locks the book, so that an opening and a closing at the same moment see one another.
PERIODS = """
CREATE FUNCTION journal_guard_period() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found_count bigint;
BEGIN
    PERFORM FROM journal_book WHERE id = NEW.book_id FOR NO KEY UPDATE;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'open' OR EXISTS (
            SELECT FROM journal_period p
             WHERE p.book_id = NEW.book_id AND p.state = 'closed' AND p.month >= NEW.month)
        THEN
            RAISE EXCEPTION 'period_not_open: no month opens at or before a closed one'
                USING ERRCODE = 'integrity_constraint_violation',
                      CONSTRAINT = 'period_not_open', TABLE = TG_TABLE_NAME;
        END IF;
        RETURN NEW;
    END IF;
    SELECT count(*) INTO found_count FROM journal_trialbalancerow WHERE period_id = NEW.id;
    IF OLD.state <> 'open' OR NEW.state <> 'closed'
       OR (NEW.id, NEW.book_id, NEW.month, NEW.opened_at)
            IS DISTINCT FROM (OLD.id, OLD.book_id, OLD.month, OLD.opened_at)
       OR NEW.row_count IS DISTINCT FROM found_count
       OR EXISTS (SELECT FROM journal_period p
                   WHERE p.book_id = NEW.book_id AND p.state = 'open' AND p.month < NEW.month)
    THEN
        RAISE EXCEPTION 'period_closes_once: a month is closed once, whole and in order'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'period_closes_once',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_period BEFORE INSERT OR UPDATE ON journal_period
    FOR EACH ROW EXECUTE FUNCTION journal_guard_period();
ALTER TABLE journal_period ENABLE ALWAYS TRIGGER guard_period;

CREATE FUNCTION journal_guard_trial_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM journal_period p
      WHERE p.id IN (SELECT period_id FROM added) ORDER BY p.id FOR SHARE;
    IF EXISTS (SELECT FROM journal_period p
                WHERE p.id IN (SELECT period_id FROM added) AND p.state <> 'open')
    THEN
        RAISE EXCEPTION 'period_closes_once: a closed month takes no further rows'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'period_closes_once',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER guard_trial_balance AFTER INSERT ON journal_trialbalancerow
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION journal_guard_trial_balance();
ALTER TABLE journal_trialbalancerow ENABLE ALWAYS TRIGGER guard_trial_balance;
"""

DROP_PERIODS = """
DROP FUNCTION journal_guard_period() CASCADE;
DROP FUNCTION journal_guard_trial_balance() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("journal", "0001_initial")]

    operations = [
        migrations.RunSQL(COMPOSITE_KEYS, DROP_COMPOSITE_KEYS),
        migrations.RunSQL(APPEND_ONLY, DROP_APPEND_ONLY),
        migrations.RunSQL(CHAIN, DROP_CHAIN),
        migrations.RunSQL(SEAL, DROP_SEAL),
        migrations.RunSQL(MOVEMENTS, DROP_MOVEMENTS),
        migrations.RunSQL(PERIODS, DROP_PERIODS),
    ]
