"""What an entry's lines come from: lines given by words, or a query over rows already stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from psycopg import Cursor, sql

from ledger.journal.accounts import AccountKey, Query, account_id
from ledger.journal.refusals import BadAmount, BadTransfer, NoTransfers
from ledger.money import LARGEST, to_units

MOST_LINES: Final = 1_000_000
LONGEST_SUBJECT: Final = 120
# Beyond this many lines COPY is faster than parameters.
_COPY_FROM: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferLine:
    """`amount` moves: it is debited to one account and credited to the other."""

    debit: AccountKey
    credit: AccountKey
    amount: Decimal
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferQuery(Query):
    """Lines that are already in the database.

    Selects `debit_account_id uuid, credit_account_id uuid, amount numeric, subject text`, none of
    them NULL. The lines are numbered in the order of debit account, credit account, subject and
    amount, so that the same lines make the same entry however the query was planned; or, when
    `positioned`, by a further column `position`.
    """

    positioned: bool = False


PostingSource = Sequence[TransferLine] | TransferQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A source as SQL: `select` gives rows `s`, which `order` puts in the order of the entry."""

    select: sql.Composable
    order: sql.SQL
    parameters: Mapping[str, Any]


_CANONICAL: Final = sql.SQL("s.debit_account_id, s.credit_account_id, s.subject, s.amount")
_AS_GIVEN: Final = sql.SQL("s.position")
_FROM_PARAMETERS: Final = sql.SQL(
    "SELECT * FROM unnest(%(debits)s::uuid[], %(credits)s::uuid[], %(amounts)s::numeric[],"
    " %(subjects)s::text[]) WITH ORDINALITY"
    " AS g (debit_account_id, credit_account_id, amount, subject, position)"
)
_FROM_STAGE: Final = sql.SQL("SELECT * FROM pg_temp.journal_stage")
_STAGE: Final = """
    DROP TABLE IF EXISTS pg_temp.journal_stage;
    CREATE TEMP TABLE journal_stage (debit_account_id uuid, credit_account_id uuid,
        amount numeric, subject text, position int) ON COMMIT DROP
"""


def prepared(source: PostingSource, *, book_id: UUID, cursor: Cursor[Any]) -> Prepared:
    """`source` as SQL; many lines are first copied into a table of this transaction's own."""
    if isinstance(source, TransferQuery):
        # A big source is sorted and summed in memory instead of on disk, until the commit.
        cursor.execute("SELECT set_config('work_mem', '64MB', true)")
        order = _AS_GIVEN if source.positioned else _CANONICAL
        return Prepared(select=source.select, order=order, parameters=source.parameters)
    ids = {key: account_id(book_id=book_id, key=key) for key in account_keys(source)}
    if len(source) > _COPY_FROM:
        cursor.execute(_STAGE)
        with cursor.copy("COPY pg_temp.journal_stage FROM STDIN") as copy:
            for position, line in enumerate(source):
                copy.write_row(
                    (ids[line.debit], ids[line.credit], line.amount, line.subject, position)
                )
        return Prepared(select=_FROM_STAGE, order=_AS_GIVEN, parameters={})
    parameters = {
        "debits": [ids[line.debit] for line in source],
        "credits": [ids[line.credit] for line in source],
        "amounts": [line.amount for line in source],
        "subjects": [line.subject for line in source],
    }
    return Prepared(select=_FROM_PARAMETERS, order=_AS_GIVEN, parameters=parameters)


def account_keys(lines: Iterable[TransferLine]) -> set[AccountKey]:
    """Every account the lines name."""
    return {key for line in lines for key in (line.debit, line.credit)}


def require_lines(lines: Sequence[TransferLine]) -> None:
    """Raises NoTransfers, BadAmount or BadTransfer, naming the first line that is wrong."""
    if not 1 <= len(lines) <= MOST_LINES:
        raise NoTransfers
    for position, line in enumerate(lines):
        pointer = f"/transfers/{position}"
        try:
            units = to_units(line.amount)
        except ValueError as error:
            raise BadAmount(f"Line {position + 1}: {error}.", pointer=pointer) from None
        if units <= 0 or line.amount > LARGEST:
            raise BadAmount(
                f"Line {position + 1}: {line.amount} is not above zero and at most 10^15.",
                pointer=pointer,
            )
        if line.debit == line.credit or line.debit.currency != line.credit.currency:
            raise BadTransfer(
                f"Line {position + 1}: {line.debit} and {line.credit} do not make a transfer.",
                pointer=pointer,
            )
        if len(line.subject) > LONGEST_SUBJECT or "\x00" in line.subject:
            raise BadTransfer(
                f"Line {position + 1}: a subject has at most {LONGEST_SUBJECT} characters.",
                pointer=pointer,
            )
