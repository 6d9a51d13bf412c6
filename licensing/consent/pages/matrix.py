"""The portal's page of who may what: subjects by platforms, and why each place is as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from ledger.actor import Actor
from ledger.errors import NotFound
from ledger.forms import search_words
from ledger.windows import named, read_id
from licensing.catalog import territories
from licensing.catalog.models import Platform, RightsHolder, Subject
from licensing.consent import telling
from licensing.consent.engine import explanations, wording
from licensing.consent.engine.language import Action, Change, Purpose, Request
from licensing.consent.matrix import LETTERS, Standpoint, explain, matrix
from licensing.consent.models import RuleVersion
from licensing.consent.naming import names_of
from licensing.consent.terms import write_obligations, write_price

SUBJECTS: Final = 50
PLATFORMS: Final = 20
MOST_PAGES: Final = 1000
# What each standpoint is called, and what it means.
MEANINGS: Final[Mapping[Standpoint, tuple[str, str]]] = {
    Standpoint.ALLOWED: ("Allowed", "whatever else the platform says"),
    Standpoint.DEPENDS: ("Depends on facts", "allowed if the platform says what your rules need"),
    Standpoint.ASKS: ("Asks first", "you are asked for your approval"),
    Standpoint.DENIED: ("Denied", "whatever else the platform says"),
    Standpoint.STOPPED: ("Stopped", "by a stop, or because somebody claims it"),
}


@require_GET
def who_may_what(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The matrix for one action, and for a territory and purpose if they are said."""
    actor.require("consent:read")
    asked = _asked(request)
    looked_for = search_words(request.GET.get("q", ""))
    rows = Subject.objects.visible_to(actor).select_related("property__holder")
    if looked_for:
        rows = rows.filter(name__icontains=looked_for)
    number, side = _number(request, "page"), _number(request, "side")
    subjects = _slice(rows.order_by("name", "pk"), number, SUBJECTS)
    platforms = _slice(Platform.objects.visible_to(actor).order_by("name", "pk"), side, PLATFORMS)
    shown_subjects, shown_platforms = subjects[:SUBJECTS], platforms[:PLATFORMS]
    said = {name: value for name, value in _said(request).items() if value}
    context = {
        "page": "matrix",
        "platforms": shown_platforms,
        "rows": list(
            zip(
                shown_subjects,
                matrix(subjects=shown_subjects, platforms=shown_platforms, request=asked),
                strict=True,
            )
        ),
        "meanings": [(LETTERS[each], each, *MEANINGS[each]) for each in Standpoint],
        "names": {each: MEANINGS[each][0] for each in Standpoint},
        "actions": [(name, word.capitalize()) for name, word in wording.ACTIONS.items()],
        "purposes": [(name, word.capitalize()) for name, word in wording.PURPOSES.items()],
        "territories": sorted(territories.NAMES.items(), key=lambda each: each[1]),
        "asked": asked,
        "looked_for": looked_for,
        "said": urlencode(said),
        "others": _others({**said, "q": looked_for}, number, side, subjects, platforms),
    }
    return render(request, "consent/matrix.html", context)


