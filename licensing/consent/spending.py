"""Quotas drawn on: read where some rule has one, held in one order, and counted up in the
transaction of the decision that draws on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from ledger import ids, prepared
from licensing.consent.engine import quotas
from licensing.consent.engine.compiling import CompiledRule
from licensing.consent.engine.deciding import Asked
from licensing.consent.engine.language import Interval, Quota, QuotaOf
from licensing.consent.models import ConsentRule

# Reads what is used of the quotas that are asked for, each by its unique key. A quota that has not
# been drawn on has no row.
_READ: Final = """
SELECT w.rule_id, w.per, w.own, u.used
FROM unnest(%(rules)s::uuid[], %(pers)s::text[], %(starts)s::timestamptz[], %(own)s::boolean[])
     AS w (rule_id, per, starts_at, own)
JOIN consent_quotause u
  ON u.rule_id = w.rule_id AND u.per = w.per AND u.starts_at = w.starts_at
 AND u.platform_id = %(platform)s
WHERE w.own
UNION ALL
SELECT w.rule_id, w.per, w.own, u.used
FROM unnest(%(rules)s::uuid[], %(pers)s::text[], %(starts)s::timestamptz[], %(own)s::boolean[])
     AS w (rule_id, per, starts_at, own)
JOIN consent_quotause u
  ON u.rule_id = w.rule_id AND u.per = w.per AND u.starts_at = w.starts_at
 AND u.platform_id IS NULL
WHERE NOT w.own
"""

# Makes the rows that are not there yet, and holds all of them until the transaction ends: one after
# the other in the one order, so that nobody waits for somebody who waits for them. What is answered
# is the last that was committed. Twice changes nothing.
_HOLD: Final = """
INSERT INTO consent_quotause AS u (rule_id, per, starts_at, platform_id, used, most)
SELECT w.rule_id, w.per, w.starts_at, CASE WHEN w.own THEN %(platform)s::uuid END, 0, 0
FROM unnest(%(rules)s::uuid[], %(pers)s::text[], %(starts)s::timestamptz[], %(own)s::boolean[])
     AS w (rule_id, per, starts_at, own)
ORDER BY w.rule_id, w.per, w.own
ON CONFLICT (rule_id, per, starts_at, platform_id) DO UPDATE SET used = u.used
RETURNING u.rule_id, u.per, u.platform_id IS NOT NULL, u.used, u.id
"""

# Counts up rows that are held. Not to be run twice: it is part of the decision's transaction.
_COUNT: Final = """
UPDATE consent_quotause u SET used = u.used + w.units, most = w.most
FROM unnest(%(ids)s::bigint[], %(units)s::bigint[], %(most)s::bigint[]) AS w (id, units, most)
WHERE u.id = w.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """One counter of a rule: over which interval, and of the platform alone or of everyone."""

    rule: UUID
    per: Interval
    own: bool


class Counts:
    """What is used of rules' quotas, as one platform meets them at one moment."""

    def __init__(self, *, platform: UUID, at: datetime) -> None:
        self.platform = platform
        self.at = at
        self.used: dict[_Place, int] = {}
        self.held: dict[_Place, int] = {}
        self.drawn: dict[_Place, tuple[int, int]] = {}

    def read(self, rules: Iterable[CompiledRule]) -> None:
        """Reads what is used by now, holding nothing: enough to refuse by."""
        for rule, per, own, used in prepared.rows(_READ, self._terms(rules)):
            self.used[_Place(rule=rule, per=Interval(per), own=own)] = used

    def hold(self, rules: Iterable[CompiledRule]) -> None:
        """Reads what is used, and lets nobody else count until the transaction ends. To be called
        once in it, for all that may be drawn on."""
        for rule, per, own, used, row in prepared.rows(_HOLD, self._terms(rules)):
            place = _Place(rule=rule, per=Interval(per), own=own)
            self.used[place] = used
            self.held[place] = row

    def spent(self, rules: Iterable[CompiledRule], *, units: int) -> dict[str, datetime | None]:
        """The versions that have no room for `units` more, and from when they have it again."""
        found: dict[str, datetime | None] = {}
        for rule in rules:
            full = quotas.without_room(
                rule.body.quotas,
                used=lambda quota, rule=rule: self.used.get(_place(rule, quota), 0),  # type: ignore[misc]
                units=units,
            )
            if full:
                found[rule.version] = quotas.room_again(full, at=self.at, units=units)
        return found

    def draw(self, rules: Iterable[CompiledRule], *, units: int) -> None:
        """Takes `units` from every quota of held `rules`, which have room."""
        for rule in rules:
            for quota in rule.body.quotas:
                place = _place(rule, quota)
                self.used[place] += units
                self.drawn[place] = (self.drawn.get(place, (0, 0))[0] + units, quota.count)

    def write(self) -> None:
        """Counts what was drawn."""
        if not self.drawn:
            return
        terms: dict[str, Any] = {
            "ids": [self.held[place] for place in self.drawn],
            "units": [units for units, _ in self.drawn.values()],
            "most": [most for _, most in self.drawn.values()],
        }
        prepared.write(_COUNT, [terms])

    def _terms(self, rules: Iterable[CompiledRule]) -> dict[str, Any]:
        places = list({_place(rule, quota): None for rule in rules for quota in rule.body.quotas})
        return {
            "platform": self.platform,
            "rules": [place.rule for place in places],
            "pers": [str(place.per) for place in places],
            "starts": [quotas.begin(place.per, self.at) for place in places],
            "own": [place.own for place in places],
        }


def limited(asked: Sequence[Asked]) -> list[CompiledRule]:
    """The rules with a quota over any subject, whatever the action and wherever they are asked."""
    found = {
        rule.version: rule
        for subject in asked
        for there in subject.everywhere()
        for _, book in there.consents
        for rule in book.limited
        if not rule.scope or rule.scope in subject.chain
    }
    return list(found.values())


def _place(rule: CompiledRule, quota: Quota) -> _Place:
    return _Place(
        rule=ids.read(ConsentRule.PREFIX, rule.rule),
        per=quota.per,
        own=quota.of is QuotaOf.PLATFORM,
    )
