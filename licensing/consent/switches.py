"""Kill switches: a holder's stop, at once and whatever the rules say."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from ledger.actor import Actor
from ledger.errors import Refused
from licensing.access import audit
from licensing.catalog.models import Platform, RightsHolder
from licensing.consent import epochs
from licensing.consent.models import KillSwitch
from licensing.consent.rules import ALL, Scope, examine_scope


class AlreadyThrown(Refused):
    """That switch is thrown already."""

    code = "already_thrown"


class NotThrown(Refused):
    """That switch has been lifted."""

    code = "not_thrown"


def throw(
    *,
    actor: Actor,
    now: datetime,
    holder: RightsHolder,
    scope: Scope = ALL,
    platform: Platform | None = None,
) -> KillSwitch:
    """Stops `scope` everywhere, or on `platform`. No check that starts after this has committed is
    allowed. Raises AlreadyThrown, NotTheirs."""
    with transaction.atomic():
        epoch = epochs.turn(holder)
        examine_scope(holder, scope)
        same = KillSwitch.objects.filter(
            holder=holder,
            property=scope.property,
            subject=scope.subject,
            platform=platform,
            lifted_at=None,
        )
        if same.exists():
            raise AlreadyThrown
        switch = KillSwitch.objects.create(
            holder=holder,
            property=scope.property,
            subject=scope.subject,
            platform=platform,
            thrown_by=actor.label,
            thrown_at=now,
            thrown_epoch=epoch,
        )
        _record(actor, now, "kill_switch.throw", switch)
        return switch


def lift(*, actor: Actor, now: datetime, switch: KillSwitch) -> KillSwitch:
    """Ends a stop: from then on the rules speak again. Raises NotThrown."""
    with transaction.atomic():
        epoch = epochs.turn(switch.holder)
        switch = KillSwitch.objects.select_related("holder").get(pk=switch.pk)
        if switch.lifted_at is not None:
            raise NotThrown
        switch.lifted_at = max(now, switch.thrown_at)
        switch.lifted_epoch, switch.lifted_by = epoch, actor.label
        switch.save(update_fields=["lifted_at", "lifted_epoch", "lifted_by"])
        _record(actor, now, "kill_switch.lift", switch)
        return switch


def _record(actor: Actor, now: datetime, verb: str, switch: KillSwitch) -> None:
    audit.record(
        actor=actor,
        now=now,
        verb=verb,
        thing=switch.shown_id,
        organisation_id=switch.holder.organisation_id,
    )
