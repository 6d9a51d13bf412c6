"""What may come of an action before anything else about a request is known: pure, and never more
than the rules really promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from licensing.consent.engine.compiling import CompiledRule
from licensing.consent.engine.language import Effect


class Outlook(StrEnum):
    """What comes of every request for an action, or that it depends on the request."""

    STOPPED = "stopped"
    DENIED = "denied"
    SILENT = "silent"
    ASKS = "asks"
    ALLOWED = "allowed"
    DEPENDS = "depends"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What comes of an action, and the rules that speak of it by what they do."""

    outlook: Outlook
    denies: tuple[CompiledRule, ...]
    asks: tuple[CompiledRule, ...]
    allows: tuple[CompiledRule, ...]


def prospect(rules: Sequence[CompiledRule], *, stopped: bool = False) -> Prospect:
    """What comes of an action of which just `rules` speak, all of them of one holder.

    A rule without any condition covers whatever is asked; one with a quota may have no room, and
    one that has ended runs on for some, unless it denies.
    """
    by_effect = {
        effect: tuple(rule for rule in rules if rule.effect is effect) for effect in Effect
    }
    by_effect[Effect.DENY] = tuple(rule for rule in by_effect[Effect.DENY] if rule.notice is None)
    denies, asks = by_effect[Effect.DENY], by_effect[Effect.NEEDS_APPROVAL]
    allows = by_effect[Effect.ALLOW]
    return Prospect(
        outlook=Outlook.STOPPED if stopped else _outlook(denies, asks, allows),
        denies=denies,
        asks=asks,
        allows=allows,
    )


def worst(prospects: Sequence[Outlook]) -> Outlook:
    """What comes of it where each of several holders has a word of their own."""
    for outlook in (Outlook.STOPPED, Outlook.DENIED, Outlook.SILENT, Outlook.DEPENDS, Outlook.ASKS):
        if outlook in prospects:
            return outlook
    return Outlook.ALLOWED if prospects else Outlook.SILENT


def _outlook(
    denies: Sequence[CompiledRule], asks: Sequence[CompiledRule], allows: Sequence[CompiledRule]
) -> Outlook:
    if any(map(_always, denies)):
        return Outlook.DENIED
    if not asks and not allows:
        return Outlook.SILENT
    if denies:
        return Outlook.DEPENDS
    # Whoever was answered for good is not asked again.
    answered = frozenset[str]().union(*(rule.answers for rule in allows))
    if any(_always(rule) and rule.rule not in answered for rule in asks):
        return Outlook.ASKS
    if not asks and any(map(_always, allows)):
        return Outlook.ALLOWED
    return Outlook.DEPENDS


def _always(rule: CompiledRule) -> bool:
    return not rule.conditions and not rule.body.quotas and rule.notice is None
