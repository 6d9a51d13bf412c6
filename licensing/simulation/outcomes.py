"""A simulation's result as a page shows it: ways as bars, money as sums, examples as sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from ledger.actor import Actor
from ledger.money import Money
from licensing.catalog.territories import NAMES
from licensing.consent import telling
from licensing.consent.engine import wording
from licensing.consent.engine.language import Reason
from licensing.consent.naming import names_of
from licensing.consent.whys import Why, versions_of, whys

Json = Mapping[str, Any]
# How many values of each kind, and examples of each way, a page shows.
VALUES: Final = 8
EXAMPLES: Final = 5
# A bar is so many units long.
WHOLE: Final = 1000
_BECOMES: Final = {
    "allow": "would be allowed",
    "deny": "would be denied",
    "needs_approval": "would ask you first",
}
_WAS: Final = {"allow": "allowed", "deny": "denied", "needs_approval": "asks you first"}
_KINDS: Final = {
    "platform": "Platforms",
    "action": "Actions",
    "territory": "Territories",
    "subject": "Characters and others",
}
_STREAMS: Final = {
    "lost": ("No longer earned", -1),
    "gained": ("Newly earned", 1),
    "repriced": ("At another price", 1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How many requests went one way. `place` and `width` are its stretch of a bar of WHOLE."""

    was: str
    becomes: str
    flips: bool
    requests: int
    place: int
    width: int

    @property
    def says(self) -> str:
        """In words."""
        if self.flips:
            return f"{_WAS[self.was]} now, {_BECOMES[self.becomes]}"
        return f"{_WAS[self.was]} now and then"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """How many requests of one value flip. `width` is out of WHOLE, of the most that any has."""

    name: str
    requests: int
    changed: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Money of one kind: sums with their sign, and what cannot be told in money."""

    title: str
    requests: int
    sums: tuple[Money, ...]
    by_agreement: int
    unmeasured: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One request that flips, in words."""

    platform: str
    asks: str
    told: tuple[str, ...]
    issued_at: datetime | None
    whys: tuple[Why, ...]
    would_allow: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything a page tells of a result."""

    requests: int
    changed: int
    ways: tuple[Way, ...]
    kinds: tuple[tuple[str, tuple[Value, ...]], ...]
    streams: tuple[Stream, ...]
    examples: tuple[tuple[Way, tuple[Example, ...]], ...]
    differ: int
    hang_on_words: int
    stopped: int


def outcome_of(result: Json, *, actor: Actor) -> Outcome:
    """A result in words, in a bounded number of queries."""
    examples = [
        (one, list(one["requests"])[:EXAMPLES])
        for one in result["examples"]
        if one["was"] != one["becomes"]
    ]
    asked = [request for _, requests in examples for request in requests]
    named = {each["value"] for kind in result["by"].values() for each in kind["values"][:VALUES]}
    named.update(request["platform"] for request in asked)
    named.update(subject for request in asked for subject in request["subjects"])
    names = names_of((name for name in named if name), actor=actor)
    versions = versions_of(
        (reason.get("rule_version", "") for request in asked for reason in request["reasons"]),
        actor=actor,
    )
    ways = tuple(_ways(result))
    by_way = {(way.was, way.becomes): way for way in ways}
    return Outcome(
        requests=result["requests"],
        changed=result["changed"],
        ways=ways,
        kinds=tuple(
            (title, tuple(_values(result["by"][kind]["values"], names)))
            for kind, title in _KINDS.items()
        ),
        streams=tuple(_stream(name, result["money"][name]) for name in _STREAMS),
        examples=tuple(
            (
                by_way[one["was"], one["becomes"]],
                tuple(_example(request, names, versions) for request in requests),
            )
            for one, requests in examples
        ),
        differ=result["recorded"]["differ"],
        hang_on_words=result["hang_on_words"],
        stopped=result["stopped"],
    )


def _ways(result: Json) -> Iterable[Way]:
    """The bar from its left end; whatever there is of a way is seen."""
    total = result["requests"]
    ends, so_far = [0], 0
    for each in result["ways"]:
        so_far += each["requests"]
        ends.append(round(so_far * WHOLE / total))
    for each, start, end in zip(result["ways"], ends, ends[1:], strict=False):
        yield Way(
            was=each["was"],
            becomes=each["becomes"],
            flips=each["was"] != each["becomes"],
            requests=each["requests"],
            place=start,
            width=max(2, end - start),
        )


def _values(values: Sequence[Json], names: Mapping[str, str]) -> Iterable[Value]:
    most = max((each["changed"] for each in values), default=0)
    for each in values[:VALUES]:
        width = max(2, round(each["changed"] * WHOLE / most)) if each["changed"] else 0
        yield Value(
            name=_called(each["value"], names),
            requests=each["requests"],
            changed=each["changed"],
            width=width,
        )


def _called(value: str | None, names: Mapping[str, str]) -> str:
    if value is None:
        return "not told"
    action = wording.ACTIONS.get(value)
    return names.get(value) or (action.capitalize() if action else NAMES.get(value, value))


def _stream(name: str, stream: Json) -> Stream:
    title, sign = _STREAMS[name]
    return Stream(
        title=title,
        requests=stream["requests"],
        sums=tuple(
            Money(amount=sign * Decimal(each["amount"]), currency=each["currency"])
            for each in stream["amounts"]
        ),
        by_agreement=stream["by_agreement"],
        unmeasured=stream["unmeasured"],
    )


def _example(request: Json, names: Mapping[str, str], versions: Mapping[str, Any]) -> Example:
    subjects = [names.get(one, one) for one in request["subjects"]] or ["somebody"]
    issued_at = request.get("issued_at")
    reasons = [
        Reason(
            code=one["code"],
            subject=one["subject"],
            holder=one.get("holder", ""),
            rule_version=one.get("rule_version", ""),
            fact=one.get("fact", ""),
        )
        for one in request["reasons"]
    ]
    several = names if len(subjects) > 1 else {}
    return Example(
        platform=names.get(request["platform"], request["platform"]),
        asks=telling.asks(request["action"], subjects, None),
        told=tuple(map(str, telling.told(request["facts"]))),
        issued_at=datetime.fromisoformat(issued_at) if issued_at else None,
        whys=tuple(whys(reasons, versions, several)),
        would_allow=tuple(one["sentence"] for one in request["would_allow"]),
    )
