"""What a platform asks for, in plain words for whoever is asked to approve it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from licensing.consent.engine import wording
from licensing.consent.engine.wording import counted, listing

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One fact as a clause: what was said, and the words around it."""

    before: str = ""
    said: str
    after: str = ""

    def __str__(self) -> str:
        return f"{self.before} {self.said} {self.after}".strip()


def asks(action: str, subjects: Sequence[str], generations: int | None) -> str:
    """What is wanted, to be read after the platform's name: `asks for 4 images with Fox`."""
    wanted = wording.ACTIONS.get(action, action)
    times = f", {counted(generations, 'generation')}" if generations and generations > 1 else ""
    return f"asks for {wanted} with {listing(subjects)}{times}"


def told(facts: Json) -> list[Told]:
    """What the platform said besides, each fact once, in the order in which one would say them."""
    found = [_PLAIN[name](facts[name]) for name in _PLAIN if facts.get(name) is not None]
    return [*found, *_content(facts.get("content") or {})]


def earnings(price: Json, facts: Json, generations: int | None) -> list[str]:
    """What allowing it would earn, as far as it is known: prices, and what they come to."""
    found = []
    for part in price.get("parts", ()):
        amount, currency, per = part["amount"], part["currency"], part["per"]
        line = f"{wording.money(amount, currency)} {wording.PER[per]}"
        units = generations or 1
        if per == "second":
            units *= facts.get("duration_seconds") or 0
        if units > 1:
            total = wording.money(str(Decimal(amount) * units), currency)
            line += f", {total} in all"
        found.append(line)
    if price.get("by_agreement"):
        found.append("by your agreement with the platform")
    return found


def _content(content: Json) -> Iterator[Told]:
    for axis, word in wording.AXES.items():
        level = content.get(axis)
        if level == "none":
            yield Told(said=f"no {word}")
        elif level is not None:
            yield Told(said=f"{level} {word}")
    codes = content.get("codes")
    if codes:
        yield Told(before="showing", said=listing([wording.CODES.get(one, one) for one in codes]))
    elif codes is not None:
        yield Told(said="nothing sensitive shown")


_PLAIN: Final[dict[str, Callable[[Any], Told]]] = {
    "purpose": lambda name: Told(before="for", said=wording.PURPOSES.get(name, name)),
    "territory": lambda code: Told(before="in", said=wording.places([code])),
    "audience": lambda name: Told(before="asked for by", said=wording.AUDIENCES.get(name, name)),
    "viewer_age": lambda age: Told(before="seen by somebody aged", said=str(age)),
    "duration_seconds": lambda length: Told(said=wording.seconds(length), after="long"),
    "resolution": lambda pixels: Told(said=counted(pixels, "pixel"), after="on the shorter side"),
    "depicted_age": lambda age: Told(before="shown aged", said=str(age)),
    "remix_depth": lambda depth: (
        Told(before="remixed", said=counted(depth, "time")) if depth else Told(said="no remix")
    ),
    "language": lambda tag: Told(before="in", said=wording.language(tag)),
    "channel": lambda name: Told(before="through the channel", said=name),
    "model": lambda name: Told(before="made with the model", said=name),
}
