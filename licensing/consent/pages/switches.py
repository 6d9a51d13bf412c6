"""The portal's page of kill switches: what is stopped, stopping something, and lifting it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from ledger.actor import Actor
from ledger.errors import NotFound
from ledger.forms import search_words
from ledger.windows import named, read_id
from licensing.catalog.models import Platform, Property, RightsHolder, Subject
from licensing.consent import blast, switches
from licensing.consent.models import KillSwitch, RuleVersion
from licensing.consent.receipts import LIFE
from licensing.consent.rules import ALL, Scope
from licensing.consent.standing import stand
from licensing.consent.states import VersionState

# How many names a list to choose from holds, and how many stops a page shows.
MOST_LISTED: Final = 200
MOST_LIFTED: Final = 20
SCOPE: Final = "consent:publish"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What somebody is about to stop: whose word it is, over what, and where."""

    holder: RightsHolder
    scope: Scope
    platform: Platform | None

    @property
    def switch(self) -> KillSwitch:
        """The switch as it would be, not kept anywhere."""
        return KillSwitch(
            holder=self.holder,
            property=self.scope.property,
            subject=self.scope.subject,
            platform=self.platform,
        )


@require_GET
def stop(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What is stopped now, what was, and what could be."""
    actor.require("consent:read")
    looked_for = search_words(request.GET.get("q", ""))
    rows = KillSwitch.objects.visible_to(actor).select_related(
        "holder", "property", "subject__property", "platform"
    )
    subjects = Subject.objects.visible_to(actor).order_by("name", "pk")
    properties = Property.objects.visible_to(actor).order_by("name", "pk")
    if looked_for:
        subjects = subjects.filter(name__icontains=looked_for)
        properties = properties.filter(name__icontains=looked_for)
    listed = list(subjects[: MOST_LISTED + 1])
    context = {
        "page": "stop",
        "thrown": rows.thrown().order_by("-pk")[:MOST_LISTED],
        "lifted": rows.exclude(lifted_at=None).order_by("-lifted_at")[:MOST_LIFTED],
        "holders": RightsHolder.objects.visible_to(actor).order_by("name")[:MOST_LISTED],
        "properties": properties[:MOST_LISTED],
        "subjects": listed[:MOST_LISTED],
        "more": len(listed) > MOST_LISTED,
        "looked_for": looked_for,
        "platforms": Platform.objects.visible_to(actor).order_by("name")[:MOST_LISTED],
        "may_stop": actor.may(SCOPE),
    }
    return render(request, "consent/stop.html", context)


@require_http_methods(["GET", "POST"])
def throw(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What a stop would reach, to be confirmed; and the stop itself."""
    actor.require(SCOPE)
    now = timezone.now()
    given = request.POST if request.method == "POST" else request.GET
    target = _target(actor, given.get("over", ""), given.get("platform", ""))
    if request.method == "POST":
        try:
            switches.throw(
                actor=actor,
                now=now,
                holder=target.holder,
                scope=target.scope,
                platform=target.platform,
            )
        except switches.AlreadyThrown:
            messages.error(request, "That was stopped already.")
        else:
            where = f"on {target.platform.name}" if target.platform else "on every platform"
            messages.success(request, f"{what_of(target.switch)} is stopped {where}.")
        return redirect("portal:stop")
    switch = target.switch
    context = {
        "page": "stop",
        "over": given.get("over", ""),
        "target": target,
        "what": what_of(switch),
        "reaches": _reaches(switch),
        "radius": blast.stopped_by(switch, now=now),
        "rules": _rules(target),
        "hours": int(LIFE.total_seconds() // 3600),
    }
    return render(request, "consent/stop_confirm.html", context)


@require_http_methods(["GET", "POST"])
def lift(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """What lifting a stop means, to be confirmed; and the lifting itself."""
    actor.require(SCOPE)
    rows = KillSwitch.objects.visible_to(actor).select_related(
        "holder", "property", "subject", "platform"
    )
    switch = named(rows, read_id(KillSwitch.PREFIX, shown))
    what = what_of(switch)
    if request.method == "POST":
        try:
            switches.lift(actor=actor, now=timezone.now(), switch=switch)
        except switches.NotThrown:
            messages.error(request, "That stop was lifted already.")
        else:
            messages.success(request, f"The stop of {what} is lifted. Your rules speak again.")
        return redirect("portal:stop")
    context = {"page": "stop", "switch": switch, "what": what}
    return render(request, "consent/stop_lift.html", context)


def what_of(switch: KillSwitch) -> str:
    """What a switch stops, in words, without where."""
    if switch.subject_id is not None:
        return switch.subject.name
    if switch.property_id is not None:
        return f"All of {switch.property.name}"
    return f"Everything of {switch.holder.name}"


def _target(actor: Actor, over: str, platform: str) -> Target:
    """What an id of a holder, property or subject, and one of a platform, name. Raises NotFound."""
    where = None
    if platform:
        where = named(Platform.objects.visible_to(actor), read_id(Platform.PREFIX, platform))
    holders = RightsHolder.objects.visible_to(actor)
    prefix = over.partition("_")[0]
    if prefix == RightsHolder.PREFIX:
        return Target(holder=named(holders, read_id(prefix, over)), scope=ALL, platform=where)
    if prefix == Property.PREFIX:
        rows = Property.objects.visible_to(actor).select_related("holder")
        found: Property = named(rows, read_id(prefix, over))
        return Target(holder=found.holder, scope=Scope(property=found), platform=where)
    if prefix == Subject.PREFIX:
        subjects = Subject.objects.visible_to(actor).select_related("property")
        subject: Subject = named(subjects, read_id(prefix, over))
        holder = _speaker(holders, subject)
        return Target(holder=holder, scope=Scope(subject=subject), platform=where)
    raise NotFound


def _speaker(holders: Any, subject: Subject) -> RightsHolder:
    """Which of the actor's holders can stop a subject: one whose consent it needs, else one whose
    it was. Only the former's word stops anything."""
    standing = stand(subjects=[subject.pk], now=timezone.now())
    needed = standing.subjects[subject.pk].consenting(None)
    for wanted in (needed, [subject.holder_id]):
        found = holders.filter(pk__in=wanted).order_by("pk").first()
        if found is not None:
            return found  # type: ignore[no-any-return]
    found = holders.filter(shares__step__subject=subject).order_by("pk").first()
    if found is None:
        raise NotFound
    return found  # type: ignore[no-any-return]


def _reaches(switch: KillSwitch) -> int:
    """How many subjects a switch stops: those below it whose consent is its holder's to give."""
    return blast.subjects_under(switch).count()


def _rules(target: Target) -> int:
    """How many of the holder's rules in force are over just this, and fall silent."""
    return RuleVersion.objects.filter(
        holder=target.holder,
        state=VersionState.PUBLISHED,
        rule__property=target.scope.property,
        rule__subject=target.scope.subject,
    ).count()


ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    ("stop", stop, "stop"),
    ("stop/new", throw, "stop-new"),
    ("stop/<str:shown>/lift", lift, "stop-lift"),
)
