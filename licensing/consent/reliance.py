"""Who relies on a rule: the platforms that have had a receipt under a promise of notice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from django.db import transaction

from ledger import ids, prepared
from licensing.consent.memory import Memory
from licensing.consent.models import ConsentRule, Reliance

# Adds the pairs that are not there yet, in the order of their key, so that nobody waits in a
# circle. Its foreign key waits for whoever ends the rule at that moment, and holds off the next.
# Twice does nothing.
_NOTE: Final = """
INSERT INTO consent_reliance (rule_id, platform_id, since)
SELECT w.rule_id, %(platform)s, %(now)s FROM unnest(%(rules)s::uuid[]) AS w (rule_id)
ORDER BY w.rule_id
ON CONFLICT DO NOTHING
"""


def note(*, platform: UUID, rules: Iterable[str], now: datetime) -> None:
    """Notes that `platform` relies on `rules` (`rul_…`), in the transaction of its receipts.

    Once it has been noted it is for ever, so a process asks the database only for what it does not
    remember.
    """
    unknown = {rule for rule in rules if _known.get((platform, rule)) is None}
    if not unknown:
        return
    terms = {
        "platform": platform,
        "now": now,
        "rules": [ids.read(ConsentRule.PREFIX, rule) for rule in unknown],
    }
    prepared.write(_NOTE, [terms])
    transaction.on_commit(partial(_remember, platform, unknown))


def of(rule: UUID) -> list[UUID]:
    """The platforms that rely on a rule."""
    rows = Reliance.objects.filter(rule_id=rule).order_by("platform_id")
    return list(rows.values_list("platform_id", flat=True))


def _remember(platform: UUID, rules: Iterable[str]) -> None:
    for rule in rules:
        _known.put((platform, rule), True)


_known: Memory[tuple[UUID, str], bool] = Memory(100_000)
