"""Who has a say about a subject, and what each of them says: the same wherever it is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from licensing.consent.compiling import RuleBook
from licensing.consent.engine import Asked

if TYPE_CHECKING:
    from typing import Any

Holder = TypeVar("Holder", bound="Any")


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A thrown kill switch: over a subject or property id or all (empty), on a platform or all."""

    scope: str
    platform: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """All that one holder says in one epoch."""

    holder: str
    epoch: int
    book: RuleBook
    switches: tuple[Switch, ...] = ()

    def holds(self, chain: Sequence[str], platform: str) -> bool:
        """Whether a switch stops `platform` from anything in `chain`."""
        return any(
            (not switch.scope or switch.scope in chain)
            and (not switch.platform or switch.platform == platform)
            for switch in self.switches
        )


def consenting(owners: Mapping[str, Sequence[Holder]], territory: str | None) -> tuple[Holder, ...]:
    """Of owners by territory those whose consent is needed there; not knowing where, those of
    every territory. '' is everywhere else."""
    if territory is not None:
        return tuple(owners.get(territory) or owners.get("", ()))
    return tuple(sorted({holder for there in owners.values() for holder in there}))


def asked_about(chain: tuple[str, ...], words: Sequence[Word], platform: str) -> Asked:
    """The subject at the head of `chain`, of whose owners these are the words."""
    stopped = any(word.holds(chain, platform) for word in words)
    return Asked(
        subject=chain[0],
        chain=chain,
        consents=tuple((word.holder, word.book) for word in words),
        holds=("kill_switch",) if stopped else (),
    )


def asked_everywhere(
    owners: Mapping[str, Sequence[Holder]],
    territory: str | None,
    ask: Callable[[tuple[Holder, ...]], Asked],
) -> Asked:
    """What `ask` makes of the owners in `territory`, with what it makes of those elsewhere.

    Where the same holders own, it is asked once.
    """
    here = ask(consenting(owners, territory))
    if owners.keys() <= {""}:
        return here
    there = {place: consenting(owners, place) for place in (*owners, "")}
    asked = {holders: ask(holders) for holders in set(there.values())}
    return replace(here, elsewhere={place: asked[holders] for place, holders in there.items()})
