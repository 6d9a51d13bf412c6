"""Who shares in what a remix earns: its ancestors' parts by the terms of the remix, exactly.

Two policies (design page "usage"). *Relative*: each generation passes a percentage of whatever it
received on to each parent, so that along a chain the percentages multiply. *Absolute*: an ancestor
takes its percentage of what any descendant earns, however deep; where several ways lead to it, the
percentages add once per path or once per edge, as the terms choose.

Shares are fractions until the very end, when one amount is allocated by largest remainder: rounding
at every hop would hand out more than there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from ledger.allocation import allocate
from ledger.errors import Invalid

MOST_PARENTS: Final = 16
MOST_ANCESTORS: Final = 1024
DEEPEST: Final = 64
# An entitlement vector is whole parts of this.
WHOLE: Final = 10**8


class StackTooHigh(Invalid):
    """Together the ancestors would take more than a hundred per cent."""

    code = "stack_too_high"


class BadEdge(Invalid):
    """An edge leads from a generation to another one, once, with 0 to 100 per cent."""

    code = "bad_edge"


class LineageCycle(Invalid):
    """A generation cannot be its own ancestor."""

    code = "lineage_cycle"


class LineageTooLarge(Invalid):
    """A generation has at most 16 parents, 1,024 ancestors and 64 levels above it."""

    code = "lineage_too_large"


class Policy(StrEnum):
    """Of what an ancestor takes its percentage."""

    RELATIVE = "relative"
    ABSOLUTE = "absolute"


class Count(StrEnum):
    """How often an absolute percentage counts where several ways lead to an ancestor."""

    PATHS = "paths"
    EDGES = "edges"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """`child` remixes `parent`, which is due `percent` (0 to 100) of it."""

    child: str
    parent: str
    percent: Fraction


def divide(
    *,
    amount: int,
    pay: str,
    edges: Iterable[Edge],
    policy: Policy,
    count: Count = Count.PATHS,
) -> dict[str, int]:
    """What each generation gets of `amount` (whole units) earned by `pay`; adds up exactly.

    Largest remainder, ties by the generation's key. Raises what `shares` raises.
    """
    return allocate(amount, shares(pay=pay, edges=edges, policy=policy, count=count))


def shares(
    *, pay: str, edges: Iterable[Edge], policy: Policy, count: Count = Count.PATHS
) -> dict[str, Fraction]:
    """The exact share of each generation in what `pay` earns: above zero, adding up to 1.

    Edges that do not lie above `pay` do not matter.
    Raises BadEdge, LineageCycle, LineageTooLarge, StackTooHigh.
    """
    parents = _by_child(edges)
    order = _downward_first(pay, parents)
    if policy is Policy.RELATIVE:
        found = _relative(pay, order, parents)
    else:
        found = _absolute(pay, order, parents, count)
    return {generation: share for generation, share in found.items() if share}


def _relative(pay: str, order: list[str], parents: Mapping[str, list[Edge]]) -> dict[str, Fraction]:
    received = dict.fromkeys(order, Fraction(0))
    received[pay] = Fraction(1)
    kept = {}
    for generation in order:
        passed = Fraction(0)
        for edge in parents.get(generation, ()):
            received[edge.parent] += received[generation] * edge.percent / 100
            passed += edge.percent
        if passed > 100:
            raise StackTooHigh
        kept[generation] = received[generation] * (100 - passed) / 100
    return kept


def _absolute(
    pay: str, order: list[str], parents: Mapping[str, list[Edge]], count: Count
) -> dict[str, Fraction]:
    # How many ways lead up to a generation. Per edge, one way is as good as many.
    ways = dict.fromkeys(order, 0)
    ways[pay] = 1
    percent = dict.fromkeys(order, Fraction(0))
    for generation in order:
        times = ways[generation] if count is Count.PATHS else 1
        for edge in parents.get(generation, ()):
            ways[edge.parent] += times
            percent[edge.parent] += times * edge.percent
    percent[pay] = 100 - sum(percent.values(), Fraction(0))
    if percent[pay] < 0:
        raise StackTooHigh
    return {generation: part / 100 for generation, part in percent.items()}


def _by_child(edges: Iterable[Edge]) -> dict[str, list[Edge]]:
    """The edges of each child. Raises BadEdge."""
    found: dict[str, dict[str, Edge]] = {}
    for edge in edges:
        siblings = found.setdefault(edge.child, {})
        if edge.parent in siblings or not 0 <= edge.percent <= 100:
            raise BadEdge
        siblings[edge.parent] = edge
    return {child: list(siblings.values()) for child, siblings in found.items()}


def _downward_first(pay: str, parents: Mapping[str, list[Edge]]) -> list[str]:
    """`pay` and all its ancestors, each after everything that descends from it and leads to `pay`.

    Raises LineageCycle and LineageTooLarge, before anything is computed with them.
    """
    children = {pay: 0}
    rising = [pay]
    while rising:
        above = parents.get(rising.pop(), ())
        if len(above) > MOST_PARENTS:
            raise LineageTooLarge
        for edge in above:
            if edge.parent not in children:
                children[edge.parent] = 0
                rising.append(edge.parent)
            children[edge.parent] += 1
        if len(children) > MOST_ANCESTORS + 1:
            raise LineageTooLarge
    # A cycle through `pay` gives it a child, any other one never comes to zero.
    level = [pay] if children[pay] == 0 else []
    order: list[str] = []
    depth = 0
    while level:
        order += level
        free = []
        for edge in (edge for generation in level for edge in parents.get(generation, ())):
            children[edge.parent] -= 1
            if children[edge.parent] == 0:
                free.append(edge.parent)
        level = sorted(free)
        depth += 1
    if len(order) < len(children):
        raise LineageCycle
    if depth - 1 > DEEPEST:
        raise LineageTooLarge
    return order
