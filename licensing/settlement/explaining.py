"""Explaining a royalty line: its clause, its owners, its batches, and the generations behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from licensing.catalog.models import OwnershipShare
from licensing.commerce.models import TermsPrice
from licensing.settlement import entitling
from licensing.settlement.entitlements import WHOLE
from licensing.settlement.models import RoyaltyLine, RunShare, RunShareQuerySet
from licensing.settlement.rating import source_of
from licensing.settlement.states import Basis, PartKind
from licensing.usage.models import Batch

# Generations shown, and how many are looked at to find them: of an inherited line not every one
# looked at is the line's own.
SHOWN: Final = 20
_LOOKED_AT: Final = 400
BATCHES_SHOWN: Final = 100
_EXACT: Final = Context(prec=60)

# The part's generations that may be behind the line, oldest first. Reads only.
_CANDIDATES: Final = """
SELECT g.id FROM ({generations}) g
 WHERE (g.occurred_at AT TIME ZONE 'UTC')::date = %(day)s AND g.territory = %(territory)s
   AND g.medium = %(medium)s AND g.licensed = %(licensed)s AND EXISTS ({appears})
 ORDER BY g.id LIMIT %(most)s
"""
_DIRECTLY: Final = """
    SELECT FROM usage_generationsubject s
     WHERE s.generation_id = g.id AND s.subject_id = %(subject)s
"""
_IN_A_PARENT: Final = """
    SELECT FROM usage_generationparent p
      JOIN usage_generationsubject s ON s.generation_id = p.parent_id
     WHERE p.generation_id = g.id AND s.subject_id = %(subject)s
"""
_CHOSEN: Final = "SELECT g.* FROM ({generations}) g WHERE g.id = ANY(%(chosen)s)"
# What the line's subject is entitled to of each chosen generation, as the session's claims and the
# direct vectors say, where the grounds are the line's. Reads only.
_ENTITLED: Final = """
SELECT e.generation_id, e.units FROM (
    SELECT generation_id, subject_id, origin_id, units FROM settlement_claim
     UNION ALL
    SELECT generation_id, subject_id, NULL, units FROM ({direct}) d
) e
  JOIN ({chosen}) g ON g.id = e.generation_id
  JOIN settlement_ground k
    ON k.part_id = {grounds} AND k.subject_id = e.subject_id AND k.day = %(day)s
   AND k.territory = %(territory)s
 WHERE e.subject_id = %(subject)s AND e.origin_id IS NOT DISTINCT FROM %(origin)s
   AND k.terms_id IS NOT DISTINCT FROM %(terms)s AND k.step_id IS NOT DISTINCT FROM %(step)s
"""
_UNCLAIMED: Final = """
    SELECT unnest(%(chosen)s::uuid[]) EXCEPT SELECT generation_id FROM settlement_claim
"""
_FACTS: Final = """
SELECT g.id, g.external_id, g.occurred_at, g.seconds, g.batch_id, g.consent_check_id,
       coalesce(c.rule_versions, '{}')
  FROM usage_generation g LEFT JOIN consent_consentcheck c ON c.id = g.consent_check_id
 WHERE g.id = ANY(%(chosen)s) ORDER BY g.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One generation behind a line: the line's part of it in 10^8, and its exact gross.

    Of a restated remix the part is the difference to what was rated before, and may be negative.
    """

    id: UUID
    external_id: str
    occurred_at: datetime
    seconds: int | None
    batch: UUID
    consent_check: UUID | None
    rule_versions: Sequence[UUID]
    entitlement: int
    gross: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything a line follows from."""

    line: RoyaltyLine
    prices: Sequence[TermsPrice]
    owners: Sequence[OwnershipShare]
    batches: Sequence[Batch]
    generations: Sequence[Contribution]
    entries: Sequence[str]


def explain(*, line: RoyaltyLine, shares: Sequence[RunShare]) -> Explanation:
    """Walks from a line back to what was reported. `shares` are those of the line's total that
    the reader may see; the keys of their journal entries are told."""
    prices = TermsPrice.objects.filter(
        terms_id=line.terms_id, medium=line.medium, licensed=line.licensed
    )
    owners = (
        OwnershipShare.objects.filter(step_id=line.step_id)
        .select_related("step")
        .order_by("holder_id")
    )
    batches = Batch.objects.filter(pk__in=line.part.batches[:BATCHES_SHOWN]).order_by("pk")
    numbers = sorted({share.post_number for share in shares})
    return Explanation(
        line=line,
        prices=list(prices.order_by("unit")),
        owners=list(owners),
        batches=list(batches),
        generations=_contributions(line),
        entries=[f"settlement:{line.run.shown_id}:{number}" for number in numbers],
    )


def shares_of(line: RoyaltyLine) -> RunShareQuerySet:
    """The shares of the total that the line is part of; none if it has no price."""
    return RunShare.objects.filter(
        run_id=line.run_id,
        total__terms_id=line.terms_id,
        total__subject_id=line.subject_id,
        total__step_id=line.step_id,
        total__service_month=line.service_day.replace(day=1),
    )


def _contributions(line: RoyaltyLine) -> list[Contribution]:
    generations, terms = source_of(run=line.run, part=line.part)
    terms |= {
        "day": line.service_day,
        "territory": line.territory,
        "medium": line.medium,
        "licensed": line.licensed,
        "subject": line.subject_id,
        "origin": line.origin_id,
        "terms": line.terms_id,
        "step": line.step_id,
        "most": SHOWN if line.basis == Basis.DIRECT else _LOOKED_AT,
    }
    appears = _DIRECTLY if line.basis == Basis.DIRECT else _IN_A_PARENT
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CANDIDATES.format(generations=generations, appears=appears), terms)
        terms["chosen"] = [row[0] for row in cursor.fetchall()]
        units = _entitlements(line, _CHOSEN.format(generations=generations), terms)
        cursor.execute(_FACTS, {"chosen": list(units)[:SHOWN]})
        rows = cursor.fetchall()
    return [
        Contribution(
            id=pk,
            external_id=external_id,
            occurred_at=occurred_at,
            seconds=seconds,
            batch=batch,
            consent_check=check,
            rule_versions=rule_versions,
            entitlement=units[pk],
            gross=_gross(line, units[pk], seconds),
        )
        for pk, external_id, occurred_at, seconds, batch, check, rule_versions in rows
    ]


def _entitlements(line: RoyaltyLine, chosen: str, terms: dict[str, Any]) -> dict[UUID, int]:
    """The line's part of each chosen generation, those left out of which it has none."""
    sides = [entitling.RATED]
    if line.part.kind == PartKind.RESTATE:
        sides = [entitling.TAKEN_BACK, entitling.RATED]
    units: dict[UUID, int] = {}
    direct = entitling.DIRECT.format(generations=_UNCLAIMED)
    for side in sides:
        entitling.make_tables()
        entitling.recall(generations=chosen, terms=terms, side=side)
        with connection.cursor() as cursor:
            cursor.execute(
                _ENTITLED.format(direct=direct, chosen=chosen, grounds=side.grounds), terms
            )
            for generation, part in cursor.fetchall():
                units[generation] = units.get(generation, 0) + side.sign * part
    return {generation: units[generation] for generation in sorted(units) if units[generation]}


def _gross(line: RoyaltyLine, units: int, seconds: int | None) -> Decimal:
    rate = line.rate_generation or Decimal(0)
    timed = _EXACT.multiply(line.rate_second or Decimal(0), Decimal(seconds or 0))
    whole = _EXACT.multiply(_EXACT.add(rate, timed), Decimal(units))
    return _EXACT.divide(whole, Decimal(WHOLE))
