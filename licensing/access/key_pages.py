"""The portal's page of API keys: made, shown once, replaced and revoked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from ledger.actor import Actor
from ledger.forms import Form
from ledger.windows import named, read_id
from ledger.wire import show_instant
from licensing.access import keys
from licensing.access.models import ApiKey
from licensing.access.shapes import NewKeyShape

MOST: Final = 200
MOST_ENDED: Final = 20
WRITE: Final = "keys:write"
# What a scope lets a key do, for whoever chooses among them.
SCOPES: Final[Mapping[str, str]] = {
    "catalog:read": "Read the catalogue and who owns what",
    "catalog:write": "Register subjects, and change who owns them",
    "claims:read": "Read claims to subjects",
    "claims:write": "Claim a subject, and answer claims to yours",
    "consent:read": "Read rules, checks, approvals and stops",
    "consent:write": "Draft rules",
    "consent:publish": "Publish and revoke rules, answer approvals, stop",
    "agreements:read": "Read agreements and their terms",
    "usage:read": "Read what was generated",
    "earnings:read": "Read what was earned",
    "statements:read": "Read statements",
    "payouts:read": "Read payouts",
    "books:read": "Read your accounts in the books",
    "audit:read": "Read who did what",
    "members:read": "Read who is a member",
    "members:write": "Invite members and end memberships",
    "parties:write": "Register rights holders",
    "keys:read": "Read which keys there are",
    "keys:write": "Make, replace and revoke keys",
}
# How long a key lives, and how long an old one goes on beside its successor.
LIVES: Final[Mapping[str, tuple[str, timedelta | None]]] = {
    "90": ("In 90 days", timedelta(days=90)),
    "30": ("In 30 days", timedelta(days=30)),
    "365": ("In a year", timedelta(days=365)),
    "never": ("Never", None),
}
OVERLAPS: Final[Mapping[str, tuple[str, timedelta]]] = {
    "day": ("For a day", timedelta(days=1)),
    "hour": ("For an hour", timedelta(hours=1)),
    "week": ("For a week", timedelta(days=7)),
    "none": ("Not at all", timedelta(0)),
}


@require_GET
def all_keys(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The organisation's keys, one's own first, then those that have ended."""
    actor.require("keys:read")
    now = timezone.now()
    rows = ApiKey.objects.visible_to(actor).select_related("user").order_by("-pk")
    live = list(rows.live(now)[:MOST])
    ended = rows.filter(Q(revoked_at__isnull=False) | Q(expires_at__lte=now))
    context = {
        "page": "keys",
        "own": [key for key in live if key.user_id == actor.person_id],
        "colleagues": [key for key in live if key.user_id != actor.person_id],
        "ended": ended[:MOST_ENDED],
        "may_write": actor.may(WRITE),
        "may_lead": actor.may("members:write"),
    }
    return render(request, "access/keys.html", context)


@require_http_methods(["GET", "POST"])
def new_key(request: HttpRequest, actor: Actor) -> HttpResponse:
    """A key to be made for oneself; and its secret, this once."""
    actor.require(WRITE)
    form = Form(request.POST)
    if request.method == "POST":
        now = timezone.now()
        with form.trying():
            body: dict[str, Any] = {
                "name": form.said.get("name", "").strip(),
                "scopes": request.POST.getlist("scopes"),
            }
            lives = LIVES.get(form.said.get("lives", ""), LIVES["90"])[1]
            if lives is not None:
                body["expires_at"] = show_instant(now + lives)
            said = form.read(NewKeyShape, body)
            issued = keys.issue_own(actor=actor, now=now, **said)
            return _shown_once(request, issued, before=None)
    chosen = set(request.POST.getlist("scopes"))
    offered = [(scope, SCOPES.get(scope, scope)) for scope in SCOPES if actor.may(scope)]
    context = {
        "page": "keys",
        "form": form,
        "scopes": [(scope, words, scope in chosen) for scope, words in offered],
        "lives": [(value, words) for value, (words, _) in LIVES.items()],
    }
    return render(request, "access/new_key.html", context, status=form.status)


@require_http_methods(["GET", "POST"])
def rotate(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """How one of one's own keys is replaced; and the new secret, this once."""
    actor.require(WRITE)
    key = _key(actor, shown)
    if key.user_id != actor.person_id:
        raise keys.NotYourKey
    if request.method == "POST":
        now = timezone.now()
        overlap = OVERLAPS.get(request.POST.get("overlap", ""), OVERLAPS["day"])[1]
        try:
            issued = keys.rotate(actor=actor, now=now, key=key, old_key_until=now + overlap)
        except (keys.KeyNotInForce, keys.RotationUnderWay) as refusal:
            messages.error(request, f"Nothing was changed. {refusal.detail}")
            return redirect("portal:keys")
        return _shown_once(request, issued, before=_ends(issued.key, now))
    overlaps = [(value, words) for value, (words, _) in OVERLAPS.items()]
    context = {"page": "keys", "key": key, "overlaps": overlaps}
    return render(request, "access/rotate_key.html", context)


@require_http_methods(["GET", "POST"])
def revoke(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """What the end of a key means; and the end itself."""
    key = _key(actor, shown)
    actor.require(WRITE if key.user_id == actor.person_id else "members:write")
    if request.method == "POST":
        keys.revoke(actor=actor, now=timezone.now(), key=key)
        messages.success(request, f"The key “{key.name}” is revoked.")
        return redirect("portal:keys")
    return render(request, "access/revoke_key.html", {"page": "keys", "key": key})


def _key(actor: Actor, shown: str) -> ApiKey:
    rows = ApiKey.objects.visible_to(actor).select_related("user")
    found: ApiKey = named(rows, read_id(ApiKey.PREFIX, shown))
    return found


def _ends(successor: ApiKey, now: datetime) -> datetime | None:
    """Until when the key goes on that was replaced."""
    assert successor.replaces_id is not None
    old = ApiKey.objects.get(pk=successor.replaces_id)
    return None if old.revoked_at is not None else old.expires_at


def _shown_once(
    request: HttpRequest, issued: keys.IssuedKey, *, before: datetime | None
) -> HttpResponse:
    """The one page that holds a secret: not kept anywhere, and never to be had again."""
    context = {
        "page": "keys",
        "key": issued.key,
        "secret": issued.secret,
        "before": before,
        "base": request.build_absolute_uri("/api/v1/me"),
    }
    return render(request, "access/key_made.html", context)


ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    ("keys", all_keys, "keys"),
    ("keys/new", new_key, "new-key"),
    ("keys/<str:shown>/rotate", rotate, "rotate-key"),
    ("keys/<str:shown>/revoke", revoke, "revoke-key"),
)
