"""The page of the portal on which a request is tried: the answer with its reasons, as one edits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from ledger.actor import Actor
from ledger.errors import NotFound
from ledger.windows import named, read_id
from licensing.catalog.models import Platform, Subject
from licensing.consent import telling
from licensing.consent.engine import explanations
from licensing.consent.engine.sentences import duties
from licensing.consent.models import RuleVersion
from licensing.consent.naming import co_owners, names_in, names_of
from licensing.consent.pages import offers, trial_forms
from licensing.consent.pages.rule_forms import Fields, one
from licensing.consent.pages.trial_forms import BEGINNING, Tried
from licensing.consent.rule_lists import called, find_rule
from licensing.consent.states import VersionState
from licensing.consent.terms import write_obligations, write_price
from licensing.consent.trials import Trial, try_asking
from licensing.consent.whys import versions_of, whys

MOST_SUBJECTS: Final = 200
MOST_DRAFTS: Final = 100
_NOT_YOURS: Final = "Not yours to decide"


@require_http_methods(["GET", "POST"])
def try_it(request: HttpRequest, actor: Actor) -> HttpResponse:
    """A request composed field by field, and what would be answered to it now."""
    actor.require("consent:read")
    fields = _fields(request)
    offered = _offered(actor, fields)
    if request.method == "GET":
        fields = {**_first(offered), **fields}
    tried = trial_forms.read(fields)
    context: dict[str, Any] = {"page": "try-it", "wrong": tried.wrong}
    if tried.asking is not None:
        context |= _answered(actor, fields, tried)
    wrong = context["wrong"]
    if request.htmx:  # type: ignore[attr-defined]
        slots = {place: wrong.get(place, ()) for place in _PLACES}
        return render(request, "consent/_tried.html", {**context, "slots": slots})
    context["form"] = trial_forms.controls(fields, wrong=wrong, **offered)
    status = 422 if wrong and request.method == "POST" else 200
    return render(request, "consent/try_it.html", context, status=status)


# Every place in the form at which something may be found to be wrong.
_PLACES: Final = (
    *("subjects", "action", "platform", "territory", "purpose", "audience", "codes", "others"),
    *("co_subjects", "prompt", "draft", *trial_forms.NUMBERS, *trial_forms.TEXTS),
)


def _fields(request: HttpRequest) -> dict[str, list[str]]:
    """What the form says; what a link says, and otherwise what most requests say, to begin with."""
    if request.method == "POST":
        return {name: [str(each) for each in values] for name, values in request.POST.lists()}
    linked = {name: [str(each) for each in values] for name, values in request.GET.lists()}
    if "subject" in linked:
        linked["subjects"] = linked.pop("subject")
    return {**BEGINNING, **linked}


def _offered(actor: Actor, fields: Fields) -> dict[str, Sequence[tuple[str, str]]]:
    rows = Subject.objects.visible_to(actor).order_by("name", "pk")
    subjects = [(each.shown_id, each.name) for each in rows[:MOST_SUBJECTS]]
    asked = [*fields.get("subjects", ()), *fields.get("co_subjects", ())]
    # Whoever a link names is there even if the list is too long to be whole.
    missing = names_of(set(asked) - {value for value, _ in subjects}, actor=actor)
    return {
        "subjects": [*subjects, *sorted(missing.items(), key=lambda pair: pair[1])],
        "platforms": offers.platforms(actor),
        "drafts": _drafts(actor),
    }


def _first(offered: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, list[str]]:
    """The first of each list, for a form that does not say yet."""
    return {
        "subjects": [value for value, _ in offered["subjects"][:1]],
        "platform": [value for value, _ in offered["platforms"][:1]],
    }


def _drafts(actor: Actor) -> list[tuple[str, str]]:
    rows = RuleVersion.objects.visible_to(actor).filter(state=VersionState.DRAFT)
    rows = rows.select_related("rule__holder", "rule__property", "rule__subject").order_by("-pk")
    return [
        (each.rule.shown_id, f"As if the draft of “{called(each.rule)}” were published")
        for each in rows[:MOST_DRAFTS]
    ]


def _answered(actor: Actor, fields: Fields, tried: Tried) -> dict[str, Any]:
    """The answer to a request that could be read, or what could not be found."""
    assert tried.asking is not None
    try:
        shown = one(fields, "platform")
        platform = named(Platform.objects.visible_to(actor), read_id(Platform.PREFIX, shown))
    except NotFound:
        return {"wrong": {"platform": ["There is no such platform."]}}
    try:
        draft = _draft(actor, one(fields, "draft"))
    except NotFound:
        return {"wrong": {"draft": ["There is no such rule."]}}
    try:
        trial = try_asking(
            actor=actor,
            now=timezone.now(),
            platform=platform,
            asking=tried.asking,
            strangers=tried.strangers,
            draft=draft,
        )
    except NotFound:
        return {"wrong": {"subjects": ["That is not there, or not yours to try."]}}
    return _told(actor, tried, trial, platform)


def _draft(actor: Actor, shown: str) -> RuleVersion | None:
    """The draft to be tried. Raises NotFound; None for a rule that has none any more."""
    if not shown:
        return None
    latest = find_rule(actor, shown).latest()
    return latest if latest.state == VersionState.DRAFT else None


def _told(actor: Actor, tried: Tried, trial: Trial, platform: Platform) -> dict[str, Any]:
    """A trial's answer in words."""
    assert tried.asking is not None
    decision, asking = trial.decision, tried.asking
    spoken = {*decision.rule_versions, *(reason.rule_version for reason in decision.reasons)}
    versions = versions_of(spoken, actor=actor)
    names = names_in((version.body for version in versions.values()), actor=actor)
    names |= names_of((verdict.subject for verdict in decision.verdicts), actor=actor)
    several = len(decision.verdicts) > 1
    price = write_price(decision.prices, by_agreement=decision.by_agreement)
    facts = {"duration_seconds": asking.request.duration}
    return {
        "trial": trial,
        "outcome": str(decision.outcome) if trial.asked else "",
        "heading": explanations.OUTCOMES[decision.outcome] if trial.asked else _NOT_YOURS,
        "platform": platform,
        "others": sorted(co_owners(trial.others, actor=actor).values()),
        "reasons": whys(decision.reasons, versions, names if several else {}),
        "options": [explanations.would_allow(each, names) for each in decision.would_allow],
        "duties": duties(write_obligations(decision.obligations)),
        "earns": telling.earnings(price, facts, asking.generations),
        "verdicts": [
            (
                names.get(each.subject, each.subject),
                str(each.outcome),
                explanations.OUTCOMES[each.outcome],
            )
            for each in decision.verdicts
        ]
        if several
        else [],
    }


ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    ("try-it", try_it, "try-it"),
)
