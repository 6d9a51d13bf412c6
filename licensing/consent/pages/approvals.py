"""The portal's inbox of requests for approval: what is asked, what a yes would earn, the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from ledger.actor import Actor
from ledger.errors import Invalid, NotFound, Refused
from ledger.lists import part_of
from ledger.windows import named, read_id
from licensing.catalog.models import RightsHolder, Subject
from licensing.consent import approvals, telling
from licensing.consent.models import (
    ApprovalRequest,
    ApprovalRequestQuerySet,
    ConsentRule,
    RuleVersion,
)
from licensing.consent.standing import shown as shown_id
from licensing.consent.states import ApprovalState
from licensing.consent.telling import Told
from licensing.consent.windows.answers import show_check
from licensing.consent.windows.previews import host_of

PAGE: Final = 25
SCOPE: Final = "consent:publish"
_ANSWERS: Final = {"approve": approvals.approve, "refuse": approvals.refuse}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request for approval in words, as much of it as its holder may see."""

    approval: ApprovalRequest
    subjects: tuple[Subject, ...]
    asks: str
    told: tuple[Told, ...]
    earns: tuple[str, ...]
    # The rules that want to be asked, and how each is called.
    rules: tuple[RuleVersion, ...]
    obligations: Mapping[str, Any]
    # What the platform shows of it: in words, at an address, and whose address that is.
    preview: Mapping[str, str]
    host: str
    open: bool


@require_GET
def inbox(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What waits for an answer, the oldest first; or what has had one, the newest first."""
    actor.require("consent:read")
    now = timezone.now()
    answered = request.GET.get("show") == "answered"
    rows = _rows(actor)
    if answered:
        rows = rows.filter(~Q(state=ApprovalState.OPEN) | Q(expires_at__lte=now))
    else:
        rows = rows.open_at(now)
    found, after = part_of(rows, PAGE, after=request.GET.get("after", ""), newest_first=answered)
    context = {
        "page": "approvals",
        "answered": answered,
        "questions": _questions(actor, found, now),
        "after": after,
        "may_answer": actor.may(SCOPE),
    }
    return render(request, "consent/approvals.html", context)


@require_http_methods(["GET", "POST"])
def question(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """One request with everything about it; and its answer."""
    actor.require("consent:read")
    found: ApprovalRequest = named(_rows(actor), read_id(ApprovalRequest.PREFIX, shown))
    if request.method == "POST":
        actor.require(SCOPE)
        drafted = _answer(request, actor, found)
        if drafted:
            # Only what is published says anything, so one goes on to the draft.
            return redirect("portal:rule", shown_id(ConsentRule.PREFIX, drafted[0]))
        return redirect("portal:approvals")
    context = {
        "page": "approvals",
        "question": _questions(actor, [found], timezone.now())[0],
        "may_answer": actor.may(SCOPE),
        "may_draft": actor.may("consent:write"),
    }
    return render(request, "consent/approval.html", context)


def _answer(request: HttpRequest, actor: Actor, found: ApprovalRequest) -> Sequence[UUID]:
    """Answers as the form says; the rules that were drafted with it."""
    said = _ANSWERS.get(request.POST.get("answer", ""))
    if said is None:
        raise NotFound
    platform = found.consent_check.platform.name
    try:
        always = request.POST.get("always") == "yes" and actor.may("consent:write")
        answered = said(actor=actor, now=timezone.now(), approval=found, always=always)
    except (Refused, Invalid) as refusal:
        messages.error(request, f"Nothing was answered. {refusal.detail}")
        return ()
    if answered.state == ApprovalState.REFUSED:
        messages.success(request, f"Refused. {platform} is told no.")
    elif approvals.outcome_of(found.consent_check) is not None:
        messages.success(request, f"Approved. {platform} has its receipt.")
    else:
        messages.success(request, "Approved. It waits for the other owners’ answers.")
    if answered.drafted_rules:
        messages.success(request, "A rule that answers the same by itself is drafted. Look at it.")
    drafted: Sequence[UUID] = answered.drafted_rules
    return drafted


def _rows(actor: Actor) -> ApprovalRequestQuerySet:
    rows = ApprovalRequest.objects.visible_to(actor)
    return rows.select_related(
        "holder", "consent_check__platform", "consent_check__granted"
    ).prefetch_related("consent_check__approvals")


def _questions(actor: Actor, found: Sequence[ApprovalRequest], now: datetime) -> list[Question]:
    """The requests in words, in three queries however many there are."""
    holders = frozenset(
        shown_id(RightsHolder.PREFIX, key)
        for key in RightsHolder.objects.visible_to(actor).values_list("pk", flat=True)
    )
    answers = [show_check(one.consent_check, actor, holders) for one in found]
    subjects = _by_shown_id(
        Subject.objects.visible_to(actor).select_related("property"),
        (key for one in found for key in one.consent_check.subject_ids),
    )
    asking = [_asking(one, answer) for one, answer in zip(found, answers, strict=True)]
    rules = _by_shown_id(
        RuleVersion.objects.visible_to(actor).select_related(
            "rule__subject", "rule__property", "rule__holder"
        ),
        (read_id(RuleVersion.PREFIX, version) for versions in asking for version in versions),
    )
    return [
        _question(one, answer, subjects, [rules[v] for v in versions if v in rules], now)
        for one, answer, versions in zip(found, answers, asking, strict=True)
    ]


def _question(
    approval: ApprovalRequest,
    answer: Mapping[str, Any],
    subjects: Mapping[str, Subject],
    rules: Sequence[RuleVersion],
    now: datetime,
) -> Question:
    check = approval.consent_check
    seen = tuple(subjects[one] for one in answer["subjects"] if one in subjects)
    earns = telling.earnings(answer["price"], answer["facts"], check.generations)
    return Question(
        approval=approval,
        subjects=seen,
        asks=telling.asks(check.action, [each.name for each in seen], check.generations),
        told=tuple(telling.told(answer["facts"])),
        earns=tuple(earns or _own_prices(rules, answer["facts"], check.generations)),
        rules=tuple(rules),
        obligations=answer["obligations"],
        preview=check.preview or {},
        host=host_of((check.preview or {}).get("url", "")),
        open=approval.state == ApprovalState.OPEN and approval.expires_at > now,
    )


def _own_prices(
    rules: Sequence[RuleVersion], facts: Mapping[str, Any], generations: int | None
) -> list[str]:
    """What the holder's own rules ask for, where the whole price is not theirs alone to see."""
    found = []
    for version in rules:
        price = version.body.get("price")
        if price:
            by_agreement = price["per"] == "agreement"
            sums = {"parts": [] if by_agreement else [price], "by_agreement": by_agreement}
            found += telling.earnings(sums, facts, generations)
    return found


def _asking(approval: ApprovalRequest, answer: Mapping[str, Any]) -> list[str]:
    """The holder's rule versions that want to be asked, each once."""
    holder = shown_id(RightsHolder.PREFIX, approval.holder_id)
    return list(
        dict.fromkeys(
            reason["rule_version"]
            for reason in answer["reasons"]
            if reason.get("holder") == holder and "rule_version" in reason
        )
    )


def _by_shown_id(rows: Any, keys: Any) -> dict[str, Any]:
    wanted: set[UUID] = set(keys)
    return {each.shown_id: each for each in rows.filter(pk__in=wanted)} if wanted else {}


ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    ("approvals", inbox, "approvals"),
    ("approvals/<str:shown>", question, "approval"),
)
