"""The figures of the portal's home page, read once each and ready to be shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import F, Sum

from ledger import ids
from ledger.actor import Actor
from ledger.journal.chart import Role
from ledger.journal.models import Account
from ledger.money import Money
from ledger.payouts.models import PayoutItem
from ledger.statements.draw import OWED
from ledger.statements.earnings import Earning, earnings_of
from ledger.statements.models import Statement
from licensing.catalog.models import Subject, SubjectQuerySet
from licensing.catalog.tree import picture_of, with_picture

MONTHS: Final = 12
# What a home page shows of a list before it points to the whole.
FEW: Final = 5
SUBJECTS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """What stands in one currency: earned so far, payable now, and what waits elsewhere."""

    earned: Money
    payable: Money
    in_flight: Money
    held: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A month's earnings, and its height in a chart of 100."""

    month: date
    earned: Money
    height: int
    place: int

    @property
    def top(self) -> int:
        """Where the bar begins, counted from above."""
        return 100 - self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRow:
    """A subject and what it has earned, in each currency; `width` of the best one's, in 100."""

    subject: Subject
    # The beginning of its picture's digest, empty if it has none.
    picture: str
    earned: tuple[Money, ...]
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything on the home page."""

    purses: tuple[Purse, ...]
    chart_currency: str
    bars: tuple[Bar, ...]
    subjects: tuple[SubjectRow, ...]
    subject_count: int
    statements: tuple[Statement, ...]
    payouts: tuple[PayoutItem, ...]


def overview_of(*, actor: Actor, today: date) -> Overview:
    """The home page of this rights holder."""
    earnings = earnings_of(actor=actor, parties=actor.parties)
    purses = _purses(actor, earnings)
    currency = max(purses, key=lambda each: each.earned.amount).earned.currency if purses else ""
    subjects = Subject.objects.visible_to(actor)
    statements = Statement.objects.visible_to(actor).standing().order_by("-month", "-id")
    payouts = PayoutItem.objects.visible_to(actor).select_related("batch", "destination")
    return Overview(
        purses=purses,
        chart_currency=currency,
        bars=_bars(earnings, currency, today),
        subjects=_subject_rows(subjects, earnings, currency),
        subject_count=subjects.count(),
        statements=tuple(statements[:FEW]),
        payouts=tuple(payouts.order_by("-id")[:FEW]),
    )


def _purses(actor: Actor, earnings: Sequence[Earning]) -> tuple[Purse, ...]:
    earned: dict[str, Decimal] = defaultdict(Decimal)
    for each in earnings:
        earned[each.currency] += each.amount
    stands: dict[tuple[str, str], Decimal] = {}
    rows = (
        Account.objects.visible_to(actor)
        .filter(role__in=OWED)
        .values_list("currency", "role")
        .annotate(stands=Sum(F("balance__credits") - F("balance__debits")))
    )
    for currency, role, amount in rows:
        stands[currency, role] = amount

    def part(currency: str, *roles: Role) -> Money:
        total = sum((stands.get((currency, role), Decimal(0)) for role in roles), Decimal(0))
        return Money(amount=total, currency=currency)

    return tuple(
        Purse(
            earned=Money(amount=earned[currency], currency=currency),
            payable=part(currency, Role.PAYABLE),
            in_flight=part(currency, Role.IN_FLIGHT),
            held=part(currency, Role.HELD, Role.RESERVE),
        )
        for currency in sorted({*earned, *(currency for currency, _ in stands)})
    )


def _bars(earnings: Sequence[Earning], currency: str, today: date) -> tuple[Bar, ...]:
    if not earnings:
        return ()
    sums: dict[date, Decimal] = defaultdict(Decimal)
    for each in earnings:
        if each.currency == currency:
            sums[each.month] += each.amount
    months = [_months_before(today, back) for back in reversed(range(MONTHS))]
    highest = max((sums[month] for month in months), default=Decimal(0))
    return tuple(
        Bar(
            month=month,
            earned=Money(amount=sums[month], currency=currency),
            height=_of_hundred(sums[month], highest),
            place=place,
        )
        for place, month in enumerate(months)
    )


def _subject_rows(
    subjects: SubjectQuerySet, earnings: Sequence[Earning], currency: str
) -> tuple[SubjectRow, ...]:
    """The best earners first; those that have earned nothing yet follow by name."""
    earned: dict[UUID, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for each in earnings:
        if (key := _key(each.subject)) is not None:
            earned[key][each.currency] += each.amount
    highest = max((sums[currency] for sums in earned.values()), default=Decimal(0))
    # As many as are shown and no more: a catalogue may be long.
    best = sorted(earned, key=lambda key: -earned[key].get(currency, Decimal(0)))[:SUBJECTS]
    rows = with_picture(subjects).select_related("property")
    found = sorted(
        rows.filter(pk__in=best),
        key=lambda subject: (-earned[subject.pk].get(currency, Decimal(0)), subject.name),
    )
    others = rows.exclude(pk__in=best).order_by("name", "pk")[: SUBJECTS - len(found)]
    return tuple(
        SubjectRow(
            subject=subject,
            picture=picture_of(subject),
            earned=tuple(
                Money(amount=amount, currency=code)
                for code, amount in sorted(earned[subject.pk].items())
            ),
            width=_of_hundred(earned[subject.pk].get(currency, Decimal(0)), highest),
        )
        for subject in [*found, *others]
    )


def _key(subject: str) -> UUID | None:
    """The key of a subject as the ledger refers to it; None for what is none."""
    try:
        return ids.read(Subject.PREFIX, subject)
    except ValueError:
        return None


def _of_hundred(amount: Decimal, highest: Decimal) -> int:
    """At least 1 where there is anything, so that little is seen to be more than nothing."""
    if amount <= 0 or highest <= 0:
        return 0
    return max(1, round(amount / highest * 100))


def _months_before(day: date, back: int) -> date:
    months = day.year * 12 + day.month - 1 - back
    return date(months // 12, months % 12 + 1, 1)
