"""Issuing: every party's statement of a month, once; a changed month makes a revision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection, transaction

from ledger.actor import Actor
from ledger.errors import Invalid
from ledger.journal.balances import balances_as_of
from ledger.journal.books import house_book
from ledger.journal.models import Book, Party
from ledger.statements.draw import OWED, Change, Drawing, Movement, compare, draw
from ledger.statements.models import Statement, StatementBalance, StatementLine, last_day_of

# What a revision says first when it covers more days than the one it restates.
COVERS_TO: Final = "covers to"
# A party and a currency: what a statement of a month is of.
Key = tuple[str, str]


class MonthNotBegun(Invalid):
    """There is nothing to state about a month that has not begun."""

    code = "month_not_begun"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What issuing a month came to: all its present statements, and how many of them are new."""

    statements: tuple[Statement, ...]
    issued: int
    restated: int

    @property
    def unchanged(self) -> int:
        """How many stood already and say the same."""
        return len(self.statements) - self.issued - self.restated


# Sums the lines of a month's entries that crossed between a party's owed accounts and anybody
# else's, once per party, currency, kind, subject and counterparty. A line between two parties'
# owed accounts stands in both statements, with opposite signs. Reads only; in one pass over the
# month, because lines have no index by account.
_MOVEMENTS: Final = """
WITH owed AS MATERIALIZED (
    SELECT a.id, p.ref FROM journal_account a JOIN journal_party p ON p.id = a.party_id
     WHERE a.book_id = %(book)s AND a.role = ANY(%(roles)s)
), lines AS (
    SELECT e.kind, t.subject, t.currency, t.amount,
           d.ref AS debited, c.ref AS credited, t.debit_account_id, t.credit_account_id
      FROM journal_entry e
      JOIN journal_transfer t ON t.entry_id = e.id
      LEFT JOIN owed d ON d.id = t.debit_account_id
      LEFT JOIN owed c ON c.id = t.credit_account_id
     WHERE e.book_id = %(book)s AND e.effective_on BETWEEN %(first)s AND %(last)s
       AND (d.id IS NOT NULL OR c.id IS NOT NULL) AND d.ref IS DISTINCT FROM c.ref
), sides AS (
    SELECT credited AS party, debit_account_id AS other, currency, kind, subject, amount
      FROM lines WHERE credited IS NOT NULL
     UNION ALL
    SELECT debited, credit_account_id, currency, kind, subject, -amount
      FROM lines WHERE debited IS NOT NULL
)
SELECT s.party, s.currency, s.kind, s.subject, p.ref, sum(s.amount), count(*)
  FROM sides s
  JOIN journal_account a ON a.id = s.other
  JOIN journal_party p ON p.id = a.party_id
 GROUP BY s.party, s.currency, s.kind, s.subject, p.ref
"""


def issue_statements(
    *, actor: Actor, now: datetime, month: date, labels: Mapping[str, str]
) -> Issued:
    """Issues the month's statement of every party that was owed something or had anything move.

    `labels` gives the words for opaque references (of subjects, parties and, as `kind:<kind>`, of
    kinds of entries); they are kept in the statement as they are now. The running month may be
    issued: its statement covers the days up to today. Again is no change, unless the ledger says
    otherwise by now: then a new revision says what changed. Raises MonthNotBegun.
    """
    actor.require("statements:issue")
    month = month.replace(day=1)
    today = now.astimezone(UTC).date()
    if month > today:
        raise MonthNotBegun(pointer="/month")
    covers_to = min(last_day_of(month), today)
    with transaction.atomic():
        # Posting waits while the month is read, so that all its figures are of one moment.
        book = house_book(mode=actor.mode, now=now)
        Book.objects.select_for_update(no_key=True).get(pk=book.pk)
        drawings = draw_all(book=book, month=month, covers_to=covers_to)
        names = dict(
            Party.objects.filter(
                mode=book.mode, ref__in={party for party, _ in drawings}
            ).values_list("ref", "name")
        )
        scribe = _Scribe(
            book=book,
            month=month,
            covers_to=covers_to,
            labels={**names, **labels},
            actor=actor,
            now=now,
        )
        issued = scribe.issue(drawings)
        # The database compares with the journal here and now, not at a commit that may come later.
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS statements_check IMMEDIATE")
            cursor.execute("SET CONSTRAINTS statements_check DEFERRED")
        return issued


def draw_all(*, book: Book, month: date, covers_to: date) -> dict[Key, Drawing]:
    """Every party's figures of the month, by party and currency."""
    opening = _balances(book, month - timedelta(days=1))
    closing = _balances(book, covers_to)
    movements = _movements(book, month, covers_to)
    nothing: dict[str, Decimal] = {}
    drawings = {}
    for key in sorted(opening.keys() | closing.keys() | movements.keys()):
        stood, stands = opening.get(key, nothing), closing.get(key, nothing)
        moved = movements.get(key, [])
        if moved or any(stood.values()) or any(stands.values()):
            drawings[key] = draw(opening=stood, closing=stands, movements=moved)
    return drawings


