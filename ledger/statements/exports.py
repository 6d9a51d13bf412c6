"""A statement as a file."""

from __future__ import annotations

from decimal import Decimal

from django.http import HttpResponse

from ledger.money import format_amount
from ledger.spreadsheet import Figure, csv_response
from ledger.statements.models import Statement

HEADER = ("line", "kind", "subject", "subject_id", "counterparty", "amount", "currency")


def statement_csv(statement: Statement) -> HttpResponse:
    """Opening balance, lines and closing balance; the amounts add up to the last decimal."""
    currency = statement.currency
    rows: list[tuple[object, ...]] = [_total("Opening balance", statement.opening, currency)]
    rows += [
        (
            line.position,
            line.kind_label,
            line.subject_label,
            line.subject,
            line.counterparty_label,
            Figure(format_amount(line.amount, currency)),
            currency,
        )
        for line in statement.lines.all()
    ]
    rows.append(_total("Closing balance", statement.closing, currency))
    name = f"assent-statement-{statement.month:%Y-%m}-{currency}-r{statement.revision}.csv"
    return csv_response(name, HEADER, rows)


def _total(words: str, amount: Decimal, currency: str) -> tuple[object, ...]:
    return ("", words, "", "", "", Figure(format_amount(amount, currency)), currency)
