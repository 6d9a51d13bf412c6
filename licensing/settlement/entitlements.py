"""The entitlement vector of one generation: the rule that `entitling` applies to millions.

A vector says which subjects share in what a generation earns, in whole parts of 10^8.

- Directly: the subjects that appear share by weight, by largest remainder, ties to the lowest id.
- Inherited, one level: each parent's vector is that of its own direct subjects; each of them takes
  its agreement's remix percentage of its part of it. Several parents each take theirs. If together
  they would take more than everything, they are scaled to it and the remix itself gets nothing.
- The rest is the remix's own. The whole is divided once more by largest remainder.

All of it is in integers: a percentage has six decimals, so percent x 10^6 is a part of 10^8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.allocation import allocate

WHOLE: Final = 10**8


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """A remixed generation: its subjects' weights, and what each takes of a remix, of 10^8."""

    weights: Mapping[str, int]
    takes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """Parts of 10^8 by subject: directly, and inherited from parents. They add up to 10^8."""

    direct: Mapping[str, int]
    inherited: Mapping[str, int]


def direct_vector(weights: Mapping[str, int]) -> dict[str, int]:
    """The parts of the subjects that appear."""
    return allocate(WHOLE, weights)


def vector_of(weights: Mapping[str, int], parents: Sequence[Parent] = ()) -> Vector:
    """The whole vector of a generation with these subjects, remixing `parents`."""
    own = direct_vector(weights)
    taken: dict[str, int] = {}
    for parent in parents:
        for subject, part in direct_vector(parent.weights).items():
            # In parts of 10^16.
            taken[subject] = taken.get(subject, 0) + part * parent.takes.get(subject, 0)
    taken = {subject: units for subject, units in taken.items() if units}
    left = max(0, WHOLE**2 - sum(taken.values()))
    # One division over both; the key puts ties in the order of the ids, direct before inherited.
    claims = {(subject, "direct"): left * part for subject, part in own.items()}
    claims |= {(subject, "inherited"): units * WHOLE for subject, units in taken.items()}
    parts = allocate(WHOLE, {"\x00".join(key): claim for key, claim in claims.items()})
    return Vector(
        direct={s: parts[f"{s}\x00{kind}"] for s, kind in claims if kind == "direct"},
        inherited={s: parts[f"{s}\x00{kind}"] for s, kind in claims if kind == "inherited"},
    )
