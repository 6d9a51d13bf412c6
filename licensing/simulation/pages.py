"""The page of the portal that tells what a draft would change, before it is published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from ledger.actor import Actor
from ledger.forms import Form
from ledger.windows import named, read_id
from licensing.consent.engine.sentences import sentences
from licensing.consent.models import ConsentRule
from licensing.consent.naming import names_in
from licensing.consent.rule_lists import find_rule, scope_of, standings, title_of
from licensing.consent.states import VersionState
from licensing.simulation import simulations
from licensing.simulation.models import Simulation
from licensing.simulation.outcomes import outcome_of
from licensing.simulation.shapes import NewSimulationShape
from licensing.simulation.states import UNFINISHED, SimulationState
from licensing.simulation.tasks import ring_on_commit

# Windows that are offered by name.
OFFERED_DAYS: Final = (7, 30, 90, 365)


@require_http_methods(["GET", "POST"])
def what_would_change(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """A draft tried on what was asked lately: chosen, on its way, or told."""
    actor.require("consent:read")
    rule, form = find_rule(actor, shown), Form(request.POST)
    if request.method == "POST":
        with form.trying():
            return _acted(request, actor, rule, form)
    simulation = _chosen(actor, rule, request.GET.get("simulation", ""))
    context = _context(actor, rule, simulation)
    if request.htmx and not form.faults:  # type: ignore[attr-defined]
        context["turned"] = simulation and simulation.state != request.GET.get("was")
        return render(request, "simulation/_progress.html", context)
    context |= {"form": form, "days": request.POST.get("days", str(_days(simulation)))}
    return render(request, "simulation/what_would_change.html", context, status=form.status)


def _acted(request: HttpRequest, actor: Actor, rule: ConsentRule, form: Form) -> HttpResponse:
    """Starts a simulation, or cancels one. Raises what the form keeps."""
    now = timezone.now()
    if said := request.POST.get("cancel"):
        wanted = _rows(actor, rule)
        simulation = named(wanted, read_id(Simulation.PREFIX, said))
        simulations.cancel(actor=actor, now=now, simulation=simulation)
    else:
        typed = request.POST.get("days", "")
        whole = typed.isascii() and typed.isdigit() and len(typed) < 10
        body = {"rule": rule.shown_id, "days": int(typed) if whole else typed}
        read = form.read(NewSimulationShape, body)
        simulation = simulations.start(actor=actor, now=now, rule=rule, days=read["days"])
        ring_on_commit(simulation.pk)
    there = reverse("portal:what-would-change", args=[rule.shown_id])
    return redirect(f"{there}?simulation={simulation.shown_id}")


def _rows(actor: Actor, rule: ConsentRule) -> Any:
    rows = Simulation.objects.visible_to(actor).filter(rule=rule)
    return rows.with_latest().defer("checkpoint")


def _chosen(actor: Actor, rule: ConsentRule, shown: str) -> Simulation | None:
    """The simulation that is asked for, or else the latest of this rule. Raises NotFound."""
    rows = _rows(actor, rule)
    if shown:
        chosen: Simulation = named(rows, read_id(Simulation.PREFIX, shown))
        return chosen
    latest: Simulation | None = rows.order_by("-pk").first()
    return latest


def _days(simulation: Simulation | None) -> int:
    """How far the last one looked back, or what is usual."""
    if simulation is None:
        return simulations.DAYS
    return (simulation.window_to - simulation.window_from).days or simulations.DAYS


def _context(actor: Actor, rule: ConsentRule, simulation: Simulation | None) -> dict[str, Any]:
    latest = rule.latest()
    draft = latest if latest.state == VersionState.DRAFT else None
    context: dict[str, Any] = {
        "page": "rules",
        "rule": rule,
        "title": title_of(rule),
        "scope": scope_of(rule),
        "standings": list(standings(rule)),
        "draft": draft,
        "in_force": rule.in_force(),
        "may_write": actor.may("consent:write"),
        "may_publish": actor.may("consent:publish"),
        "offered": OFFERED_DAYS,
        "most_days": simulations.MOST_DAYS,
        "simulation": simulation,
    }
    if draft is not None:
        context["effect"] = draft.body["effect"]
        context["sentences"] = sentences(draft.body, names_in([draft.body], actor=actor))
    if simulation is None:
        return context
    context["running"] = simulation.state in UNFINISHED
    context["of_latest"] = simulation.of_latest
    if simulation.requests:
        context["percent"] = simulation.replayed * 100 // simulation.requests
    if simulation.state == SimulationState.DONE:
        context["outcome"] = outcome_of(simulation.result, actor=actor)
    return context


ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    ("rules/<str:shown>/what-would-change", what_would_change, "what-would-change"),
)
