"""How the books are written on the wire.

A party that is not the house sees its own side of an entry and nothing of the others': not what
the entry came to in all, not who posted it, and not the account on the other side of its lines.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ledger.actor import Actor
from ledger.journal.balances import TrialBalance, on_side
from ledger.journal.chart import Role
from ledger.journal.models import Account, Book, Entry, Party, Transfer
from ledger.money import format_amount
from ledger.wire import Day, Id, Instant, MoneyShape, Shape, Text, show_money


class Hexadecimal(serializers.RegexField):
    """32 bytes in lower-case hexadecimal."""

    default_error_messages = {"invalid": "Write 64 hexadecimal digits in lower case."}

    def __init__(self, **options: Any) -> None:
        super().__init__(r"^[0-9a-f]{64}\Z", **options)

    def to_representation(self, value: Any) -> str:
        return bytes(value).hex()


class BookShape(Shape):
    """One legal entity's books."""

    id = Id(Book.PREFIX, "book", source="pk")
    name = serializers.CharField()
    mode = serializers.CharField(help_text="`test` or `live`.")
    height = serializers.IntegerField(help_text="How many entries there are.")
    head_hash = Hexadecimal(help_text="The last entry's hash, which covers all before it.")
    opened_at = Instant()


class PartyShape(Shape):
    """Who an account belongs to."""

    id = Id(Party.PREFIX, "party", source="pk")
    ref = serializers.CharField(help_text="For instance the id of a rights holder, `hld_…`.")
    kind = serializers.CharField(help_text="`holder`, `platform`, `house`, `authority`, `bank`.")
    name = serializers.CharField()


class AccountNameShape(Shape):
    """An account by its name."""

    id = Id(Account.PREFIX, "account", source="pk")
    role = serializers.CharField()
    party = serializers.CharField(source="party.ref")
    subject = serializers.CharField()


class AccountShape(Shape):
    """Where money stands. The balance is positive on the account's normal side."""

    id = Id(Account.PREFIX, "account", source="pk")
    number = serializers.IntegerField()
    book = Id(Book.PREFIX, "book", source="book_id")
    party = PartyShape()
    role = serializers.CharField(help_text="From the chart of accounts, such as `payable`.")
    kind = serializers.CharField(help_text="`asset`, `liability`, `income` or `clearing`.")
    currency = serializers.CharField()
    subject = serializers.CharField(help_text="What it is narrowed to; empty if it is not.")
    normal_side = serializers.CharField(help_text="`debit` or `credit`.")
    balance = serializers.SerializerMethodField()
    opened_at = Instant()

    @staticmethod
    def _money(account: Account) -> dict[str, str]:
        given = getattr(account, "balance_asked_for", None)
        if given is None:
            given = on_side(
                account.normal_side,
                debited=account.balance.debits,
                credited=account.balance.credits,
            )
        return show_money(given, account.currency)

    def get_balance(self, account: Account) -> MoneyShape:
        """The balance now, or as of what was asked for."""
        return self._money(account)  # type: ignore[return-value]


class TransferShape(Shape):
    """One line: an amount debited to one account and credited to another."""

    line = serializers.IntegerField()
    debit = AccountNameShape(
        source="debit_account", allow_null=True, help_text="Null if it is not yours to see."
    )
    credit = AccountNameShape(
        source="credit_account", allow_null=True, help_text="Null if it is not yours to see."
    )
    amount = MoneyShape()
    subject = serializers.CharField(help_text="What the line is about; opaque to the books.")

    def to_representation(self, instance: Transfer) -> dict[str, Any]:
        actor: Actor = self.context["actor"]

        def side(account: Account) -> dict[str, Any] | None:
            if actor.is_house or account.party.ref in actor.parties:
                return dict(AccountNameShape(account).data)
            return None

        return {
            "line": instance.line,
            "debit": side(instance.debit_account),
            "credit": side(instance.credit_account),
            "amount": show_money(instance.amount, instance.currency),
            "subject": instance.subject,
        }


_OF_THE_HOUSE = ("key", "actor", "memo", "line_count", "total", "content_hash")


