"""Pages of the portal that follow an amount back: to days and clauses, and to single generations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ledger.actor import Actor
from ledger.errors import NotFound
from ledger.lists import part_of
from ledger.money import Money, format_exact
from ledger.windows import named, read_id
from licensing.catalog import territories
from licensing.catalog.models import Platform, Subject
from licensing.catalog.shares import show_percent
from licensing.consent.models import RuleVersion
from licensing.settlement import explaining
from licensing.settlement.entitlements import WHOLE
from licensing.settlement.explaining import Contribution
from licensing.settlement.models import Earning, RoyaltyLine

PAGE: Final = 50
MOST_MONTHS: Final = 120
SCOPE: Final = "earnings:read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One generation behind a line, in words: whose part of it the line is, and what that came to."""

    contribution: Contribution
    part: str
    gross: str


@require_GET
def earned_by(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """What a subject has earned, by month and platform; and the lines that made it."""
    actor.require(SCOPE)
    subject = named(Subject.objects.visible_to(actor), read_id(Subject.PREFIX, shown))
    earnings = Earning.objects.visible_to(actor).filter(subject=subject)
    lines = RoyaltyLine.objects.visible_to(actor).filter(subject=subject)
    platform: Platform | None = None
    if asked := request.GET.get("platform"):
        key = read_id(Platform.PREFIX, asked)
        platform = named(Platform.objects.visible_to(actor), key)
        earnings, lines = earnings.filter(platform=platform), lines.filter(run__platform=platform)
    month = _month(request.GET.get("month", ""))
    if month is not None:
        earnings = earnings.filter(month=month)
        lines = lines.filter(service_day__year=month.year, service_day__month=month.month)
    found, after = part_of(
        lines.select_related("run__platform"),
        PAGE,
        after=request.GET.get("after", ""),
        newest_first=True,
    )
    origins = _origins(actor, found)
    rows = earnings.select_related("platform", "holder").order_by("-month", "platform__name")
    context = {
        "page": "home",
        "subject": subject,
        "platform": platform,
        "month": month,
        "earnings": rows[:MOST_MONTHS],
        "lines": [
            (each, _where(each), format_exact(each.gross), origins.get(each.origin_id, ""))
            for each in found
        ],
        "after": after,
    }
    return render(request, "settlement/earned_by.html", context)


@require_GET
def line(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """One line: its clause, who owned the subject on the day, and generations behind it."""
    actor.require(SCOPE)
    rows = RoyaltyLine.objects.visible_to(actor).select_related(
        "run__platform", "part", "terms", "subject"
    )
    found: RoyaltyLine = named(rows, read_id(RoyaltyLine.PREFIX, shown))
    shares = list(explaining.shares_of(found).visible_to(actor).select_related("holder"))
    explained = explaining.explain(line=found, shares=shares)
    own = {share.holder_id for share in shares}
    context = {
        "page": "home",
        "line": found,
        "where": _where(found),
        "origin": _origins(actor, [found]).get(found.origin_id, ""),
        "gross": format_exact(found.gross),
        "fee": format_exact(found.terms.fee_percent) if found.terms else "",
        "prices": [(each, format_exact(each.amount)) for each in explained.prices],
        "owners": [
            (owner.holder, show_percent(owner.fraction), owner.holder_id in own)
            for owner in explained.owners
        ],
        "made": [_made(each) for each in explained.generations],
        "rules": _rules(actor, explained.generations),
        "batches": explained.batches,
        "entries": explained.entries,
        "shares": [
            (share.holder, Money(amount=share.amount, currency=found.run.currency))
            for share in shares
            if share.holder is not None
        ],
    }
    return render(request, "settlement/line.html", context)


def _made(contribution: Contribution) -> Made:
    part = Decimal(contribution.entitlement) / WHOLE
    return Made(
        contribution=contribution,
        part=format_exact(part * 100),
        gross=format_exact(contribution.gross),
    )


def _origins(actor: Actor, lines: Sequence[RoyaltyLine]) -> dict[UUID | None, str]:
    """What the subjects are called that lead the remixes; another's name is not the reader's to see."""
    wanted = {each.origin_id for each in lines if each.origin_id is not None}
    named_ = dict(Subject.objects.visible_to(actor).filter(pk__in=wanted).values_list("pk", "name"))
    return {key: named_.get(key, "somebody else’s subject") for key in wanted}


def _rules(actor: Actor, made: Sequence[Contribution]) -> list[RuleVersion]:
    """The rule versions that allowed what was made, as far as they are the reader's."""
    wanted = {version for each in made for version in each.rule_versions}
    rows = RuleVersion.objects.visible_to(actor).filter(pk__in=wanted)
    return list(rows.select_related("rule__holder", "rule__property", "rule__subject"))


def _where(found: RoyaltyLine) -> str:
    if not found.territory:
        return "nobody said where"
    return territories.NAMES.get(found.territory, found.territory)


def _month(text: str) -> date | None:
    """The first day of a month such as 2026-11. Raises NotFound for what is none."""
    if not text:
        return None
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise NotFound from None


ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    ("earnings/lines/<str:shown>", line, "royalty-line"),
    ("earnings/<str:shown>", earned_by, "earned-by"),
)