def _balances(book: Book, day: date) -> dict[Key, dict[str, Decimal]]:
    """The ledger's own balances at the end of a day, of the accounts a statement is about."""
    found: dict[Key, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in balances_as_of(book_id=book.pk, as_of=day):
        if row.role in OWED:
            found[row.party_ref, row.currency][row.role] += row.net
    return found


def _movements(book: Book, first: date, last: date) -> dict[Key, list[Movement]]:
    found: dict[Key, list[Movement]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVEMENTS,
            {
                "book": book.pk,
                "roles": [role.value for role in OWED],
                "first": first,
                "last": last,
            },
        )
        for party, currency, kind, subject, counterparty, amount, transfers in cursor:
            found[party, currency].append(
                Movement(
                    kind=kind,
                    subject=subject,
                    counterparty=counterparty,
                    amount=amount,
                    transfers=transfers,
                )
            )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scribe:
    """Writes down one month's drawings."""

    book: Book
    month: date
    covers_to: date
    labels: Mapping[str, str]
    actor: Actor
    now: datetime

    def issue(self, drawings: Mapping[Key, Drawing]) -> Issued:
        standing = {
            (each.party, each.currency): each
            for each in Statement.objects.standing()
            .filter(book=self.book, month=self.month)
            .prefetch_related("balances", "lines")
        }
        zero = draw(opening={}, closing={}, movements=[])
        found: list[Statement] = []
        issued = restated = 0
        for key in sorted(drawings.keys() | standing.keys()):
            drawing, present = drawings.get(key, zero), standing.get(key)
            if present is None:
                found.append(self._write(key, drawing, None, []))
                issued += 1
                continue
            changes = self._changes(present, drawing)
            if not changes:
                found.append(present)
                continue
            found.append(self._write(key, drawing, present, changes))
            restated += 1
        return Issued(statements=tuple(found), issued=issued, restated=restated)

    def _changes(self, present: Statement, drawing: Drawing) -> list[Change]:
        changes = compare(
            was=drawing_of(present), now=drawing, currency=present.currency, words=self._name
        )
        whole = self.covers_to == last_day_of(self.month)
        # More days alone make a revision only once the month is over.
        if self.covers_to > present.covers_to and (changes or whole):
            was, now = present.covers_to.isoformat(), self.covers_to.isoformat()
            changes.insert(0, Change(what=COVERS_TO, was=was, now=now))
        return changes

    def _name(self, line: Movement) -> str:
        """A line as a reader of the statement finds it."""
        words = self._words(line)
        parts = (words["kind_label"], words["subject_label"], words["counterparty_label"])
        return " · ".join(each for each in parts if each)

    def _write(
        self, key: Key, drawing: Drawing, present: Statement | None, changes: list[Change]
    ) -> Statement:
        party, currency = key
        statement = Statement.objects.create(
            book=self.book,
            party=party,
            party_label=self._label(party),
            month=self.month,
            covers_to=self.covers_to,
            currency=currency,
            revision=present.revision + 1 if present else 1,
            restates=present,
            changes=[asdict(change) for change in changes],
            opening=drawing.opening,
            closing=drawing.closing,
            line_count=len(drawing.lines),
            issued_at=self.now,
            issued_by=self.actor.label[:200],
        )
        StatementBalance.objects.bulk_create(
            StatementBalance(
                statement=statement, role=each.role, opening=each.opening, closing=each.closing
            )
            for each in drawing.balances
        )
        StatementLine.objects.bulk_create(
            StatementLine(
                statement=statement,
                position=position,
                line_count=len(drawing.lines),
                **self._words(line),
                kind=line.kind,
                subject=line.subject,
                counterparty=line.counterparty,
                amount=line.amount,
                transfers=line.transfers,
            )
            for position, line in enumerate(drawing.lines, start=1)
        )
        return statement

    def _words(self, line: Movement) -> dict[str, Any]:
        spoken = line.kind.replace("_", " ").capitalize()
        return {
            "kind_label": self.labels.get(f"kind:{line.kind}", spoken)[:200],
            "subject_label": self._label(line.subject),
            "counterparty_label": self._label(line.counterparty),
        }

    def _label(self, ref: str) -> str:
        return self.labels.get(ref, ref)[:200]


def drawing_of(statement: Statement) -> Drawing:
    """The figures of an issued statement, to be compared with those of today."""
    balances = {each.role: each for each in statement.balances.all()}
    return draw(
        opening={role: each.opening for role, each in balances.items()},
        closing={role: each.closing for role, each in balances.items()},
        movements=[
            Movement(
                kind=line.kind,
                subject=line.subject,
                counterparty=line.counterparty,
                amount=line.amount,
                transfers=line.transfers,
            )
            for line in statement.lines.all()
        ],
    )
