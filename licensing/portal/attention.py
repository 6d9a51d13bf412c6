"""What waits for a rights holder on the home page, and who uses what they have most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q

from ledger.actor import Actor
from licensing.catalog.models import Subject
from licensing.claims.models import Claim
from licensing.consent import telling
from licensing.consent.blast import patiently
from licensing.consent.models import ApprovalRequest, ConsentRule, KillSwitch, RuleVersion
from licensing.consent.states import VersionState

FEW: Final = 3
PLATFORMS: Final = 5
LATELY: Final = timedelta(days=30)
# A platform's clock may be a little ahead of the report that names the moment.
_EARLIER: Final = timedelta(hours=1)

# Counts by platform, over %(subjects)s and since %(since)s, the generations in which any of them
# appears, those without a receipt that covers them, and the generations that receipts were given
# for. Ids are ordered by time, so that both go in by an index of what is recent. Changes nothing.
_USES: Final = """
WITH made AS (
    SELECT g.platform_id, count(*) AS generations,
           count(*) FILTER (WHERE NOT g.licensed) AS unlicensed
    FROM (SELECT DISTINCT a.generation_id FROM usage_generationsubject a
          WHERE a.subject_id = ANY(%(subjects)s) AND a.generation_id >= %(first)s) a
    JOIN usage_generation g ON g.id = a.generation_id
    WHERE g.occurred_at >= %(since)s
    GROUP BY g.platform_id
), given AS (
    SELECT c.platform_id, sum(coalesce(c.generations, 1)) AS receipts
    FROM consent_consentcheck c
    WHERE c.subject_ids && %(subjects)s AND c.outcome = 'allow' AND c.issued_at >= %(since)s
    GROUP BY c.platform_id
)
SELECT p.name, coalesce(m.generations, 0), coalesce(m.unlicensed, 0), coalesce(r.receipts, 0)
FROM made m FULL JOIN given r ON r.platform_id = m.platform_id
JOIN catalog_platform p ON p.id = coalesce(m.platform_id, r.platform_id)
ORDER BY 2 DESC, 4 DESC, 1 LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request for approval in a line."""

    shown_id: str
    platform: str
    asks: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """What a holder should look at: the oldest questions, open claims on its subjects (all, and those
    nobody has contested), stops in force, rules in draft."""

    questions: tuple[Waiting, ...]
    more: bool
    claims: int
    unanswered: int
    stops: int
    drafts: int
    # Whether there is any rule at all, in force, drafted or ended.
    ruled: bool

    @property
    def any(self) -> bool:
        """Whether there is anything."""
        return bool(self.questions or self.claims or self.stops or self.drafts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What one platform made lately. `receipts` counts the generations they were given for, `width`
    is of the most in 100."""

    platform: str
    generations: int
    unlicensed: int
    receipts: int
    width: int


def attention_of(*, actor: Actor, now: datetime) -> Attention:
    """In six queries."""
    rows = ApprovalRequest.objects.visible_to(actor).open_at(now)
    found = list(rows.select_related("consent_check__platform").order_by("pk")[: FEW + 1])
    # What else is in the picture and another's is not theirs to see.
    wanted = {key for each in found for key in each.consent_check.subject_ids}
    names = dict(Subject.objects.visible_to(actor).filter(pk__in=wanted).values_list("pk", "name"))
    claims = Claim.objects.visible_to(actor).open().exclude(claimant__organisation=actor.tenant)
    said = claims.aggregate(all=Count("pk"), unanswered=Count("pk", filter=Q(contested_at=None)))
    drafts = RuleVersion.objects.visible_to(actor).filter(state=VersionState.DRAFT)
    return Attention(
        questions=tuple(_waiting(each, names) for each in found[:FEW]),
        more=len(found) > FEW,
        claims=said["all"],
        unanswered=said["unanswered"],
        stops=KillSwitch.objects.visible_to(actor).thrown().count(),
        drafts=drafts.count(),
        ruled=ConsentRule.objects.visible_to(actor).exists(),
    )


def uses_of(*, actor: Actor, now: datetime) -> tuple[Use, ...] | None:
    """The platforms that made most with the holder's subjects; None if counting takes too long."""
    since = now - LATELY
    subjects = Subject.objects.visible_to(actor).values_list("pk", flat=True)
    terms = {
        "subjects": list(subjects),
        "since": since,
        "first": UUID(int=int((since - _EARLIER).timestamp() * 1000) << 80),
        "most": PLATFORMS,
    }
    rows = patiently(partial(_read, terms))
    if rows is None:
        return None
    most = max((row[1] for row in rows), default=0)
    return tuple(
        Use(
            platform=name,
            generations=generations,
            unlicensed=unlicensed,
            receipts=int(receipts),
            width=max(1, round(generations / most * 100)) if generations else 0,
        )
        for name, generations, unlicensed, receipts in rows
    )


def _waiting(approval: ApprovalRequest, names: dict[UUID, str]) -> Waiting:
    check = approval.consent_check
    seen = [names[key] for key in check.subject_ids if key in names]
    return Waiting(
        shown_id=approval.shown_id,
        platform=check.platform.name,
        asks=telling.asks(check.action, seen, check.generations),
        expires_at=approval.expires_at,
    )


def _read(terms: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_USES, terms)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
