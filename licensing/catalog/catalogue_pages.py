"""The portal's catalogue: the tree of properties and subjects, and a page for each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from ledger.actor import Actor
from ledger.forms import Form, search_words
from ledger.windows import named, read_id
from licensing.catalog import properties, territories
from licensing.catalog.models import OwnershipStep, Property, RightsHolder, Subject
from licensing.catalog.ownership import day_of
from licensing.catalog.shapes import NewPropertyShape
from licensing.catalog.shares import show_percent
from licensing.catalog.timeline import Area, Step, Timeline, draw_timeline
from licensing.catalog.tree import leaves_of, picture_of, tree_of, with_picture

PAGE: Final = 48
MOST_PAGES: Final = 1000
MOST_LISTED: Final = 500
COLOURS: Final = 8
WRITE: Final = "catalog:write"
# All that a property lies in, as one look-up.
_CHAIN: Final = "__".join(["parent"] * (Property.DEPTH - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """One of a subject's owners as a picture of its shares shows it: `colour` is one of 8."""

    name: str
    colour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """Who owns a subject in one territory, through all its steps."""

    name: str
    # In the order in which they first appear.
    owners: tuple[Owner, ...]
    # From when, whose shares, and whether that is over, now, or to come; the newest first.
    steps: tuple[tuple[OwnershipStep, tuple[tuple[Owner, str], ...], str], ...]
    timeline: Timeline
    # Whether its first step is still to come.
    waits: bool
    areas: tuple[tuple[Area, Owner], ...]


@require_GET
def catalogue(request: HttpRequest, actor: Actor) -> HttpResponse:
    """All there is, as a tree; or what has the words one looks for in its name."""
    actor.require("catalog:read")
    today = day_of(timezone.now())
    looked_for = search_words(request.GET.get("q", ""))
    context: dict[str, Any] = {
        "page": "catalogue",
        "looked_for": looked_for,
        "may_write": actor.may(WRITE),
    }
    if looked_for:
        rows = with_picture(Subject.objects.visible_to(actor)).filter(name__icontains=looked_for)
        found = list(rows.order_by("name", "pk")[: PAGE + 1])
        places = with_picture(Property.objects.visible_to(actor))
        places = places.filter(name__icontains=looked_for).order_by("name", "pk")[:PAGE]
        context |= {
            "leaves": leaves_of(found[:PAGE], today=today),
            "places": [(each, picture_of(each)) for each in places],
            "more": len(found) > PAGE,
        }
    else:
        context["tree"] = tree_of(actor=actor, today=today)
    return render(request, "catalog/catalogue.html", context)


