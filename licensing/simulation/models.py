"""Simulations: which draft is tried on which recorded requests, how far it is, what came out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, Final

from django.db import models
from django.db.models import F, OuterRef, Q, Subquery

from ledger.actor import Actor
from ledger.rows import Identified
from licensing.catalog.models import RightsHolder
from licensing.consent.models import ConsentRule, RuleVersion
from licensing.simulation.states import UNFINISHED, SimulationState

# How far apart the window's ends may be, and how many a holder may have unfinished at once.
LONGEST: Final = timedelta(days=400)
AT_ONCE: Final = 3


class SimulationQuerySet(models.QuerySet["Simulation"]):
    """Reading words of simulations."""

    def visible_to(self, actor: Actor) -> SimulationQuerySet:
        """A holder's own; all of the mode for the house; none for a platform."""
        return self.filter(holder__in=RightsHolder.objects.visible_to(actor))

    def unfinished(self) -> SimulationQuerySet:
        """Those that still wait or run."""
        return self.filter(state__in=UNFINISHED)

    def with_latest(self) -> SimulationQuerySet:
        """With what `of_latest` compares, so that a list asks for it once."""
        latest = RuleVersion.objects.filter(rule=OuterRef("rule")).order_by("-number")
        return self.annotate(
            latest_version=Subquery(latest.values("pk")[:1]),
            latest_revision=Subquery(latest.values("revision")[:1]),
        )


class Simulation(Identified):
    """Recorded requests decided twice as of one moment: by the rules in force, and with a draft.

    The draft is frozen when the simulation is started (`revision`, `body`, `content_hash`): what
    is edited afterwards does not change what it tells. The row is the work; a message only says
    that there may be some. `attempt` fences: only whoever holds the latest may write. `setbacks`
    are the attempts since it last came forward. `result` has the shape that
    `licensing.simulation.tally` tells of, and is there exactly when it is done.
    """

    PREFIX = "sim"

    rule = models.ForeignKey(ConsentRule, on_delete=models.PROTECT, related_name="simulations")
    # The rule's holder again, so that a holder's simulations are found in one place.
    holder = models.ForeignKey(RightsHolder, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(RuleVersion, on_delete=models.PROTECT, related_name="+")
    revision = models.PositiveIntegerField()
    body: models.JSONField[Any, Any] = models.JSONField()
    # SHA-256 of the canonical body, as a published version has it.
    content_hash = models.BinaryField(max_length=32)
    # Requests asked from, up to but without, to.
    window_from = models.DateTimeField()
    window_to = models.DateTimeField()
    state = models.CharField(
        max_length=12, choices=SimulationState.choices, default=SimulationState.QUEUED
    )
    # Which of the holder's places it has; no two unfinished ones have the same.
    slot = models.PositiveSmallIntegerField()
    # Requests to replay, known once it runs, and how many of them are replayed.
    requests = models.PositiveIntegerField(null=True)
    replayed = models.PositiveIntegerField(default=0)
    # The moment both decisions are taken as of: when it began, or when the draft's window begins.
    as_of = models.DateTimeField(null=True)
    attempt = models.PositiveIntegerField(default=0)
    setbacks = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField()
    error = models.CharField(max_length=500, blank=True)
    # Where another worker goes on from: what was counted so far, up to which request.
    checkpoint: models.JSONField[Any, Any] = models.JSONField(null=True)
    result: models.JSONField[Any, Any] = models.JSONField(null=True)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = SimulationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(state__in=SimulationState.values), name="simulation_state_known"
            ),
            models.CheckConstraint(
                condition=Q(window_from__lt=F("window_to"))
                & Q(window_to__lte=F("window_from") + LONGEST)
                & Q(window_to__lte=F("created_at")),
                name="simulation_window_bounded",
            ),
            models.CheckConstraint(
                condition=Q(slot__range=(1, AT_ONCE)), name="simulation_slot_bounded"
            ),
            models.UniqueConstraint(
                fields=["holder", "slot"],
                condition=Q(state__in=UNFINISHED),
                name="simulation_few_at_once",
            ),
            models.CheckConstraint(
                condition=Q(requests=None, replayed=0)
                | Q(requests__isnull=False, replayed__lte=F("requests")),
                name="simulation_progress_bounded",
            ),
            models.CheckConstraint(
                condition=Q(state="running", lease_until__isnull=False, as_of__isnull=False)
                | ~Q(state="running") & Q(lease_until=None),
                name="simulation_leased_until",
            ),
            models.CheckConstraint(
                condition=Q(state__in=UNFINISHED, finished_at=None)
                | ~Q(state__in=UNFINISHED) & Q(finished_at__isnull=False, checkpoint=None),
                name="simulation_finished_when",
            ),
            models.CheckConstraint(
                condition=Q(
                    state="done",
                    result__isnull=False,
                    requests__isnull=False,
                    replayed=F("requests"),
                )
                | ~Q(state="done") & Q(result=None),
                name="simulation_result_if_done",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["holder", "-id"], name="simulations_of_holder"),
            models.Index(
                fields=["id"], condition=Q(state__in=UNFINISHED), name="simulations_unfinished"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shown_id}: {self.get_state_display()}"

    @property
    def content_hash_hex(self) -> str:
        """The hash of what was tried, in hexadecimal."""
        return bytes(self.content_hash).hex()

    @property
    def of_latest(self) -> bool:
        """Whether the rule still says what was tried; from memory after `with_latest`."""
        if not hasattr(self, "latest_revision"):
            return Simulation.objects.with_latest().get(pk=self.pk).of_latest
        latest = (getattr(self, "latest_version", None), self.latest_revision)
        return latest == (self.version_id, self.revision)
