"""What the database itself refuses about statements.

They are append-only; no line joins one later; and when the transaction that issues one ends, its
lines lead from opening to closing and both equal what the journal says as of those days. Every
message begins with a stable word: `statement_kept` or `statement_differs`.
"""

from django.db import migrations

LINES = """
ALTER TABLE statements_statementline
  ADD CONSTRAINT statement_line_of_statement
  FOREIGN KEY (statement_id, line_count) REFERENCES statements_statement (id, line_count);
"""

KEPT = """
CREATE FUNCTION statements_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'statement_kept: violates an issued statement, % of %', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'check_violation';
END $$;
"""


def _kept(table: str) -> str:
    return f"""
CREATE TRIGGER statements_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
  FOR EACH STATEMENT EXECUTE FUNCTION statements_refuse();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER statements_kept;
"""


# What was owed to a party on an account of this role at the end of a day, from the journal's
# cards of movements.
OWED = """
CREATE FUNCTION statements_owed(
  of_book uuid, of_party text, of_currency text, of_role text, until date
) RETURNS numeric LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(m.credits - m.debits), 0)
    FROM journal_account a
    JOIN journal_party p ON p.id = a.party_id
    JOIN journal_movement m ON m.account_id = a.id
    JOIN journal_entry e ON e.id = m.entry_id
   WHERE a.book_id = of_book AND p.ref = of_party AND a.currency = of_currency
     AND a.role = of_role AND e.effective_on <= until
$$;
"""

CHECK = """
CREATE FUNCTION statements_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  lines integer;
  moved numeric;
  roles integer;
  opened numeric;
  closed numeric;
BEGIN
  SELECT count(*), coalesce(sum(l.amount), 0) INTO lines, moved
    FROM statements_statementline l WHERE l.statement_id = NEW.id;
  SELECT count(*), coalesce(sum(b.opening), 0), coalesce(sum(b.closing), 0)
    INTO roles, opened, closed
    FROM statements_statementbalance b WHERE b.statement_id = NEW.id;
  IF lines <> NEW.line_count OR roles <> 4 OR opened <> NEW.opening OR closed <> NEW.closing
     OR NEW.opening + moved <> NEW.closing THEN
    RAISE EXCEPTION 'statement_differs: violates its own sums' USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (
    SELECT 1 FROM statements_statementbalance b
     WHERE b.statement_id = NEW.id
       AND (b.opening <> statements_owed(
              NEW.book_id, NEW.party, NEW.currency, b.role, NEW.month - 1)
         OR b.closing <> statements_owed(
              NEW.book_id, NEW.party, NEW.currency, b.role, NEW.covers_to))) THEN
    RAISE EXCEPTION 'statement_differs: violates the balances of the journal'
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER statements_check AFTER INSERT ON statements_statement
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION statements_check();
ALTER TABLE statements_statement ENABLE ALWAYS TRIGGER statements_check;
"""

UNDO = """
ALTER TABLE statements_statementline DROP CONSTRAINT statement_line_of_statement;
DROP FUNCTION statements_check() CASCADE;
DROP FUNCTION statements_refuse() CASCADE;
DROP FUNCTION statements_owed(uuid, text, text, text, date);
"""

APPLY = "".join(
    (
        LINES,
        KEPT,
        *(
            _kept(f"statements_{table}")
            for table in ("statement", "statementline", "statementbalance")
        ),
        OWED,
        CHECK,
    )
)


class Migration(migrations.Migration):
    dependencies = [("statements", "0001_initial"), ("journal", "0002_guards")]

    operations = [migrations.RunSQL(APPLY, UNDO)]
