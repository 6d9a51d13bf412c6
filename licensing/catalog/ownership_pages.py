"""The portal's forms about subjects and who owns them: a new subject, a new step of ownership."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from ledger.actor import Actor
from ledger.forms import Form
from ledger.windows import named, read_id
from licensing.catalog import ownership, subjects, territories
from licensing.catalog.models import (
    OwnershipStep,
    Property,
    RightsHolder,
    Subject,
    SubjectKind,
)
from licensing.catalog.shapes import NewStepShape, NewSubjectShape
from licensing.catalog.shares import MOST_OWNERS, show_share

MOST_LISTED: Final = 500
# Blank lines for further owners, and how many more one asks for at once.
BLANK: Final = 2
MORE: Final = 4
WRITE: Final = "catalog:write"
_KINDS: Final = (
    (SubjectKind.CHARACTER, "made up, drawn or written"),
    (SubjectKind.LIKENESS, "a real person’s face and figure"),
    (SubjectKind.VOICE, "how somebody sounds"),
    (SubjectKind.MARK, "a logo, emblem or word mark"),
    (SubjectKind.PET, "a real animal"),
    (SubjectKind.OBJECT, "a thing one recognises"),
)


@require_http_methods(["GET", "POST"])
def new_subject(request: HttpRequest, actor: Actor) -> HttpResponse:
    """A subject to be registered, with its first owners."""
    actor.require(WRITE)
    form = Form(request.POST if request.method == "POST" else request.GET)
    known = _known_holders(actor)
    rows = _rows(request.POST)
    if request.method == "POST" and "more" not in request.POST:
        with form.trying(absent="/shares"):
            places = Property.objects.visible_to(actor)
            said = form.read(NewSubjectShape, _subject_body(request.POST, rows, known))
            made = subjects.register_subject(
                actor=actor,
                now=timezone.now(),
                holder=form.find(RightsHolder.objects.visible_to(actor), said["holder"], "/holder"),
                name=said["name"],
                kind=said["kind"],
                property=form.find(places, said["property"], "/property")
                if said["property"]
                else None,
                shares=said["shares"],
                effective_on=said["effective_on"],
            )
            messages.success(request, f"{made.name} is in your catalogue.")
            return redirect("portal:subject", made.shown_id)
    holders = RightsHolder.objects.visible_to(actor).order_by("name")
    context = {
        "page": "catalogue",
        "form": form,
        "kinds": [(kind.value, kind.label, hint) for kind, hint in _KINDS],
        "holders": holders[:MOST_LISTED],
        "places": Property.objects.visible_to(actor).order_by("name", "pk")[:MOST_LISTED],
        "rows": _with_blanks(rows, more="more" in request.POST),
        "known": sorted(known),
        "today": ownership.day_of(timezone.now()),
    }
    return render(request, "catalog/new_subject.html", context, status=form.status)


@require_http_methods(["GET", "POST"])
def new_step(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """A change of who owns a subject, from today or a later day on."""
    actor.require(WRITE)
    found: Subject = named(
        Subject.objects.visible_to(actor).select_related("holder"),
        read_id(Subject.PREFIX, shown),
    )
    if found.holder.organisation_id != actor.tenant:
        raise ownership.NotTheRegistrant
    now = timezone.now()
    today = ownership.day_of(now)
    known = _known_holders(actor)
    form = Form(request.POST if request.method == "POST" else {"effective_on": today.isoformat()})
    rows = _rows(request.POST) if request.method == "POST" else _current(found, known)
    if request.method == "POST" and "more" not in request.POST:
        with form.trying(absent="/shares"):
            body: dict[str, Any] = {
                "effective_on": form.said.get("effective_on", ""),
                "shares": _shares(rows, known),
            }
            if form.said.get("territory"):
                body["territory"] = form.said["territory"]
            said = form.read(NewStepShape, body)
            ownership.set_ownership(
                actor=actor,
                now=now,
                subject=found,
                territory=said["territory"] or "",
                effective_on=said["effective_on"],
                shares=said["shares"],
            )
            messages.success(request, "The new shares are kept.")
            return redirect("portal:subject", shown)
    context = {
        "page": "catalogue",
        "form": form,
        "subject": found,
        "rows": _with_blanks(rows, more="more" in request.POST),
        "known": sorted(known),
        "territories": sorted(territories.NAMES.items(), key=lambda each: each[1]),
        "today": today,
    }
    return render(request, "catalog/new_step.html", context, status=form.status)


Row = tuple[str, str]


def _rows(said: QueryDict) -> list[Row]:
    """The owners as they were filled in, without the lines left blank."""
    lines = zip_longest(said.getlist("owner"), said.getlist("share"), fillvalue="")
    rows = [(owner.strip(), share.strip()) for owner, share in lines]
    return [row for row in rows if any(row)][: MOST_OWNERS + 1]


def _with_blanks(rows: Sequence[Row], *, more: bool) -> list[Row]:
    return [*rows, *[("", "")] * (MORE if more else BLANK)]


def _shares(rows: Sequence[Row], known: dict[str, str]) -> list[dict[str, str]]:
    """The owners as the API takes them: by id, known ones also by name; "50 %" is as good as "50"."""
    return [
        {"holder": known.get(owner, owner), "share": share.removesuffix("%").rstrip()}
        for owner, share in rows
    ]


def _subject_body(said: QueryDict, rows: Sequence[Row], known: dict[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "holder": said.get("holder", ""),
        "name": said.get("name", "").strip(),
        "kind": said.get("kind", ""),
    }
    for name in ("property", "effective_on"):
        if said.get(name):
            body[name] = said[name]
    if rows:
        body["shares"] = _shares(rows, known)
    return body


def _known_holders(actor: Actor) -> dict[str, str]:
    """Ids by name of the actor's own holders and of those they share subjects with. A name that
    two of them have is in nobody's place: its owners are told apart by their ids."""
    own = RightsHolder.objects.visible_to(actor).order_by("name")[:MOST_LISTED]
    shared = RightsHolder.objects.filter(
        shares__step__subject__in=Subject.objects.visible_to(actor)
    ).distinct()
    found: dict[str, str] = {}
    twice = set()
    for each in {*own, *shared.order_by("name")[:MOST_LISTED]}:
        twice |= {each.name} if each.name in found else set()
        found[each.name] = each.shown_id
    return {name: shown for name, shown in found.items() if name not in twice}


def _current(subject: Subject, known: dict[str, str]) -> list[Row]:
    """The owners of the last step for everywhere else, to begin from."""
    last = (
        OwnershipStep.objects.filter(subject=subject, territory="")
        .order_by("-effective_on")
        .prefetch_related("shares__holder", "shares__step")
        .first()
    )
    shares = list(last.shares.all()) if last is not None else []
    return [
        (
            one.holder.name if one.holder.name in known else one.holder.shown_id,
            show_share(one.fraction),
        )
        for one in shares
    ]


ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    ("catalogue/subjects/new", new_subject, "new-subject"),
    ("catalogue/subjects/<str:shown>/ownership", new_step, "new-step"),
)
