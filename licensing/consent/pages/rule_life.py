"""Pages of the portal: a rule put in force, ended, and looked back upon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from ledger.actor import Actor
from ledger.errors import Invalid, Stale
from licensing.consent import blast, reliance, rules
from licensing.consent.engine.sentences import cautions, differences, sentences, text
from licensing.consent.models import ConsentRule, RuleVersion
from licensing.consent.naming import names_in
from licensing.consent.rule_lists import find_rule, scope_of, standings, title_of
from licensing.consent.states import VersionState

# How far a page of history goes back.
MOST_VERSIONS: Final = 100


@require_http_methods(["GET", "POST"])
def publish(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """What publishing puts in force and what it supersedes; then it is done."""
    actor.require("consent:publish")
    rule, now = find_rule(actor, shown), timezone.now()
    trouble: str | None = None
    if request.method == "POST":
        seen = request.POST.get("seen", "")
        try:
            version = rules.publish(actor=actor, now=now, rule=rule, seen=seen)
        except Stale:
            rule = find_rule(actor, shown)
            trouble = "It has changed since you read it. This is how it stands now."
        except Invalid as fault:
            trouble = fault.detail
        else:
            messages.success(
                request, f"Version {version.number} is in force. Every check from now on uses it."
            )
            return redirect("portal:rule", shown=shown)
    latest, in_force = rule.latest(), rule.in_force()
    if latest.state != VersionState.DRAFT:
        raise rules.NoDraft
    names = names_in([latest.body, *([in_force.body] if in_force else [])], actor=actor)
    context = {
        **_about(rule),
        "draft": latest,
        "in_force": in_force,
        "sentences": sentences(latest.body, names),
        "effect": latest.body["effect"],
        "cautions": cautions(latest.body),
        "changed": _between(in_force, latest, names),
        "seen": rules.etag_of(latest),
        "trouble": trouble,
    }
    status = 409 if trouble else 200
    return render(request, "consent/publish.html", context, status=status)


@require_http_methods(["GET", "POST"])
def revoke(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """What revoking leaves in the world; then it is done."""
    actor.require("consent:publish")
    rule, now = find_rule(actor, shown), timezone.now()
    trouble = ""
    if request.method == "POST":
        try:
            version = rules.revoke(
                actor=actor, now=now, rule=rule, seen=request.POST.get("seen", "")
            )
        except Stale:
            rule = find_rule(actor, shown)
            trouble = "It has changed since you read it. This is how it stands now."
        else:
            left = blast.open_receipts_of(version, now=now)
            messages.success(request, f"Revoked. {_left(left)}")
            return redirect("portal:rule", shown=shown)
    in_force = rule.in_force()
    if in_force is None:
        raise rules.NotInForce
    context = {
        **_about(rule),
        "in_force": in_force,
        "sentences": sentences(in_force.body, names_in([in_force.body], actor=actor)),
        "effect": in_force.body["effect"],
        "radius": blast.of_version(in_force, now=now),
        "notice": in_force.body.get("revocation_notice_days"),
        "relying": len(reliance.of(rule.pk)),
        "seen": rules.etag_of(rule.latest()),
        "trouble": trouble,
    }
    return render(request, "consent/revoke.html", context, status=409 if trouble else 200)


@require_GET
def history(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """Every version there has been, and the differences between any two."""
    actor.require("consent:read")
    rule = find_rule(actor, shown)
    rows = RuleVersion.objects.visible_to(actor).filter(rule=rule)
    versions = list(rows.order_by("-number")[:MOST_VERSIONS])
    names = names_in((version.body for version in versions), actor=actor)
    newer = _chosen(versions, request.GET.get("newer"), versions[0])
    before = versions[versions.index(newer) + 1 : versions.index(newer) + 2]
    older = _chosen(versions, request.GET.get("older"), (before or [newer])[0])
    context = {
        **_about(rule),
        "versions": [(version, sentences(version.body, names)) for version in versions],
        "older": older,
        "newer": newer,
        "changed": _between(older, newer, names) if older != newer else [],
        "draft": rule.latest() if rule.latest().state == VersionState.DRAFT else None,
        "in_force": rule.in_force(),
        "may_publish": actor.may("consent:publish"),
    }
    return render(request, "consent/history.html", context)


def _about(rule: ConsentRule) -> dict[str, Any]:
    return {
        "page": "rules",
        "rule": rule,
        "title": title_of(rule),
        "scope": scope_of(rule),
        "standings": list(standings(rule)),
    }


def _between(
    older: RuleVersion | None, newer: RuleVersion, names: dict[str, str]
) -> list[tuple[str, str]]:
    if older is None:
        return []
    old, new = (text(sentences(version.body, names)) for version in (older, newer))
    return differences(old, new)


def _chosen(
    versions: Sequence[RuleVersion], number: str | None, otherwise: RuleVersion
) -> RuleVersion:
    """The version of this number; a number that is none means what would be shown anyway."""
    return next((version for version in versions if str(version.number) == number), otherwise)


def _left(open_receipts: int | None) -> str:
    if open_receipts is None:
        return "There are too many open receipts to count them now."
    if open_receipts == 0:
        return "No receipt under it was open."
    return f"Receipts under it that were still open: {open_receipts:,}."


ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    ("rules/<str:shown>/publish", publish, "publish-rule"),
    ("rules/<str:shown>/revoke", revoke, "revoke-rule"),
    ("rules/<str:shown>/history", history, "rule-history"),
)
