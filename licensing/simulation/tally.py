"""What a simulation has counted: pure, and the fixed shape in which it is kept and told.

A result is JSON of this shape. A `way` is how one request went: `was` is its outcome by the rules
in force, `becomes` that with the draft in the place of its rule's version.

```
as_of      the moment both were decided as of
requests   how many were replayed, and `changed`: how many flip
ways       [{was, becomes, requests}], those that flip first, then the most frequent
by         {platform, action, territory, subject}: each {values, other}, where `values` is a list,
           most changed first, of {value, requests, changed, ways} (a territory that was not said is
           null), and `other` sums up the values beyond the hundredth, {values, requests, changed,
           ways}, or is null
money      lost: what was allowed and would no longer be, at the price recorded then;
           gained: what would newly be allowed, at the price of then;
           repriced: what stays allowed at another price, as the difference; each
           {requests, amounts: [{amount, currency}], by_agreement, unmeasured}: exact, for as many
           generations as were asked for, and only of the holder's own consent; how many have (part
           of) their price in an agreement, and how many are priced per second without saying how
           long they are
recorded   {differ, ways}: recorded answers that the rules in force now no longer give
           (there `was` is what was recorded, `becomes` what the rules in force now say)
hang_on_words   answers that hang on words nobody searched the prompt for, as they were not
           forbidden when it was there: such a word is unknown, which never helps an allow
stopped    refused whatever the rules say, as by a kill switch
quotas     "ignored": every request is decided as if no quota were used up
notices    "run_out": what the draft replaces does not run on for anybody who relied on it
examples   [{was, becomes, requests: [...]}]: up to 20 of each way that flips, newest first, each
           {consent_check, issued_at, platform, subjects, action, facts, reasons, would_allow}
```
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any, Final

from ledger.money import format_amount
from licensing.consent.engine.language import Per, Price

Json = dict[str, Any]
Way = tuple[str, str]
EXAMPLES: Final = 20
VALUES: Final = 100
DIMENSIONS: Final = ("platform", "action", "territory", "subject")
STREAMS: Final = ("lost", "gained", "repriced")
_EXACT: Final = Context(prec=60)
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What one request is worth: exact amounts by currency, and what cannot be said in money."""

    amounts: Mapping[str, Decimal]
    by_agreement: bool = False
    unmeasured: bool = False


def worth(
    prices: Iterable[Price], *, by_agreement: bool, generations: int, seconds: int | None
) -> Worth:
    """What a request for so many generations of `seconds` each comes to, as far as it is known."""
    amounts: dict[str, Decimal] = {}
    unmeasured = False
    for price in prices:
        units = 1 if price.per is Per.GENERATION else seconds
        if units is None:
            unmeasured = True
            continue
        amount = _EXACT.multiply(price.amount, Decimal(generations * units))
        amounts[price.currency] = _EXACT.add(amounts.get(price.currency, _ZERO), amount)
    return Worth(amounts=amounts, by_agreement=by_agreement, unmeasured=unmeasured)


