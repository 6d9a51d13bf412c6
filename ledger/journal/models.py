"""The tables of the books: parties, books, accounts, balances, periods, entries and their transfers.

What each row promises is written in constraints here and in the migration `0002_guards`, which
holds what Django has no word for: composite foreign keys, append-only, the chain and the sealing
of an entry. Rows are written by the verbs beside this module and by nobody else.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from ledger.actor import Actor
from ledger.journal.chart import AccountKind, Mode, PartyKind, Role, Side
from ledger.journal.states import PeriodState
from ledger.money import LARGEST, Money
from ledger.rows import Identified

DIGEST = 32


class PartyQuerySet(models.QuerySet["Party"]):
    """Reading words of parties."""

    def visible_to(self, actor: Actor) -> PartyQuerySet:
        """All of the mode for the house; its own for anyone else."""
        mine = self.filter(mode=actor.mode)
        return mine if actor.is_house else mine.filter(ref__in=actor.parties)


class Party(Identified):
    """Anyone who can be owed or owe. `ref` is the opaque name by which others know it."""

    PREFIX = "pty"

    mode = models.CharField(max_length=4, choices=Mode.choices)
    ref = models.CharField(max_length=80)
    kind = models.CharField(max_length=16, choices=PartyKind.choices)
    # For people to read; no hash covers it, so that it can be corrected or erased.
    name = models.CharField(max_length=200)
    opened_at = models.DateTimeField()

    objects = PartyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "parties"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["mode", "ref"], name="party_ref_once"),
            models.UniqueConstraint(fields=["id", "mode", "kind"], name="party_as_account_owner"),
            models.CheckConstraint(condition=Q(mode__in=Mode.values), name="party_mode_known"),
            models.CheckConstraint(condition=Q(kind__in=PartyKind.values), name="party_kind_known"),
            models.CheckConstraint(condition=~Q(ref=""), name="party_ref_given"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.ref})"


class BookQuerySet(models.QuerySet["Book"]):
    """Reading words of books."""

    def visible_to(self, actor: Actor) -> BookQuerySet:
        """All of the mode for the house; for anyone else those in which it has an account."""
        mine = self.filter(mode=actor.mode)
        if actor.is_house:
            return mine
        return mine.filter(pk__in=Account.objects.visible_to(actor).values("book_id"))


class Book(Identified):
    """One legal entity's books. Its row lock makes one writer at a time; `height` counts entries."""

    PREFIX = "boo"

    mode = models.CharField(max_length=4, choices=Mode.choices)
    name = models.CharField(max_length=80)
    height = models.BigIntegerField(default=0)
    # The last entry's hash; before the first, the hash of the book's own id, mode and name.
    head_hash = models.BinaryField(max_length=DIGEST)
    opened_at = models.DateTimeField()

    objects = BookQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["mode", "name"], name="book_name_once"),
            models.UniqueConstraint(fields=["id", "mode"], name="book_as_account_book"),
            models.CheckConstraint(condition=Q(mode__in=Mode.values), name="book_mode_known"),
            models.CheckConstraint(condition=Q(height__gte=0), name="book_height_counts"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.mode})"


class AccountQuerySet(models.QuerySet["Account"]):
    """Reading words of accounts."""

    def visible_to(self, actor: Actor) -> AccountQuerySet:
        """All of the mode for the house; those of its own parties for anyone else."""
        mine = self.filter(mode=actor.mode)
        return mine if actor.is_house else mine.filter(party__ref__in=actor.parties)


class Account(Identified):
    """Where money stands: a party's role in a book, in one currency, for one subject or none.

    The id is not random: it is a digest of the book, party, role, currency and subject (see
    `seals.account_id`), so that the lines' hashes, which cover the ids, cover what they stand for.
    """

    PREFIX = "acc"

    # Given by the database; orders accounts by when they were opened.
    number = models.BigIntegerField(unique=True, editable=False)
    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="accounts")
    mode = models.CharField(max_length=4, choices=Mode.choices)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="accounts")
    party_kind = models.CharField(max_length=16, choices=PartyKind.choices)
    role = models.CharField(max_length=24, choices=Role.choices)
    currency = models.CharField(max_length=3)
    subject = models.CharField(max_length=80, blank=True)
    kind = models.CharField(max_length=16, choices=AccountKind.choices)
    normal_side = models.CharField(max_length=8, choices=Side.choices)
    may_overdraw = models.BooleanField()
    opened_at = models.DateTimeField()

    objects = AccountQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["book", "party", "role", "currency", "subject"],
                nulls_distinct=False,
                name="account_once",
            ),
            models.UniqueConstraint(
                fields=["id", "book", "currency"], name="account_as_side_of_transfer"
            ),
            models.UniqueConstraint(
                fields=["id", "normal_side", "may_overdraw"], name="account_as_owner_of_balance"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="account_role_known"),
            models.CheckConstraint(
                condition=Q(kind__in=AccountKind.values), name="account_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(normal_side__in=Side.values), name="account_side_known"
            ),
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"), name="account_currency_code"
            ),
        ]

    def __str__(self) -> str:
        tail = f":{self.subject}" if self.subject else ""
        return f"{self.role}:{self.party.ref}:{self.currency}{tail}"