class EntryShape(Shape):
    """A journal entry's header. What concerns the whole entry is null for those who see a part."""

    id = Id(Entry.PREFIX, "entry", source="pk")
    book = Id(Book.PREFIX, "book", source="book_id")
    height = serializers.IntegerField(help_text="Its place in the book, from 1.")
    kind = serializers.CharField()
    key = serializers.CharField(allow_null=True)
    effective_on = Day(help_text="The day it belongs to.")
    posted_at = Instant(help_text="When it became known.")
    actor = serializers.CharField(allow_null=True)
    memo = serializers.CharField(allow_null=True)
    reverses = Id(Entry.PREFIX, "entry", source="reverses_id", allow_null=True)
    line_count = serializers.IntegerField(allow_null=True)
    total = serializers.CharField(
        allow_null=True, help_text="A control total over all lines, whatever their currency."
    )
    content_hash = Hexadecimal(allow_null=True)
    previous_hash = Hexadecimal()
    hash = Hexadecimal()

    def to_representation(self, instance: Entry) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        actor: Actor = self.context["actor"]
        if not actor.is_house:
            shown.update(dict.fromkeys(_OF_THE_HOUSE))
        return shown


class WholeEntryShape(EntryShape):
    """A journal entry with its lines, at most 200 of them; `/entries/{id}/lines` has all."""

    lines = TransferShape(many=True)


class PeriodShape(Shape):
    """A month of a book."""

    month = serializers.DateField(format="%Y-%m", help_text="Such as `2026-11`.")
    book = Id(Book.PREFIX, "book", source="book_id")
    state = serializers.CharField(help_text="`open` or `closed`.")
    opened_at = Instant()
    closed_at = Instant(allow_null=True)
    closed_by = serializers.CharField()
    trial_balance_hash = Hexadecimal(allow_null=True)
    hash = Hexadecimal(allow_null=True)


class CloseShape(Shape):
    """Which book's month to close, and optionally the trial balance that was looked at."""

    book = Id(Book.PREFIX, "book")
    trial_balance_hash = Hexadecimal(
        required=False,
        help_text="The hash of `GET /trial-balance` as of the month's last day: if it has changed"
        " since, nothing is closed.",
    )


class AsOfShape(Shape):
    """Of when a balance is asked for."""

    as_of = Day(required=False, help_text="Counts what belongs to this day and before.")
    as_known_at = Instant(required=False, help_text="Counts what was posted by this moment.")


class TrialBalanceQueryShape(AsOfShape):
    """Of which book and when."""

    book = Id(Book.PREFIX, "book", required=False, help_text="The house's own if not said.")


class TrialBalanceLineShape(Shape):
    """All accounts of a role, each net on the side where it stands."""

    role = Text()
    debit = serializers.CharField()
    credit = serializers.CharField()


class CurrencyShape(Shape):
    """A trial balance in one currency. The two sums are equal, or the books do not balance."""

    currency = Text()
    lines = TrialBalanceLineShape(many=True)
    debit = serializers.CharField()
    credit = serializers.CharField()


class TrialBalanceShape(Shape):
    """A trial balance per currency, and its hash over every account."""

    currencies = CurrencyShape(many=True)
    hash = Hexadecimal(allow_null=True, help_text="Null for those who see a part of the books.")

    def to_representation(self, instance: TrialBalance) -> dict[str, Any]:
        actor: Actor = self.context["actor"]
        return {
            "currencies": show_trial_balance(instance),
            "hash": instance.hash.hex() if actor.is_house else None,
        }


def show_trial_balance(found: TrialBalance) -> list[dict[str, Any]]:
    """A trial balance per currency, its amounts in full."""
    return [
        {
            "currency": currency,
            "lines": [
                {
                    "role": Role(line.role).value,
                    "debit": format_amount(line.debit, currency),
                    "credit": format_amount(line.credit, currency),
                }
                for line in found.lines
                if line.currency == currency
            ],
            "debit": format_amount(debit, currency),
            "credit": format_amount(credit, currency),
        }
        for currency, (debit, credit) in found.totals.items()
    ]
