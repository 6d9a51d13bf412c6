"""Settlement a second time, as plainly as it can be told: no SQL, no parts, no differences.

`Naive` hears of the same events. At every run it works out afresh what everything reported so far
comes to. It remembers one thing only: by which terms, and for which owners, something was priced
the first time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.licensing.settlement.timelines import (
    HOLDER_OF,
    IN_SAGA,
    SUBJECTS,
    Generation,
    Owned,
    Report,
    Signed,
)

WHOLE = 10**8
Key = tuple[int, int, str]
Earned = dict[tuple[str, int | None, int], Decimal]


def divide(amount: int, claims: Mapping[Any, Fraction | int]) -> dict[Any, int]:
    """Whole units in proportion, what is left one by one to the largest remainders, the first key
    first. Below zero it is the mirror."""
    if amount < 0:
        return {key: -part for key, part in divide(-amount, claims).items()}
    whole = sum(claims.values(), Fraction(0))
    exact = {key: amount * Fraction(claim) / whole for key, claim in claims.items()}
    parts = {key: int(share) for key, share in exact.items()}
    while sum(parts.values()) < amount:
        next_one = max(sorted(exact), key=lambda key: exact[key] - parts[key])
        parts[next_one] += 1
        exact[next_one] = Fraction(-1)
    return parts


@dataclass
class Naive:
    """What has been recorded, and what the first price of anything was."""

    generations: dict[int, Generation] = field(default_factory=dict)
    signed: list[Signed] = field(default_factory=list)
    # Everything has an owner since long ago, but for the last subject.
    owned: list[Owned] = field(
        default_factory=lambda: [
            Owned(number, "", -600, ((HOLDER_OF[number], 1),)) for number in range(SUBJECTS - 1)
        ]
    )
    priced_by: dict[Key, Signed] = field(default_factory=dict)
    owned_by: dict[Key, Owned] = field(default_factory=dict)
    # What was remembered before each run that stands, and what had been earned by then.
    before: list[tuple[dict[Key, Signed], dict[Key, Owned], Earned]] = field(default_factory=list)
    earned: Earned = field(default_factory=dict)

    def hear(self, event: Report | Signed | Owned) -> None:
        match event:
            case Report():
                self.generations.update({each.number: each for each in event.generations})
            case Signed():
                self.signed.append(event)
            case Owned():
                self.owned.append(event)

    def would_change(self, event: Signed | Owned) -> bool:
        """Whether it would give something that has been priced another price or other owners."""
        after = Naive(signed=[*self.signed], owned=[*self.owned])
        after.hear(event)
        return any(
            after.terms(subject, day) != terms
            for (subject, day, _), terms in self.priced_by.items()
        ) or any(after.step(*key) != step for key, step in self.owned_by.items())

    def terms(self, subject: int, day: int) -> Signed | None:
        """Those of the most specific agreement that had any by that day; its latest by then."""
        scopes = [f"everything {HOLDER_OF[subject]}"]
        if subject in IN_SAGA:
            scopes.insert(0, "saga")
        for scope in (f"subject {subject}", *scopes):
            versions = [each for each in self.signed if each.scope == scope and each.day <= day]
            if versions:
                return max(versions, key=lambda each: each.day)
        return None

    def step(self, subject: int, day: int, territory: str) -> Owned | None:
        """The latest by that day of that very territory, else of everywhere else."""
        steps = [each for each in self.owned if each.subject == subject and each.day <= day]
        for where in (territory, ""):
            there = [each for each in steps if each.territory == where]
            if there:
                return max(there, key=lambda each: each.day)
        return None

    def settle(self) -> Earned:
        """What everything reported so far comes to, by what is known now and was settled before."""
        self.before.append((dict(self.priced_by), dict(self.owned_by), self.earned))
        gross: defaultdict[tuple[Signed, int, Owned | None], Fraction] = defaultdict(Fraction)
        for made in self.generations.values():
            for subject, part in self._vector(made).items():
                key = (subject, made.day, made.territory)
                terms = self.priced_by.get(key) or self.terms(subject, made.day)
                price = _price(terms, made)
                if terms is None or price is None:
                    continue
                step = self.owned_by.get(key) or self.step(*key)
                self.priced_by[key] = terms
                if step is not None:
                    self.owned_by[key] = step
                gross[terms, subject, step] += Fraction(part, WHOLE) * price
        self.earned = _shared_out(gross)
        return self.earned

    def take_back(self) -> Earned:
        """The last run that stands has never been."""
        if self.before:
            self.priced_by, self.owned_by, self.earned = self.before.pop()
        return self.earned

    def _vector(self, made: Generation) -> dict[int, int]:
        """Each subject's part of a generation, directly and inherited, of 10^8."""
        own = divide(WHOLE, dict(made.weights))
        taken: defaultdict[int, Fraction] = defaultdict(Fraction)
        for number in made.parents:
            if number not in self.generations:
                continue
            parent = divide(WHOLE, dict(self.generations[number].weights))
            for subject, part in parent.items():
                key = (subject, made.day, made.territory)
                terms = self.priced_by.get(key) or self.terms(subject, made.day)
                if terms is not None:
                    # It has been divided by these terms, whether or not they price it.
                    self.priced_by[key] = terms
                    taken[subject] += Fraction(part, WHOLE) * Fraction(terms.remix) / 100
        left = max(Fraction(0), 1 - sum(taken.values()))
        claims: dict[tuple[int, bool], Fraction] = {
            (subject, False): left * Fraction(part, WHOLE) for subject, part in own.items()
        }
        claims |= {(subject, True): share for subject, share in taken.items() if share}
        vector: defaultdict[int, int] = defaultdict(int)
        for (subject, _), part in divide(WHOLE, claims).items():
            vector[subject] += part
        return {subject: part for subject, part in vector.items() if part}


def _price(terms: Signed | None, made: Generation) -> Fraction | None:
    if terms is None:
        return None
    if made.medium == "image":
        return Fraction(terms.image)
    return None if terms.voice is None else Fraction(terms.voice) * made.seconds


def _shared_out(gross: Mapping[tuple[Signed, int, Owned | None], Fraction]) -> Earned:
    sums: defaultdict[tuple[str, int | None, int], int] = defaultdict(int)
    for (terms, subject, step), amount in gross.items():
        # Python rounds halves to even, as is published.
        units = round(amount * WHOLE)
        fee = Fraction(terms.fee)
        # The fee comes first where both have the same remainder.
        levels = divide(units, {"a fee": fee, "the rest": 100 - fee})
        sums["fee", None, subject] += levels["a fee"]
        if step is None:
            sums["suspense", None, subject] += levels["the rest"]
            continue
        for holder, part in divide(levels["the rest"], dict(step.parts)).items():
            sums["holder", holder, subject] += part
    return {key: Decimal(units).scaleb(-8) for key, units in sums.items() if units}