def difference(before: Worth, after: Worth) -> Worth:
    """What `after` is worth more than `before`, which may be less than nothing."""
    currencies = {*before.amounts, *after.amounts}
    return Worth(
        amounts={
            currency: _EXACT.subtract(
                after.amounts.get(currency, _ZERO), before.amounts.get(currency, _ZERO)
            )
            for currency in currencies
        },
        by_agreement=before.by_agreement or after.by_agreement,
        unmeasured=before.unmeasured or after.unmeasured,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One request decided twice: all that is counted of it.

    `stream` says what its `worth` belongs to: lost, gained, repriced, or nothing.
    """

    recorded: str
    was: str
    becomes: str
    platform: str
    action: str
    territory: str | None
    subjects: tuple[str, ...]
    stream: str = ""
    worth: Worth | None = None
    hangs_on_words: bool = False
    stopped: bool = False


@dataclass(slots=True)
class _Stream:
    """The sums of one stream of money."""

    requests: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)
    by_agreement: int = 0
    unmeasured: int = 0

    def add(self, one: Worth, times: int) -> None:
        self.requests += times
        self.by_agreement += times * one.by_agreement
        self.unmeasured += times * one.unmeasured
        for currency, amount in one.amounts.items():
            sum_ = _EXACT.multiply(amount, Decimal(times))
            self.amounts[currency] = _EXACT.add(self.amounts.get(currency, _ZERO), sum_)

    def write(self) -> Json:
        return {
            "requests": self.requests,
            "amounts": [
                {"amount": format_amount(amount, currency), "currency": currency}
                for currency, amount in sorted(self.amounts.items())
            ],
            "by_agreement": self.by_agreement,
            "unmeasured": self.unmeasured,
        }

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> _Stream:
        amounts = {each["currency"]: Decimal(each["amount"]) for each in written["amounts"]}
        return cls(written["requests"], amounts, written["by_agreement"], written["unmeasured"])


_Ways = Counter[Way]


class Tally:
    """The counts so far. `write` and `read` are each other's inverse, so that a worker may go on
    where another one stopped."""

    def __init__(self) -> None:
        self.ways: _Ways = Counter()
        self.recorded: _Ways = Counter()
        self.by: dict[str, dict[str | None, _Ways]] = {name: {} for name in DIMENSIONS}
        self.money = {name: _Stream() for name in STREAMS}
        self.hang_on_words = 0
        self.stopped = 0
        self.examples: dict[Way, list[Json]] = {}

    @property
    def requests(self) -> int:
        """How many have been counted."""
        return self.ways.total()

    def wants_example(self, way: Way) -> bool:
        """Whether this way flips, and has too few examples yet."""
        return way[0] != way[1] and len(self.examples.get(way, ())) < EXAMPLES

    def add(self, one: Replayed, times: int) -> None:
        """Counts `times` requests that are all alike."""
        way = (one.was, one.becomes)
        self.ways[way] += times
        self.recorded[one.recorded, one.was] += times
        self._count("platform", one.platform, way, times)
        self._count("action", one.action, way, times)
        self._count("territory", one.territory, way, times)
        for subject in one.subjects:
            self._count("subject", subject, way, times)
        if one.worth is not None:
            self.money[one.stream].add(one.worth, times)
        self.hang_on_words += times * one.hangs_on_words
        self.stopped += times * one.stopped

    def _count(self, dimension: str, value: str | None, way: Way, times: int) -> None:
        found = self.by[dimension]
        ways = found.get(value)
        if ways is None:
            ways = found[value] = Counter()
        ways[way] += times

    def write(self) -> Json:
        """All of it, as JSON."""
        return {
            "requests": self.requests,
            "changed": _changed(self.ways),
            "ways": _write_ways(self.ways),
            "by": {name: _write_values(found) for name, found in self.by.items()},
            "money": {name: stream.write() for name, stream in self.money.items()},
            "recorded": {
                "differ": _changed(self.recorded),
                "ways": _write_ways(self.recorded),
            },
            "hang_on_words": self.hang_on_words,
            "stopped": self.stopped,
            "quotas": "ignored",
            "notices": "run_out",
            "examples": [
                {"was": was, "becomes": becomes, "requests": examples}
                for (was, becomes), examples in sorted(
                    self.examples.items(), key=lambda item: -self.ways[item[0]]
                )
            ],
        }

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Tally:
        """The tally that was written."""
        tally = cls()
        tally.ways = _read_ways(written["ways"])
        tally.recorded = _read_ways(written["recorded"]["ways"])
        for name, values in written["by"].items():
            tally.by[name] = {each["value"]: _read_ways(each["ways"]) for each in values}
        tally.money = {name: _Stream.read(said) for name, said in written["money"].items()}
        tally.hang_on_words, tally.stopped = written["hang_on_words"], written["stopped"]
        tally.examples = {
            (each["was"], each["becomes"]): list(each["requests"]) for each in written["examples"]
        }
        return tally


def summed_up(written: Mapping[str, Any]) -> Json:
    """A tally in its final shape: of each list of values the first hundred, the rest as one."""
    shown = {}
    for name, values in written["by"].items():
        rest = _Ways()
        for each in values[VALUES:]:
            rest += _read_ways(each["ways"])
        other = {"values": len(values[VALUES:]), **_write_ways_of(rest)}
        shown[name] = {"values": values[:VALUES], "other": other if rest else None}
    return {**written, "by": shown}


def _changed(ways: _Ways) -> int:
    return sum(times for (was, becomes), times in ways.items() if was != becomes)


def _write_ways(ways: _Ways) -> list[Json]:
    """Those that flip first, then the most frequent."""
    ordered = sorted(ways.items(), key=lambda item: (item[0][0] == item[0][1], -item[1], item[0]))
    return [
        {"was": was, "becomes": becomes, "requests": times} for (was, becomes), times in ordered
    ]


def _read_ways(written: Sequence[Mapping[str, Any]]) -> _Ways:
    return Counter({(each["was"], each["becomes"]): each["requests"] for each in written})


def _write_ways_of(ways: _Ways) -> Json:
    return {"requests": ways.total(), "changed": _changed(ways), "ways": _write_ways(ways)}


def _write_values(found: Mapping[str | None, _Ways]) -> list[Json]:
    """The most changed first, then the most frequent."""
    written = [{"value": value, **_write_ways_of(ways)} for value, ways in found.items()]
    written.sort(key=lambda each: (-each["changed"], -each["requests"], str(each["value"])))
    return written
