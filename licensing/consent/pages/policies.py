"""The page of the portal that tells everything said about one subject, and from where it comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from ledger.actor import Actor
from ledger.windows import named, read_id
from licensing.catalog.models import Subject
from licensing.consent.engine.outlook import Outlook
from licensing.consent.policies import policy_of

# A word for what comes of an action, and the effect whose colour it has.
OUTLOOKS: Final = {
    Outlook.STOPPED: ("Stopped", "deny"),
    Outlook.DENIED: ("Denied", "deny"),
    Outlook.SILENT: ("No consent", "deny"),
    Outlook.ASKS: ("You are asked first", "needs_approval"),
    Outlook.DEPENDS: ("It depends", "depends"),
    Outlook.ALLOWED: ("Allowed", "allow"),
}


@require_GET
def policy(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """Which rules apply to a subject, from where each is inherited, and what comes of each action."""
    actor.require("consent:read")
    rows = Subject.objects.visible_to(actor).select_related("consenting_holder")
    subject = named(rows, read_id(Subject.PREFIX, shown))
    found = policy_of(actor=actor, now=timezone.now(), subject=subject)
    context = {
        "page": "rules",
        "policy": found,
        "subject": subject,
        "actions": [(each, *OUTLOOKS[each.outlook]) for each in found.actions],
        "may_write": actor.may("consent:write"),
    }
    return render(request, "consent/policy.html", context)


ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    ("rules/subjects/<str:shown>", policy, "policy"),
)
