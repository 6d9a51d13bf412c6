"""Pages of the portal: all rules, and the editor in which one is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger.actor import Actor
from ledger.errors import Invalid, NotFound, Stale
from ledger.windows import named, read_id
from licensing.catalog.models import Property
from licensing.catalog.territories import REGIONS
from licensing.consent import rules
from licensing.consent.engine.sentences import cautions, differences, sentences, text
from licensing.consent.models import ConsentRule, RuleVersion
from licensing.consent.naming import names_in
from licensing.consent.pages import offers, rule_forms
from licensing.consent.pages.beginnings import BEGINNINGS, beginning_of
from licensing.consent.pages.rule_clauses import PARTS, TITLES, Offer, effects, groups
from licensing.consent.pages.rule_forms import Fields, Reading, one
from licensing.consent.rule_lists import find_rule, grouped, rules_of, scope_of, standings, title_of
from licensing.consent.states import VersionState

PAGE: Final = 50
NEW: Final[Mapping[str, Any]] = {"effect": "allow", "actions": ["generate_image"]}


@require_GET
def all_rules(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Every rule by what it is over, each as a sentence; or those over one property."""
    actor.require("consent:read")
    if subject := request.GET.get("subject"):
        # What is said about a subject is mostly said over something wider.
        return redirect("portal:policy", shown=subject)
    over: Property | None = None
    if shown := request.GET.get("property"):
        over = named(Property.objects.visible_to(actor), read_id(Property.PREFIX, shown))
    ended = request.GET.get("show") == "ended"
    rows = Paginator(rules_of(actor, ended=ended, over=over), PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "page": "rules",
        "rows": rows,
        "ended": ended,
        "over": over,
        "groups": grouped(rows, actor=actor),
        "beginnings": BEGINNINGS,
        "may_write": actor.may("consent:write"),
    }
    return render(request, "consent/rules.html", context)


