"""Generated histories of a platform: who appears in what, what remixes what, and when it came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from ledger.actor import system_actor
from licensing.commerce.agreements import Price, add_terms
from licensing.settlement.models import RunShare
from tests.licensing.builders import (
    Household,
    build_holder,
    build_ownership,
    build_platform,
    build_subject,
)
from tests.licensing.commerce.builders import build_agreement, build_terms
from tests.licensing.settlement.settling import settle
from tests.licensing.usage.builders import build_receipt, report, upload

OCTOBER = date(2026, 10, 1)
NOW = datetime(2026, 11, 5, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Fact:
    """One generation: what appears in it, and which earlier ones it remixes."""

    batch: int
    day: int
    medium: str
    seconds: int
    territory: str
    licensed: bool
    weights: tuple[tuple[int, int], ...]
    parents: tuple[int, ...]


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Up to eight generations in up to four batches. A parent may well come after its remix."""
    facts: list[Fact] = []
    for number in range(draw(st.integers(2, 8))):
        cast = draw(st.dictionaries(st.integers(0, 3), st.integers(1, 7), min_size=1, max_size=3))
        parents = draw(st.sets(st.integers(0, number - 1), max_size=2)) if number else set()
        facts.append(
            Fact(
                batch=draw(st.integers(0, 3)),
                day=draw(st.sampled_from([1, 15, 16, 19, 20, 31])),
                medium=draw(st.sampled_from(["image", "video"])),
                seconds=draw(st.integers(1, 30)),
                territory=draw(st.sampled_from(["", "DE", "US"])),
                licensed=draw(st.booleans()),
                weights=tuple(sorted(cast.items())),
                parents=tuple(sorted(parents)),
            )
        )
    return facts


class World:
    """Three holders with four characters, whose terms and owners change in the middle of October."""

    def __init__(self) -> None:
        ada, bob, nobody = (build_holder().holder for _ in range(3))
        assert ada is not None
        assert bob is not None
        assert nobody is not None
        self.holders = [ada, bob]
        thirds = build_subject(ada, owners={ada: 2, bob: 1})
        changing = build_subject(bob)
        build_ownership(changing, {ada: 3, bob: 4}, effective_on=date(2026, 10, 16))
        build_ownership(changing, {ada: 1}, territory="DE")
        plain = build_subject(bob, owners={ada: 1, bob: 6})
        # Nobody agreed anything over this one.
        unpriced = build_subject(nobody)
        self.subjects = [thirds, changing, plain, unpriced]

    def platform(self) -> Household:
        """A platform with the same agreements as any other of this world."""
        household = build_platform()
        assert household.platform is not None
        for number, holder in enumerate(self.holders):
            agreement = build_agreement(
                household.platform,
                holder,
                terms=build_terms(
                    fee_percent="15",
                    remix_percent=str(10 + number * Decimal("23.333333")),
                    prices=_prices("0.000000037"),
                ),
            )
            add_terms(
                actor=system_actor(mode="test"),
                now=datetime(2026, 10, 1, tzinfo=UTC),
                agreement=agreement,
                terms=build_terms(
                    effective_on=date(2026, 10, 20),
                    fee_percent="12.5",
                    remix_percent="60",
                    prices=_prices("0.000000041"),
                ),
            )
        return household

    def said(self, platform: Household, number: int, fact: Fact) -> dict[str, Any]:
        """The platform's report of a fact."""
        assert platform.platform is not None
        subjects = [self.subjects[index] for index, _ in fact.weights]
        said = report(
            subjects,
            external_id=f"g-{number}",
            occurred_at=f"2026-10-{fact.day:02}T12:00:00Z",
            medium=fact.medium,
            seconds=fact.seconds,
            subjects=[
                {"id": self.subjects[index].shown_id, "weight": weight}
                for index, weight in fact.weights
            ],
        )
        if fact.territory:
            said["territory"] = fact.territory
        if fact.parents:
            said["parents"] = [f"g-{parent}" for parent in fact.parents]
        if fact.licensed:
            said["receipt"] = build_receipt(
                platform.platform,
                subjects,
                action=f"generate_{fact.medium}",
                issued_at=datetime(2026, 10, 1, tzinfo=UTC),
                expires_at=datetime(2026, 11, 1, tzinfo=UTC),
            )
        return said

    def report(self, platform: Household, facts: list[Fact], batches: list[int]) -> None:
        """The platform reports these batches of a history, in this order."""
        for batch in dict.fromkeys(batches):
            reports = [
                self.said(platform, number, fact)
                for number, fact in enumerate(facts)
                if fact.batch == batch
            ]
            if reports:
                upload(platform.actor, reports, now=NOW)

    def earned(self, platform: Household) -> dict[tuple[str, str, str], Decimal]:
        """Who has got how much of this platform for which subject, in all runs together."""
        names = {subject.pk: str(n) for n, subject in enumerate(self.subjects)}
        rows = (
            RunShare.objects.filter(run__platform=platform.platform, run__state="posted")
            .values_list("payee", "holder", "total__subject")
            .annotate(total=Sum("amount"))
        )
        return {
            (payee, str(holder), names[subject]): total
            for payee, holder, subject, total in rows
            if total
        }


def _prices(amount: str) -> list[Price]:
    price = Decimal(amount)
    return [
        Price(medium="image", unit="generation", amount=price),
        Price(medium="image", unit="generation", amount=price * 3, licensed=False),
        Price(medium="video", unit="second", amount=price),
        Price(medium="video", unit="generation", amount=price * 2),
        # Unlicensed video has no price: it is shown as an anomaly and earns nothing.
    ]


def play(world: World, facts: list[Fact], runs: list[list[int]]) -> Household:
    """A platform reports the batches of each run, and the run is settled before the next ones."""
    platform = world.platform()
    assert platform.platform is not None
    for batches in runs:
        world.report(platform, facts, batches)
        settle(platform.platform, period=OCTOBER, now=NOW)
    return platform


CAST = ((0, 1), (1, 2))
# The remix comes first; its parents, each with subjects of their own, in later batches.
LATE_PARENTS = [
    Fact(2, 20, "image", 1, "", True, ((0, 3),), ()),
    Fact(1, 15, "image", 1, "DE", False, CAST, ()),
    Fact(0, 16, "video", 7, "", True, CAST, (0, 1)),
]
# Three thirds of next to nothing, one after another: the remainders must not pile up.
CRUMBS = [Fact(n, 1, "image", 1, "", True, ((0, 1),), ()) for n in range(4)]
PATIENTLY = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