@require_GET
def place(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Why one subject on one platform is answered as it is: a part of the page, or one by itself."""
    actor.require("consent:read")
    asked = _asked(request)
    given = request.GET
    subject: Subject = named(
        Subject.objects.visible_to(actor), read_id(Subject.PREFIX, given.get("subject", ""))
    )
    platform: Platform = named(
        Platform.objects.visible_to(actor), read_id(Platform.PREFIX, given.get("platform", ""))
    )
    own = frozenset(each.shown_id for each in RightsHolder.objects.visible_to(actor).only("pk"))
    found = explain(subject=subject, platform=platform, request=asked, own=own)
    names = names_of(_named([found.to_say, *found.decision.would_allow]), actor=actor)
    decision = found.decision
    price = write_price(decision.prices, by_agreement=decision.by_agreement)
    context = {
        "page": "matrix",
        "subject": subject,
        "platform": platform,
        "found": found,
        "meaning": MEANINGS[found.standpoint],
        "own_meaning": MEANINGS[found.own],
        "asks": telling.asks(asked.action, [subject.name], None),
        "told": telling.told({"territory": asked.territory, "purpose": asked.purpose}),
        "to_say": explanations.would_allow(found.to_say, names) if found.to_say else "",
        "would_allow": [explanations.would_allow(each, names) for each in decision.would_allow],
        "reasons": _reasons(actor, found.decision.reasons),
        "disputed": any(one.code == "disputed" for one in decision.reasons),
        "earns": telling.earnings(price, {}, None),
        "obligations": write_obligations(decision.obligations),
        "said": urlencode({name: value for name, value in _said(request).items() if value}),
        "may_stop": actor.may("consent:publish"),
        "part": bool(getattr(request, "htmx", False)),
    }
    template = "consent/place.html" if context["part"] else "consent/place_page.html"
    return render(request, template, context)


def _said(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET.get(name, "") for name in ("action", "territory", "purpose")}


def _asked(request: HttpRequest) -> Request:
    """What is asked, from the address. Raises NotFound for what nobody can ask."""
    said = _said(request)
    action = said["action"] or Action.GENERATE_VIDEO
    territory, purpose = said["territory"] or None, said["purpose"] or None
    if action not in set(Action) or (purpose is not None and purpose not in set(Purpose)):
        raise NotFound
    if territory is not None and not territories.is_territory(territory):
        raise NotFound
    return Request(
        action=str(action), platform="", at=timezone.now(), territory=territory, purpose=purpose
    )


def _reasons(actor: Actor, reasons: Sequence[Any]) -> list[dict[str, Any]]:
    """Each rule that had a say, once, with all it said; and what stands without any rule."""
    versions = RuleVersion.objects.visible_to(actor).select_related(
        "rule__subject", "rule__property"
    )
    wanted = {read_id(RuleVersion.PREFIX, one.rule_version) for one in reasons if one.rule_version}
    rules = {each.shown_id: each for each in versions.filter(pk__in=wanted)} if wanted else {}
    found: dict[str, dict[str, Any]] = {}
    for one in reasons:
        if not one.rule_version:
            found[one.code] = {"version": None, "says": [explanations.stands(one.code)]}
        elif one.rule_version in rules:
            row = found.setdefault(
                one.rule_version, {"version": rules[one.rule_version], "says": []}
            )
            row["says"].append(explanations.does(one.code, one.fact))
    told = [{**row, "says": wording.listing(row["says"])} for row in found.values()]
    # What no rule can change comes first.
    return sorted(told, key=lambda row: row["version"] is not None)


def _named(options: Iterable[Sequence[Change]]) -> set[str]:
    """The ids of those that a change would keep out of the picture."""
    return {
        str(value)
        for changes in options
        for change in changes
        if change.fact == "co_subjects"
        for value in change.values
    }


def _number(request: HttpRequest, name: str) -> int:
    text = request.GET.get(name, "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 1
    return min(max(number, 1), MOST_PAGES)


def _slice(rows: Any, number: int, size: int) -> list[Any]:
    """A page of rows, and one more if there are others after it."""
    start = (number - 1) * size
    return list(rows[start : start + size + 1])


def _others(
    said: Mapping[str, str],
    number: int,
    side: int,
    subjects: Sequence[Subject],
    platforms: Sequence[Platform],
) -> list[tuple[str, str]]:
    """The pages beside this one: what they are called, and their address."""
    turns = (
        ("Earlier names", number - 1, side, number > 1),
        ("Later names", number + 1, side, len(subjects) > SUBJECTS),
        ("Platforms before", number, side - 1, side > 1),
        ("Further platforms", number, side + 1, len(platforms) > PLATFORMS),
    )
    return [
        (name, urlencode({**said, "page": page, "side": beside}))
        for name, page, beside, there in turns
        if there
    ]


ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    ("matrix", who_may_what, "matrix"),
    ("matrix/place", place, "matrix-place"),
)