@require_http_methods(["GET", "POST"])
def one_property(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """A property with what lies directly in it; and another name for it."""
    actor.require("catalog:read")
    rows = with_picture(Property.objects.visible_to(actor)).select_related("holder", _CHAIN)
    found: Property = named(rows, read_id(Property.PREFIX, shown))
    form = Form({"name": found.name})
    if request.method == "POST":
        form = Form(request.POST)
        with form.trying():
            name = request.POST.get("name", "")
            properties.rename_property(actor=actor, now=timezone.now(), property=found, name=name)
            messages.success(request, "The new name is saved.")
            return redirect("portal:property", shown)
    number = _page_number(request)
    subjects = with_picture(Subject.objects.visible_to(actor)).filter(property=found)
    start = (number - 1) * PAGE
    here = list(subjects.order_by("name", "pk")[start : start + PAGE + 1])
    parts = with_picture(Property.objects.visible_to(actor)).filter(parent=found)
    context = {
        "page": "catalogue",
        "property": found,
        "picture": picture_of(found),
        "above": _above(found),
        "parts": [(each, picture_of(each)) for each in parts.order_by("name")[:MOST_LISTED]],
        "leaves": leaves_of(here[:PAGE], today=day_of(timezone.now())),
        "number": number,
        "following": number + 1 if len(here) > PAGE else 0,
        "form": form,
        "may_write": actor.may(WRITE),
        "may_stop": actor.may("consent:publish"),
    }
    return render(request, "catalog/property.html", context, status=form.status)


@require_http_methods(["GET", "POST"])
def new_property(request: HttpRequest, actor: Actor) -> HttpResponse:
    """A property to be created, at the top or inside another."""
    actor.require(WRITE)
    holders = RightsHolder.objects.visible_to(actor).order_by("name")
    places = Property.objects.visible_to(actor)
    form = Form(request.POST if request.method == "POST" else request.GET)
    if request.method == "POST":
        with form.trying():
            body: dict[str, Any] = {"name": form.said.get("name", "").strip()}
            body["holder"] = form.said.get("holder", "")
            if form.said.get("parent"):
                body["parent"] = form.said["parent"]
            said = form.read(NewPropertyShape, body)
            made = properties.create_property(
                actor=actor,
                now=timezone.now(),
                holder=form.find(holders, said["holder"], "/holder"),
                name=said["name"],
                parent=form.find(places, said["parent"], "/parent") if said["parent"] else None,
            )
            messages.success(request, f"{made.name} is in your catalogue.")
            return redirect("portal:property", made.shown_id)
    context = {
        "page": "catalogue",
        "form": form,
        "holders": holders[:MOST_LISTED],
        "places": places.filter(depth__lt=Property.DEPTH).order_by("name", "pk")[:MOST_LISTED],
    }
    return render(request, "catalog/new_property.html", context, status=form.status)


@require_GET
def one_subject(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """A subject: what it looks like, where it belongs, and who owns it when and where."""
    actor.require("catalog:read")
    rows = with_picture(Subject.objects.visible_to(actor)).select_related(
        "holder", f"property__{_CHAIN}", "consenting_holder"
    )
    found: Subject = named(rows, read_id(Subject.PREFIX, shown))
    own = found.holder.organisation_id == actor.tenant
    place = found.property if own else None
    context = {
        "page": "catalogue",
        "subject": found,
        "picture": picture_of(found),
        "above": [*_above(place), place] if place else [],
        "territories": territories_of(actor, found, today=day_of(timezone.now())),
        "own": own,
        "may_write": own and actor.may(WRITE),
        "may_stop": actor.may("consent:publish"),
    }
    return render(request, "catalog/subject.html", context)


def territories_of(actor: Actor, subject: Subject, *, today: date) -> list[Territory]:
    """Who owns a subject, territory by territory; everywhere else comes first."""
    rows = OwnershipStep.objects.visible_to(actor).filter(subject=subject)
    steps: dict[str, list[OwnershipStep]] = {}
    ordered = rows.prefetch_related("shares__holder", "shares__step").order_by("effective_on")
    for step in ordered:
        steps.setdefault(step.territory, []).append(step)
    return [
        _territory(code, found, today, alone=len(steps) == 1)
        for code, found in sorted(
            steps.items(), key=lambda each: territories.NAMES.get(each[0], each[0])
        )
    ]


def _territory(code: str, steps: list[OwnershipStep], today: date, *, alone: bool) -> Territory:
    owners: dict[str, Owner] = {}
    told = []
    for step in steps:
        shares = sorted(step.shares.all(), key=lambda one: (-one.fraction, one.holder.name))
        for one in shares:
            owner = Owner(name=one.holder.name, colour=len(owners) % COLOURS)
            owners.setdefault(one.holder.shown_id, owner)
        told.append(
            Step(
                since=step.effective_on,
                shares={one.holder.shown_id: one.fraction for one in shares},
            )
        )
    current = max((n for n, one in enumerate(told) if one.since <= today), default=-1)
    rows = [
        (
            step,
            tuple((owners[owner], show_percent(share)) for owner, share in one.shares.items()),
            "now" if number == current else "over" if number < current else "to come",
        )
        for number, (step, one) in enumerate(zip(steps, told, strict=True))
    ]
    timeline = draw_timeline(told, today=today)
    everywhere = "Everywhere" if alone else "Everywhere else"
    return Territory(
        name=territories.NAMES.get(code, code) if code else everywhere,
        owners=tuple(owners.values()),
        steps=tuple(reversed(rows)),
        timeline=timeline,
        waits=bool(code) and current < 0,
        areas=tuple((area, owners[area.owner]) for area in timeline.areas),
    )


def _above(place: Property) -> list[Property]:
    """The properties that one read with its chain lies in, the widest first."""
    found: list[Property] = []
    while place.parent is not None:
        place = place.parent
        found.append(place)
    return found[::-1]


def _page_number(request: HttpRequest) -> int:
    text = request.GET.get("page", "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 1
    return min(max(number, 1), MOST_PAGES)


ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    ("catalogue", catalogue, "catalogue"),
    ("catalogue/properties/new", new_property, "new-property"),
    ("catalogue/properties/<str:shown>", one_property, "property"),
    ("catalogue/subjects/<str:shown>", one_subject, "subject"),
)
