"""Who has a say about a subject, and what each of them says: the same wherever it is decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from licensing.consent.engine.compiling import RuleBook
from licensing.consent.engine.deciding import Asked

if TYPE_CHECKING:
    from typing import Any

Holder = TypeVar("Holder", bound="Any")
Holder_contra = TypeVar("Holder_contra", bound="Any", contravariant=True)


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


def asked_about(
    chain: tuple[str, ...], words: Sequence[Word], platform: str, *, disputed: bool = False
) -> Asked:
    """The subject at the head of `chain`, of whose owners these are the words; `disputed` says
    whether there is an open claim on it there."""
    stopped = any(word.holds(chain, platform) for word in words)
    return Asked(
        subject=chain[0],
        chain=chain,
        consents=tuple((word.holder, word.book) for word in words),
        holds=("disputed",) * disputed + ("kill_switch",) * stopped,
    )


class Ask(Protocol[Holder_contra]):
    """Asks about a subject whose owners are these, where it is disputed or is not."""

    def __call__(self, holders: tuple[Holder_contra, ...], /, *, disputed: bool) -> Asked: ...


def asked_everywhere(
    owners: Mapping[str, Sequence[Holder]],
    territory: str | None,
    ask: Ask[Holder],
    *,
    disputed: Collection[str] = (),
) -> Asked:
    """What `ask` makes of the owners in `territory`, with what it makes of those elsewhere.

    `disputed` are the territories with an open claim; '' is everywhere. Where the same holders own
    and it is disputed or not alike, it is asked once.
    """
    here = ask(consenting(owners, territory), disputed=covers(disputed, territory))
    places = {"", *owners, *disputed}
    if places == {""}:
        return here
    there = {place: (consenting(owners, place), covers(disputed, place)) for place in places}
    asked = {each: ask(each[0], disputed=each[1]) for each in set(there.values())}
    return replace(here, elsewhere={place: asked[each] for place, each in there.items()})


def covers(disputed: Collection[str], territory: str | None) -> bool:
    """Whether claims in `disputed` territories are over `territory`. Not knowing where, any is."""
    if not disputed:
        return False
    return territory is None or "" in disputed or territory in disputed
