"""The portal's door: who is signed in, for which organisation, and pages that refuse kindly."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.contrib.auth.views import redirect_to_login
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from ledger.actor import Actor
from ledger.errors import DomainError, Invalid, NotAllowed, NotFound, Refused
from licensing.access.models import Membership, Organisation, User
from licensing.access.people import actor_for
from licensing.access.roles import OrganisationKind
from licensing.consent.models import ApprovalRequest, KillSwitch

P = ParamSpec("P")
CHOSEN = "portal_organisation"
MOST_SHOWN = 99


class Elsewhere(NotAllowed):
    """The portal is for rights holders."""

    code = "elsewhere"


def for_holders(
    page: Callable[Concatenate[HttpRequest, Actor, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A page of the portal: called with the signed-in rights holder's actor, or answered here."""

    @wraps(page)
    def enter(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        response = answer(request, *args, **kwargs)
        # Nobody keeps a page, unless it says itself for how long its reader may.
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response

    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not isinstance(request.user, User):
            return redirect_to_login(request.get_full_path(), "/portal/sign-in")
        try:
            actor = _actor(request, request.user)
            if actor is None:
                return redirect("portal:organisations")
            request.portal_actor = actor  # type: ignore[attr-defined]
            return page(request, actor, *args, **kwargs)
        except NotFound:
            return problem(request, 404)
        except NotAllowed as refusal:
            return problem(request, 403, refusal)
        except (Refused, Invalid) as refusal:
            # Pages show what is wrong beside its field; this is for what they did not foresee.
            return problem(request, 409 if isinstance(refusal, Refused) else 422, refusal)

    return enter


def problem(request: HttpRequest, status: int, refusal: DomainError | None = None) -> HttpResponse:
    """A page that says in plain words what is not here, not allowed, or not possible."""
    elsewhere = isinstance(refusal, Elsewhere)
    context = {"status": status, "elsewhere": elsewhere, "refusal": refusal}
    return render(request, "portal/problem.html", context, status=status)


def choices(user: User) -> list[Organisation]:
    """The rights holders' organisations a person is a member of today."""
    rows = Membership.objects.current().filter(
        user=user, organisation__kind=OrganisationKind.HOLDER
    )
    return [each.organisation for each in rows.select_related("organisation").order_by("id")]


def frame(request: HttpRequest) -> dict[str, Any]:
    """What the frame around every page of the portal shows: a context processor."""
    actor: Actor | None = getattr(request, "portal_actor", None)
    if actor is None:
        return {}
    seen: Actor = actor
    organisation = Organisation.objects.get(pk=seen.tenant)
    # Asked for by the menu alone: a part of a page that is fetched by itself has none.
    return {
        "organisation": organisation,
        "actor": seen,
        "test": seen.mode == "test",
        "several": getattr(request, "portal_several", False),
        "menu_approvals": lambda: _shown_count(
            ApprovalRequest.objects.visible_to(seen).open_at(timezone.now())
        ),
        "menu_stops": lambda: _shown_count(KillSwitch.objects.visible_to(seen).thrown()),
    }


def _shown_count(rows: QuerySet[Any]) -> str:
    """How many there are, as far as anybody wants to know; empty for none."""
    found = rows[: MOST_SHOWN + 1].count()
    return f"{MOST_SHOWN}+" if found > MOST_SHOWN else str(found or "")


def _actor(request: HttpRequest, user: User) -> Actor | None:
    """The actor in the only or the chosen organisation; None if there is a choice to make."""
    found = choices(user)
    if not found:
        raise Elsewhere
    chosen = request.session.get(CHOSEN)
    organisation = found[0] if len(found) == 1 else None
    for each in found:
        if chosen is not None and each.pk == UUID(chosen):
            organisation = each
    request.portal_several = len(found) > 1  # type: ignore[attr-defined]
    if organisation is None:
        return None
    request_id = getattr(request, "request_id", "")
    return actor_for(user=user, organisation=organisation, request_id=request_id)
