"""Kill switches."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from ledger.actor import Actor
from ledger.rows import Identified
from licensing.catalog.models import Platform, Property, RightsHolder, Subject
from licensing.consent.models.rules import OPTIONAL


class KillSwitchQuerySet(models.QuerySet["KillSwitch"]):
    """Reading words of kill switches."""

    def visible_to(self, actor: Actor) -> KillSwitchQuerySet:
        """A holder's own; all of the mode for the house; none for a platform."""
        return self.filter(holder__in=RightsHolder.objects.visible_to(actor))

    def thrown(self) -> KillSwitchQuerySet:
        """Those that have not been lifted."""
        return self.filter(lifted_at=None)


class KillSwitch(Identified):
    """A holder's stop, at once and whatever the rules say: of everything, a property or a subject,
    everywhere or on one platform. Lifting it ends it; throwing it again is another one."""

    PREFIX = "kls"

    holder = models.ForeignKey(RightsHolder, on_delete=models.PROTECT, related_name="kill_switches")
    property = models.ForeignKey(Property, **OPTIONAL, related_name="+")
    subject = models.ForeignKey(Subject, **OPTIONAL, related_name="+")
    platform = models.ForeignKey(Platform, **OPTIONAL, related_name="+")
    thrown_by = models.CharField(max_length=200)
    thrown_at = models.DateTimeField()
    thrown_epoch = models.BigIntegerField()
    lifted_by = models.CharField(max_length=200, blank=True)
    lifted_at = models.DateTimeField(null=True)
    lifted_epoch = models.BigIntegerField(null=True)

    objects = KillSwitchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "kill switches"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(property=None) | Q(subject=None), name="kill_switch_one_scope"
            ),
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_epoch=None, lifted_by="")
                | (
                    Q(lifted_at__gte=F("thrown_at"), lifted_epoch__gt=F("thrown_epoch"))
                    & ~Q(lifted_by="")
                ),
                name="kill_switch_lifted_whole",
            ),
            models.UniqueConstraint(
                fields=["holder", "property", "subject", "platform"],
                condition=Q(lifted_at=None),
                nulls_distinct=False,
                name="kill_switch_thrown_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.holder}: {self.subject or self.property or 'everything'}"
