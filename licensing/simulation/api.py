"""The API's windows on simulations."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.windows import Window, named, paged
from ledger.wire import Id
from licensing.consent.models import ConsentRule
from licensing.simulation import examples, simulations
from licensing.simulation.models import Simulation
from licensing.simulation.shapes import (
    NewSimulationShape,
    SimulationDetailShape,
    SimulationShape,
)
from licensing.simulation.states import SimulationState
from licensing.simulation.tasks import ring_on_commit


class SimulationsWindow(Window):
    """Simulations."""

    scopes = {"GET": "consent:read", "POST": "consent:write"}

    @extend_schema(
        operation_id="simulations_list",
        summary="Simulations",
        description="Of your holders' drafts, newest first, without their results.",
        parameters=[
            OpenApiParameter("rule", str),
            OpenApiParameter("state", str, enum=SimulationState.values),
        ],
        responses=paged(SimulationShape),
        examples=examples.listed(examples.LISTED),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            Simulation.objects.visible_to(self.actor).with_latest().defer("result", "checkpoint"),
            SimulationShape,
            filters={
                "rule": Id(ConsentRule.PREFIX),
                "state": serializers.ChoiceField(SimulationState.choices),
            },
        )

    @extend_schema(
        operation_id="simulations_create",
        summary="Simulate a draft",
        description="Replays what was asked about the rule's subjects in the window, at most 400 "
        "days of it: each request is decided as of now by the rules in force, and with the draft "
        "as it is worded now in the place of its rule's version. It runs in the background; ask "
        "for it until it is done. Three at once for each rights holder.",
        request=NewSimulationShape,
        responses={201: SimulationDetailShape},
        examples=[
            examples.sent("The last month", examples.NEW),
            examples.sent("September", examples.NEW_WINDOW),
            *examples.shown(examples.QUEUED),
        ],
    )
    def post(self, request: Request) -> Response:
        said = self.read(NewSimulationShape)
        rules = ConsentRule.objects.visible_to(self.actor).select_related("holder")
        simulation = simulations.start(
            actor=self.actor,
            now=self.now,
            rule=named(rules, said["rule"]),
            days=said.get("days", simulations.DAYS),
            window_from=said.get("from"),
            window_to=said.get("to"),
        )
        ring_on_commit(simulation.pk)
        return self.created(SimulationDetailShape, simulation)


class SimulationWindow(Window):
    """One simulation."""

    scopes = {"GET": "consent:read"}

    @extend_schema(
        operation_id="simulations_get",
        summary="One simulation",
        description="How far it is, and once it is done what the draft would change: how many "
        "requests flip which way, by platform, action, territory and subject, with examples, and "
        "the money in it.",
        responses=SimulationDetailShape,
        examples=examples.shown(examples.DONE),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        return self.show(SimulationDetailShape, _find(self, id))


class CancelWindow(Window):
    """A simulation's end before its time."""

    scopes = {"POST": "consent:write"}

    @extend_schema(
        operation_id="simulations_cancel",
        summary="Cancel a simulation",
        description="Its worker stops within a second. One that has ended stays as it is: 409.",
        request=None,
        responses=SimulationDetailShape,
        examples=examples.shown(examples.CANCELLED),
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        simulation = simulations.cancel(actor=self.actor, now=self.now, simulation=_find(self, id))
        return self.show(SimulationDetailShape, simulation)


def _find(window: Window, text: str) -> Simulation:
    return window.find(Simulation.objects.visible_to(window.actor), Simulation.PREFIX, text)


urlpatterns = [
    path("simulations", SimulationsWindow.as_view()),
    path("simulations/<str:id>", SimulationWindow.as_view()),
    path("simulations/<str:id>/cancel", CancelWindow.as_view()),
]
