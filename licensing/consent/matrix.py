"""Who may what: subjects by platforms for one action, by the rules in force now.

One read of all subjects and their owners' words, then the pure engine for each place. Places in
which the very same rules speak and treat the platform alike are decided once.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from operator import itemgetter
from typing import Final
from uuid import UUID

from licensing.catalog.models import Platform, Subject
from licensing.consent import spending
from licensing.consent.engine.completions import completion
from licensing.consent.engine.counterfactuals import NONE_SPENT, Spent, smallest_changes
from licensing.consent.engine.deciding import Asked, decide
from licensing.consent.engine.language import Change, Decision, Effect, Request
from licensing.consent.standing import stand


class Standpoint(StrEnum):
    """What a platform would be answered."""

    ALLOWED = "allowed"
    DEPENDS = "depends"
    ASKS = "asks"
    DENIED = "denied"
    STOPPED = "stopped"


# How each is lettered, for whoever does not see the colours.
LETTERS: Final[Mapping[Standpoint, str]] = {
    Standpoint.ALLOWED: "A",
    Standpoint.DEPENDS: "F",
    Standpoint.ASKS: "Q",
    Standpoint.DENIED: "D",
    Standpoint.STOPPED: "S",
}


_MAY_BE_OTHER: Final = (("territory",), ("purpose",), ("territory", "purpose"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One subject on one platform."""

    subject: Subject
    platform: Platform
    standpoint: Standpoint

    @property
    def letter(self) -> str:
        """Its letter."""
        return LETTERS[self.standpoint]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One place with what decided it, as far as it is one's own word.

    `standpoint` is what a platform is answered; the rest is what the own holders' rules say to it,
    which is all there is unless `others` own a share too.
    """

    standpoint: Standpoint
    own: Standpoint
    decision: Decision
    # What would have to be said besides for an allow; empty if nothing has to be, or would help.
    to_say: tuple[Change, ...]
    # Whether one's own consent is needed at all, and whether others' is.
    needed: bool
    others: bool


def matrix(
    *, subjects: Sequence[Subject], platforms: Sequence[Platform], request: Request
) -> list[list[Place]]:
    """A row of places for each subject. `request` says what is asked, its platform aside.

    A quota is read once for each platform, and only where some rule has one.
    """
    standing = stand(subjects=[each.pk for each in subjects], now=request.at)
    seen: dict[Hashable, Standpoint] = {}
    rows: list[list[Place]] = [[] for _ in subjects]
    for platform in platforms:
        wanted = replace(request, platform=platform.shown_id)
        asked = [standing.asked(standing.subjects[each.pk], wanted) for each in subjects]
        spent = _spent(asked, platform=platform.pk, at=request.at)
        for row, subject, one in zip(rows, subjects, asked, strict=True):
            key = _alike(one, wanted, spent)
            if key not in seen:
                seen[key] = _standpoint(wanted, one, spent)[0]
            row.append(Place(subject=subject, platform=platform, standpoint=seen[key]))
    return rows


def explain(
    *, subject: Subject, platform: Platform, request: Request, own: frozenset[str]
) -> Explained:
    """One place of the matrix, with all that decided it. `own` are the shown ids of the holders
    whose rules may be told of."""
    wanted = replace(request, platform=platform.shown_id)
    standing = stand(subjects=[subject.pk], now=request.at)
    asked = standing.asked(standing.subjects[subject.pk], wanted)
    spent = _spent([asked], platform=platform.pk, at=request.at)
    mine = _of(asked, own)
    standpoint, to_say = _standpoint(wanted, mine, spent)
    decision = decide(wanted, (mine,), spent=spent)
    if standpoint is Standpoint.DENIED:
        decision = replace(decision, would_allow=_otherwise(wanted, mine, spent))
    return Explained(
        standpoint=_standpoint(wanted, asked, spent)[0],
        own=standpoint,
        decision=decision,
        to_say=to_say,
        needed=bool(mine.consents),
        others=len(mine.consents) < len(asked.consents),
    )


def _standpoint(
    request: Request, asked: Asked, spent: Spent
) -> tuple[Standpoint, tuple[Change, ...]]:
    """What is answered, and what would have to be said besides."""
    if asked.holds:
        return Standpoint.STOPPED, ()
    to_say = completion(request, (asked,), spent=spent)
    if to_say is not None:
        return (Standpoint.DEPENDS if to_say else Standpoint.ALLOWED), to_say
    asks = decide(request, (asked,), spent=spent).outcome is Effect.NEEDS_APPROVAL
    return (Standpoint.ASKS if asks else Standpoint.DENIED), ()


def _otherwise(request: Request, asked: Asked, spent: Spent) -> tuple[tuple[Change, ...], ...]:
    """What would have been allowed instead: the smallest changes, or, where more than a few facts
    are not said, what to say if territory or purpose were open."""
    options = smallest_changes(request, (asked,), spent=spent)
    if options:
        return options
    for facts in _MAY_BE_OTHER:
        other = replace(request, **dict.fromkeys(facts))  # type: ignore[arg-type]
        to_say = completion(other, (asked,), spent=spent) if other != request else None
        if to_say:
            return (to_say,)
    return ()


def _of(asked: Asked, own: frozenset[str]) -> Asked:
    """A subject as only `own` holders are asked about it; elsewhere too, where they are asked."""
    consents = tuple(one for one in asked.consents if one[0] in own)
    return replace(asked.with_elsewhere(lambda _, there: _of(there, own)), consents=consents)


def _spent(asked: Sequence[Asked], *, platform: UUID, at: datetime) -> Spent:
    """The rules that have no room for one more generation of this platform."""
    limited = {rule.version: rule for rule in spending.limited(asked)}
    if not limited:
        return NONE_SPENT
    counts = spending.Counts(platform=platform, at=at)
    counts.read(limited.values())
    return counts.spent(limited.values(), units=1)


def _alike(asked: Asked, request: Request, spent: Spent) -> Hashable:
    """What an outcome hangs on, here and in other territories.

    Two places with the same have the same outcome: of one subject alone in a request no condition
    but that on the platform tells them apart.
    """
    consents = tuple(
        tuple(
            (
                rule.version,
                rule.notice is not None,
                rule.version in spent,
                *(
                    condition.test(request, ())
                    for condition in rule.conditions
                    if condition.fact == "platform"
                ),
            )
            for rule in book.speaking(asked.chain, request)
        )
        for _, book in asked.consents
    )
    elsewhere = (asked.elsewhere or {}).items()
    places = tuple(
        (place, _alike(there, request, spent))
        for place, there in sorted(elsewhere, key=itemgetter(0))
    )
    return asked.holds, consents, places