class Balance(models.Model):
    """What has moved through an account in all. Changed by posting only, once per entry."""

    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, primary_key=True, related_name="balance"
    )
    # Copies of the account's, held equal by a composite foreign key, so that a CHECK can see them.
    normal_side = models.CharField(max_length=8, choices=Side.choices)
    may_overdraw = models.BooleanField()
    debits = models.DecimalField(max_digits=32, decimal_places=8, default=0)
    credits = models.DecimalField(max_digits=32, decimal_places=8, default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(debits__gte=0, credits__gte=0), name="balance_sides_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(may_overdraw=True)
                | Q(normal_side=Side.DEBIT, debits__gte=F("credits"))
                | Q(normal_side=Side.CREDIT, credits__gte=F("debits")),
                name="balance_not_overdrawn",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.debits} debit, {self.credits} credit"


class PeriodQuerySet(models.QuerySet["Period"]):
    """Reading words of periods."""

    def visible_to(self, actor: Actor) -> PeriodQuerySet:
        """Those of the books it sees."""
        return self.filter(book__in=Book.objects.visible_to(actor))


class Period(Identified):
    """A month of a book. Closed, it takes no entry and keeps a hashed trial balance."""

    PREFIX = "per"

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="periods")
    # The month's first day.
    month = models.DateField()
    state = models.CharField(max_length=8, choices=PeriodState.choices, default=PeriodState.OPEN)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=200, blank=True)
    # The book's head when the month was closed, so that the closing has its place in the chain.
    height = models.BigIntegerField(null=True, blank=True)
    head_hash = models.BinaryField(null=True, blank=True, max_length=DIGEST)
    row_count = models.IntegerField(null=True, blank=True)
    trial_balance_hash = models.BinaryField(null=True, blank=True, max_length=DIGEST)
    # Covers every column above and the hash of the month closed before.
    hash = models.BinaryField(null=True, blank=True, max_length=DIGEST)

    objects = PeriodQuerySet.as_manager()

    class Meta:
        permissions = (("close_period", "Can close a month"),)
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["book", "month"], name="period_once"),
            models.CheckConstraint(condition=Q(month__day=1), name="period_is_a_month"),
            models.CheckConstraint(
                condition=Q(
                    state=PeriodState.OPEN,
                    closed_at=None,
                    closed_by="",
                    height=None,
                    head_hash=None,
                    row_count=None,
                    trial_balance_hash=None,
                    hash=None,
                )
                | Q(
                    state=PeriodState.CLOSED,
                    closed_at__isnull=False,
                    height__isnull=False,
                    head_hash__isnull=False,
                    row_count__isnull=False,
                    trial_balance_hash__isnull=False,
                    hash__isnull=False,
                )
                & ~Q(closed_by=""),
                name="period_closed_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} ({self.state})"

    @property
    def last_day(self) -> date:
        """The month's last day."""
        return self.month.replace(day=monthrange(self.month.year, self.month.month)[1])


class TrialBalanceRow(models.Model):
    """One account's totals up to the end of a closed month, frozen."""

    pk = models.CompositePrimaryKey("period_id", "account_id")
    period = models.ForeignKey(
        Period, on_delete=models.PROTECT, related_name="rows", db_index=False
    )
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    # Written out, so that the frozen page can be read and checked without any other table.
    party_ref = models.CharField(max_length=80)
    role = models.CharField(max_length=24)
    currency = models.CharField(max_length=3)
    subject = models.CharField(max_length=80, blank=True)
    debits = models.DecimalField(max_digits=32, decimal_places=8)
    credits = models.DecimalField(max_digits=32, decimal_places=8)

    def __str__(self) -> str:
        return f"{self.role}:{self.party_ref}:{self.currency}"


class EntryQuerySet(models.QuerySet["Entry"]):
    """Reading words of entries."""

    def visible_to(self, actor: Actor) -> EntryQuerySet:
        """All of the mode for the house; for anyone else those that touch its own accounts."""
        mine = self.filter(book__mode=actor.mode)
        if actor.is_house:
            return mine
        accounts = Account.objects.visible_to(actor).values("pk")
        return mine.filter(pk__in=Movement.objects.filter(account__in=accounts).values("entry_id"))


class Entry(Identified):
    """The header of a journal entry. It is written after its lines and seals them."""

    PREFIX = "ent"

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="entries", db_index=False)
    height = models.BigIntegerField()
    kind = models.CharField(max_length=60)
    key = models.CharField(max_length=200)
    effective_on = models.DateField()
    posted_at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    memo = models.CharField(max_length=500, blank=True)
    reverses = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reversed_by",
        db_constraint=False,
        db_index=False,
    )
    line_count = models.IntegerField()
    # A control total over all lines, whatever their currency.
    total = models.DecimalField(max_digits=32, decimal_places=8)
    content_hash = models.BinaryField(max_length=DIGEST)
    previous_hash = models.BinaryField(max_length=DIGEST)
    hash = models.BinaryField(max_length=DIGEST)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entries"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["book", "height"], name="entry_height_once"),
            models.UniqueConstraint(fields=["book", "key"], name="entry_key_once"),
            models.UniqueConstraint(fields=["reverses"], name="entry_reversed_once"),
            models.UniqueConstraint(fields=["id", "book"], name="entry_as_reversed"),
            models.UniqueConstraint(
                fields=["id", "book", "line_count"], name="entry_as_header_of_lines"
            ),
            models.CheckConstraint(condition=Q(height__gte=1), name="entry_height_from_one"),
            models.CheckConstraint(condition=Q(line_count__gte=1), name="entry_has_lines"),
            models.CheckConstraint(condition=~Q(key="") & ~Q(kind=""), name="entry_named"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["book", "effective_on"], name="entry_by_effective_day"),
            models.Index(fields=["book", "posted_at"], name="entry_by_posting_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class TransferQuerySet(models.QuerySet["Transfer"]):
    """Reading words of transfers."""

    def visible_to(self, actor: Actor) -> TransferQuerySet:
        """All of the mode for the house; for anyone else those that touch its own accounts."""
        if actor.is_house:
            return self.filter(book__mode=actor.mode)
        mine = Account.objects.visible_to(actor).values("pk")
        return self.filter(Q(debit_account__in=mine) | Q(credit_account__in=mine))


class Transfer(models.Model):
    """One line of an entry: an amount from the credited account to the debited one."""

    pk = models.CompositePrimaryKey("entry_id", "line")
    entry = models.ForeignKey(
        Entry,
        on_delete=models.PROTECT,
        related_name="transfers",
        db_constraint=False,
        db_index=False,
    )
    # From 1 to `line_count`, which is the header's: see the migration `0002_guards`.
    line = models.IntegerField()
    line_count = models.IntegerField()
    book = models.ForeignKey(
        Book, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    # No index by account: what an account did is read from its movements, entry by entry.
    debit_account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    credit_account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    amount = models.DecimalField(max_digits=24, decimal_places=8)
    currency = models.CharField(max_length=3)
    subject = models.CharField(max_length=120, blank=True)
    # Of every column above, so that a changed line is named and not only its entry.
    digest = models.BinaryField(max_length=DIGEST)

    objects = TransferQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # The bound also refuses NaN, which PostgreSQL takes for greater than every number.
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount__lte=LARGEST), name="transfer_amount_in_bounds"
            ),
            models.CheckConstraint(
                condition=~Q(debit_account=F("credit_account")), name="transfer_between_two"
            ),
            models.CheckConstraint(
                condition=Q(line__gte=1, line__lte=F("line_count")), name="transfer_line_in_entry"
            ),
        ]

    def __str__(self) -> str:
        return Money(amount=self.amount, currency=self.currency).shown


class Movement(models.Model):
    """What one entry did to one account: the account's card, and what balances as of a day add up.

    Derived from the lines and written with them, because an entry may have half a million lines
    and few accounts: sums over an account's history then cost its entries and not its lines, and
    the lines need no index by account.
    """

    pk = models.CompositePrimaryKey("account_id", "entry_id")
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="movements", db_index=False
    )
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="movements")
    debits = models.DecimalField(max_digits=32, decimal_places=8)
    credits = models.DecimalField(max_digits=32, decimal_places=8)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(debits__gte=0, credits__gte=0), name="movement_sides_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.debits} debit, {self.credits} credit"