@require_http_methods(["GET", "POST"])
def new_rule(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The editor with a rule that is not there yet."""
    actor.require("consent:write")
    if request.method == "POST":
        return _written(request, actor, None)
    beginning = beginning_of(request.GET.get("begin", ""))
    fields = rule_forms.fields_of(beginning.body if beginning else NEW)
    fields["name"] = [beginning.name if beginning else ""]
    thing = request.GET.get("for", "")
    fields["over"] = [offers.scope_value(actor, thing) if thing else ""]
    return _editor(request, _Desk(actor=actor, fields=fields, now=timezone.now()))


@require_http_methods(["GET", "POST"])
def one_rule(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """One rule: what it says and where it stands, with every field to be edited."""
    actor.require("consent:read")
    rule = find_rule(actor, shown)
    if request.method == "POST":
        actor.require("consent:write")
        return _written(request, actor, rule)
    latest, now = rule.latest(), timezone.now()
    body, begun = _begins_anew(latest, now)
    fields = rule_forms.fields_of(body)
    fields["name"], fields["seen"] = [rule.name], [rules.etag_of(latest)]
    desk = _Desk(actor=actor, fields=fields, now=now, rule=rule, begun=begun)
    return _editor(request, desk)


@require_POST
def read_aloud(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The sentence of what the editor holds at the moment, and what is wrong beside each field."""
    actor.require("consent:write")
    fields = _posted(request)
    rule = find_rule(actor, one(fields, "rule")) if one(fields, "rule") else None
    desk = _Desk(actor=actor, fields=fields, now=timezone.now(), rule=rule)
    return render(request, "consent/_read_aloud.html", _context(desk))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """The editor at one moment: what its fields hold, and what has gone wrong so far."""

    actor: Actor
    fields: Fields
    now: datetime
    rule: ConsentRule | None = None
    wrong: Mapping[str, Sequence[str]] | None = None
    found: Mapping[str, Sequence[tuple[str, str]]] | None = None
    opened: str = ""
    # The rule has changed since it was read: as it stands now.
    stale: RuleVersion | None = None
    # The version in force began at a moment that a new one cannot begin at.
    begun: datetime | None = None


def _written(request: HttpRequest, actor: Actor, rule: ConsentRule | None) -> HttpResponse:
    """What one of the editor's buttons does."""
    fields = _posted(request)
    desk = _Desk(actor=actor, fields=fields, now=timezone.now(), rule=rule)
    what, _, which = one(fields, "do").partition(":")
    if what == "region" and which in REGIONS:
        added = sorted({*fields.get("territories", ()), *REGIONS[which]})
        way = one(fields, "territories.way") or "only"
        fields = {**fields, "territories": added, "territories.way": [way]}
        return _again(request, replace(desk, fields=fields, opened="territories"))
    if what == "clear":
        return _again(
            request, replace(desk, fields={**fields, "territories": []}, opened="territories")
        )
    if what == "find":
        found = {which: offers.find_company(actor, one(fields, f"find.{which}"))}
        return _again(request, replace(desk, found=found, opened="co_appearance"))
    reading = rule_forms.read(fields, now=desk.now)
    wrong = {**reading.wrong, **_name_wrong(one(fields, "name")), **_unknown(actor, reading.body)}
    if wrong:
        return _editor(request, replace(desk, wrong=wrong), status=422)
    return _kept(request, desk, reading)


def _kept(request: HttpRequest, desk: _Desk, reading: Reading) -> HttpResponse:
    """Keeps what was written as a draft, unless the rule has changed meanwhile."""
    rule, name = desk.rule, one(desk.fields, "name").strip()
    try:
        if rule is None:
            holder, scope = _scope(desk)
            rule = rules.create_rule(
                actor=desk.actor,
                now=desk.now,
                holder=holder,
                scope=scope,
                name=name,
                body=reading.body,
            )
            messages.success(request, "Drafted. It says nothing until it is published.")
        elif reading.body == rule.latest().body and name == rule.name:
            messages.info(request, "Nothing was changed.")
        else:
            rules.edit_draft(
                actor=desk.actor,
                now=desk.now,
                rule=rule,
                seen=one(desk.fields, "seen"),
                body=reading.body,
                name=name,
            )
            messages.success(request, "The draft is kept. It says nothing until it is published.")
    except Stale:
        assert rule is not None
        fresh = find_rule(desk.actor, rule.shown_id)
        seen = {**desk.fields, "seen": [rules.etag_of(fresh.latest())]}
        desk = replace(desk, rule=fresh, fields=seen, stale=fresh.latest())
        return _editor(request, desk, status=409)
    except Invalid as fault:
        return _editor(request, replace(desk, wrong=rule_forms.wrong_of(fault)), status=422)
    following = "publish-rule" if one(desk.fields, "do") == "publish" else "rule"
    return redirect(f"portal:{following}", shown=rule.shown_id)


def _scope(desk: _Desk) -> Any:
    try:
        return offers.read_scope(desk.actor, one(desk.fields, "over"))
    except NotFound:
        raise Invalid("Choose what the rule is over.", pointer="/over") from None


def _again(request: HttpRequest, desk: _Desk) -> HttpResponse:
    """The page with what a button has added; to htmx only the clause it belongs to."""
    if not request.htmx:  # type: ignore[attr-defined]
        return _editor(request, desk)
    context = _context(desk)
    clause = next(
        each for group in context["groups"] for each in group.clauses if each.field == desk.opened
    )
    return render(request, "consent/_clause_alone.html", {**context, "clause": clause})


def _editor(request: HttpRequest, desk: _Desk, *, status: int = 200) -> HttpResponse:
    context = _context(desk)
    rule = desk.rule
    if rule is None:
        context["scopes"] = offers.scopes(desk.actor)
        context["over"] = one(desk.fields, "over")
    if desk.stale is not None:
        theirs, mine = context["texts"](desk.stale.body), context["texts"](context["body"])
        context["since"] = differences(theirs, mine)
    return render(request, "consent/rule.html", context, status=status)


def _context(desk: _Desk) -> dict[str, Any]:
    """What the editor and its parts show."""
    reading = rule_forms.read(desk.fields, now=desk.now)
    wrong = desk.wrong if desk.wrong is not None else {}
    live = desk.wrong if desk.wrong is not None else reading.wrong
    rule, body = desk.rule, reading.body
    in_force = rule.in_force() if rule is not None else None
    spoken = [
        body,
        *([in_force.body] if in_force else []),
        *([desk.stale.body] if desk.stale else []),
    ]
    names = names_in(spoken, actor=desk.actor)
    offered = Offer(
        platforms=offers.platforms(desk.actor),
        company=offers.company(desk.actor),
        found=desk.found or {},
    )
    names = {**dict(offered.platforms), **dict(offered.company), **names}

    def texts(said: Mapping[str, Any]) -> str:
        return text(sentences(said, names))

    changed = []
    if in_force is not None and in_force.body != body:
        changed = differences(texts(in_force.body), texts(body))
    return {
        "page": "rules",
        "desk": desk,
        "rule": rule,
        "name": one(desk.fields, "name"),
        "seen": one(desk.fields, "seen"),
        "body": body,
        "sentences": sentences(body, names),
        "effects": effects(desk.fields),
        "effect": body["effect"],
        "cautions": cautions(body),
        "groups": groups(
            desk.fields, body=body, names=names, wrong=live, offer=offered, opened=desk.opened
        ),
        "wrong": live,
        "slots": {
            place: live.get(place, ())
            for place in rule_forms.PLACES
            # What a rule is over is chosen once.
            if place != "over" or rule is None
        },
        "faults": [_fault(place, each) for place in wrong for each in wrong[place]],
        "in_force": in_force,
        "draft": _draft(rule),
        "changed": changed,
        "texts": texts,
        **_told(desk),
    }


def _fault(place: str, message: str) -> tuple[str, str, str]:
    """A fault for the summary above: the field it leads to, what that is called, and what is wrong."""
    field = place.partition(".")[0]
    called = f"{TITLES[field]}, {PARTS[place]}" if place in PARTS else TITLES[field]
    return place, called, message


def _told(desk: _Desk) -> dict[str, Any]:
    """Where the rule stands and what may be done with it."""
    rule, actor = desk.rule, desk.actor
    may = {"may_write": actor.may("consent:write"), "may_publish": actor.may("consent:publish")}
    if rule is None:
        return may
    return {
        **may,
        "title": title_of(rule),
        "scope": scope_of(rule),
        "standings": list(standings(rule)),
    }


def _draft(rule: ConsentRule | None) -> RuleVersion | None:
    latest = rule.latest() if rule is not None else None
    return latest if latest is not None and latest.state == VersionState.DRAFT else None


def _begins_anew(latest: RuleVersion, now: datetime) -> tuple[dict[str, Any], datetime | None]:
    """The body to edit: without the beginning that a version in force has already had."""
    body = dict(latest.body)
    start = (body.get("window") or {}).get("from")
    if latest.state == VersionState.DRAFT or start is None:
        return body, None
    begun = datetime.fromisoformat(start)
    if begun >= now:
        return body, None
    body["window"] = {name: end for name, end in body["window"].items() if name != "from"}
    return body, begun


def _name_wrong(name: str) -> dict[str, list[str]]:
    if len(name.strip()) > rules.LONGEST_NAME:
        return {"name": [f"A name has at most {rules.LONGEST_NAME} characters."]}
    if "\x00" in name:
        return {"name": ["A name holds no control character."]}
    return {}


def _unknown(actor: Actor, body: Mapping[str, Any]) -> dict[str, list[str]]:
    """Platforms that are not there: only a form that was tampered with, or is old, names one."""
    chosen = {name for listed in (body.get("platforms") or {}).values() for name in listed}
    if chosen - set(names_in([{"platforms": {"only": sorted(chosen)}}], actor=actor)):
        return {"platforms": ["There is no such platform any more."]}
    return {}


def _posted(request: HttpRequest) -> dict[str, list[str]]:
    return {name: [str(each) for each in values] for name, values in request.POST.lists()}


ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    ("rules", all_rules, "rules"),
    ("rules/new", new_rule, "new-rule"),
    ("rules/read-aloud", read_aloud, "read-aloud"),
    ("rules/<str:shown>", one_rule, "rule"),
)
