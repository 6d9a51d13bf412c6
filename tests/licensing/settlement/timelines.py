"""Generated timelines: usage, agreements, terms and owners that come in any order, with runs among
them; and a world in which they happen for real."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from django.db.models import Sum
from hypothesis import strategies as st

from ledger.actor import system_actor
from ledger.errors import DomainError
from licensing.catalog import ownership
from licensing.catalog.models import Property, RightsHolder, Subject
from licensing.commerce.agreements import Price, Terms, add_terms, create_agreement
from licensing.commerce.models import Agreement
from licensing.settlement.models import Run, RunShare
from tests.licensing.builders import build_holder, build_platform, build_property, build_subject
from tests.licensing.settlement.builders import Made, build_batch
from tests.licensing.settlement.settling import reverse, settle

OCTOBER = date(2026, 10, 1)
HOLDERS, SUBJECTS = 3, 4
# What an agreement may be over: each holder's everything, Ada's saga, and one subject of it.
SCOPES = ("everything 0", "everything 1", "everything 2", "saga", "subject 0")
# Whose subject each is; the first two belong to the saga, and nobody owns the last one yet.
HOLDER_OF = (0, 0, 1, 2)
IN_SAGA = (0, 1)


@dataclass(frozen=True)
class Generation:
    """Reported by the number that it has in the timeline. It may remix lower numbers, which may
    be reported later."""

    number: int
    day: int
    medium: str
    territory: str
    seconds: int
    weights: tuple[tuple[int, int], ...]
    parents: tuple[int, ...]


@dataclass(frozen=True)
class Report:
    generations: tuple[Generation, ...]


@dataclass(frozen=True)
class Signed:
    """Terms from a day of October on: an agreement's first ones, or its next ones."""

    scope: str
    day: int
    fee: str
    remix: str
    image: str
    voice: str | None


@dataclass(frozen=True)
class Owned:
    """Who owns a subject from a day of October on, in parts by holder."""

    subject: int
    territory: str
    day: int
    parts: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Settle:
    pass


@dataclass(frozen=True)
class TakeBack:
    """The last run that stands is reversed, if there is one."""


Event = Report | Signed | Owned | Settle | TakeBack


def at(day: int) -> datetime:
    """Noon of a day of October."""
    return datetime(2026, 10, 1, 12, 0, tzinfo=UTC) + timedelta(days=day - 1)


@st.composite
def timelines(draw: st.DrawFn) -> list[tuple[int, Event]]:
    """Up to fourteen events, each with its day. Usage is of that day or earlier ones."""
    numbers = draw(st.permutations(range(draw(st.integers(2, 6)))))
    kinds = ["report"] * len(numbers) + draw(
        st.lists(
            st.sampled_from(["signed", "signed", "owned", "settle", "settle", "take back"]),
            max_size=8,
        )
    )
    kinds = draw(st.permutations(kinds))
    today, reported, events = 5, 0, []
    for kind in kinds:
        today += draw(st.sampled_from([0, 0, 1, 3]))
        event: Event = Settle()
        if kind == "report":
            event = Report((draw(_generations(numbers[reported], today)),))
            reported += 1
        elif kind == "signed":
            event = draw(_signed(today))
        elif kind == "owned":
            event = draw(_owned(today))
        elif kind == "take back":
            event = TakeBack()
        events.append((today, event))
    return events


@st.composite
def _generations(draw: st.DrawFn, number: int, today: int) -> Generation:
    cast = draw(
        st.dictionaries(st.integers(0, SUBJECTS - 1), st.integers(1, 3), min_size=1, max_size=2)
    )
    parents = draw(st.sets(st.integers(0, number - 1), max_size=2)) if number else set()
    return Generation(
        number=number,
        day=draw(st.sampled_from([today, today, 4, 2])),
        medium=draw(st.sampled_from(["image", "image", "voice"])),
        territory=draw(st.sampled_from(["", "DE"])),
        seconds=draw(st.integers(1, 9)),
        weights=tuple(sorted(cast.items())),
        parents=tuple(sorted(parents)),
    )


@st.composite
def _signed(draw: st.DrawFn, today: int) -> Signed:
    return Signed(
        scope=draw(st.sampled_from(SCOPES)),
        day=draw(st.sampled_from([1, 3, today, today + 1])),
        fee=draw(st.sampled_from(["0", "15"])),
        remix=draw(st.sampled_from(["0", "10", "33.333333", "70"])),
        image=draw(st.sampled_from(["1", "0.000000037"])),
        voice=draw(st.sampled_from([None, "0.5"])),
    )


