"""Rails: how money leaves. One small interface, and the rail that is a person at a bank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from ledger.money import Money

MANUAL: Final = "manual"

Outcome = Literal["accepted", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One payment to make. `rail_id` is derived from the item and the same in every repeat."""

    rail_id: str
    party: str
    money: Money
    kind: str
    account: str
    account_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a rail says of one payment: taken on, or refused and why."""

    outcome: Outcome
    detail: str = ""


class Rail(Protocol):
    """What Assent asks of a way to pay.

    Both calls answer by rail id. A payment they leave out is one the rail does not speak of: its
    item becomes `unknown` and is never sent again blindly.
    """

    def submit(self, instructions: Sequence[Instruction]) -> Mapping[str, Answer]:
        """Hands over the payments, once. May raise anything; then nobody knows what arrived."""

    def look_up(self, rail_ids: Sequence[str]) -> Mapping[str, Answer]:
        """What became of payments that were perhaps handed over."""


class ManualRail:
    """A finance person pays by hand from the batch's list and records the bank's reference.

    The list is the batch itself, so handing it over cannot fail and cannot double anything.
    """

    def submit(self, instructions: Sequence[Instruction]) -> Mapping[str, Answer]:
        """Every payment stands on the list."""
        return self.look_up([each.rail_id for each in instructions])

    def look_up(self, rail_ids: Sequence[str]) -> Mapping[str, Answer]:
        """Every payment stands on the list."""
        return {rail_id: Answer(outcome="accepted") for rail_id in rail_ids}


RAILS: Final[Mapping[str, Rail]] = {MANUAL: ManualRail()}