@st.composite
def _owned(draw: st.DrawFn, today: int) -> Owned:
    parts = draw(
        st.dictionaries(st.integers(0, HOLDERS - 1), st.integers(1, 3), min_size=1, max_size=2)
    )
    return Owned(
        subject=draw(st.integers(0, SUBJECTS - 1)),
        territory=draw(st.sampled_from(["", "", "DE"])),
        day=draw(st.sampled_from([1, today, today + 1])),
        parts=tuple(sorted(parts.items())),
    )


class World:
    """A platform, three holders and four characters; nothing is agreed yet."""

    def __init__(self) -> None:
        platform = build_platform().platform
        assert platform is not None
        self.platform = platform
        self.holders = [_the(build_holder().holder) for _ in range(HOLDERS)]
        self.saga: Property = build_property(self.holders[0])
        self.subjects: list[Subject] = []
        for number, holder in enumerate(HOLDER_OF):
            place = self.saga if number in IN_SAGA else None
            if number < SUBJECTS - 1:
                self.subjects.append(build_subject(self.holders[holder], property=place))
                continue
            self.subjects.append(_stray(self.holders[holder]))
        self.agreements: dict[str, Agreement] = {}

    def happen(self, today: int, event: Event) -> str:
        """Does it, and answers `done` or the code of its refusal."""
        try:
            match event:
                case Report():
                    self._report(today, event)
                case Signed():
                    self._sign(today, event)
                case Owned():
                    self._own(today, event)
                case Settle():
                    self.settle(today)
                case TakeBack():
                    self.take_back(today)
        except DomainError as refusal:
            return refusal.code
        return "done"

    def settle(self, today: int) -> None:
        settle(self.platform, period=OCTOBER, now=at(today))

    def take_back(self, today: int) -> None:
        rows = Run.objects.filter(platform=self.platform, state="posted")
        if (run := rows.order_by("pk").last()) is not None:
            reverse(run, now=at(today))

    def earned(self) -> dict[tuple[str, int | None, int], Decimal]:
        """By kind of payee, holder and subject: what all runs together come to."""
        holders = {holder.pk: number for number, holder in enumerate(self.holders)}
        subjects = {subject.pk: number for number, subject in enumerate(self.subjects)}
        rows = RunShare.objects.filter(run__platform=self.platform, run__state="posted")
        sums = rows.values_list("payee", "holder", "total__subject").annotate(sum=Sum("amount"))
        return {
            (payee, holders.get(holder), subjects[subject]): amount
            for payee, holder, subject, amount in sums
            if amount
        }

    def _report(self, today: int, event: Report) -> None:
        build_batch(
            self.platform,
            [
                Made(
                    subjects={self.subjects[index]: weight for index, weight in each.weights},
                    at=at(each.day) - timedelta(hours=1),
                    medium=each.medium,
                    seconds=each.seconds,
                    territory=each.territory,
                    licensed=True,
                    name=f"g-{each.number}",
                    parents=[f"g-{parent}" for parent in each.parents],
                )
                for each in event.generations
            ],
            now=at(today),
        )

    def _sign(self, today: int, event: Signed) -> None:
        prices = [Price(medium="image", unit="generation", amount=Decimal(event.image))]
        if event.voice is not None:
            prices.append(Price(medium="voice", unit="second", amount=Decimal(event.voice)))
        terms = Terms(
            effective_on=at(event.day).date(),
            fee_percent=Decimal(event.fee),
            remix_percent=Decimal(event.remix),
            prices=prices,
        )
        system, agreement = system_actor(mode="test"), self.agreements.get(event.scope)
        if agreement is not None:
            add_terms(actor=system, now=at(today), agreement=agreement, terms=terms)
            return
        over, _, number = event.scope.partition(" ")
        self.agreements[event.scope] = create_agreement(
            actor=system,
            now=at(today),
            platform=self.platform,
            holder=self.holders[int(number or 0)],
            property=self.saga if over == "saga" else None,
            subject=self.subjects[int(number)] if over == "subject" else None,
            currency="USD",
            terms=terms,
        )

    def _own(self, today: int, event: Owned) -> None:
        whole = sum(parts for _, parts in event.parts)
        ownership.set_ownership(
            actor=system_actor(mode="test"),
            now=at(today),
            subject=self.subjects[event.subject],
            territory=event.territory,
            effective_on=at(event.day).date(),
            shares={
                self.holders[number].pk: Fraction(parts, whole) for number, parts in event.parts
            },
        )


def _stray(holder: RightsHolder) -> Subject:
    """A character that nobody owns yet."""
    name = f"Stray of {holder.pk}"
    return Subject.objects.create(
        holder=holder, kind="character", name=name, skeleton=name.casefold(), created_at=at(1)
    )


def _the(holder: RightsHolder | None) -> RightsHolder:
    assert holder is not None
    return holder
