"""Ownership: who owns a subject from which day on, in which territory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Final
from uuid import UUID

import psycopg
from django.db import IntegrityError, transaction

from ledger import ids
from ledger.actor import Actor
from ledger.errors import Invalid, NotAllowed, NotFound, Refused
from licensing.access import audit
from licensing.catalog.models import OwnershipShare, OwnershipStep, RightsHolder, Subject
from licensing.catalog.shares import into_parts, show_share
from licensing.catalog.territories import is_territory

# The step that holds for one subject in one territory on one day, as a subselect of one row
# (step_id, parts) for `CROSS JOIN LATERAL (...) AS step`. Fill in three SQL expressions with
# `.format(subject="g.subject_id", territory="g.territory", day="g.day")`; the territory may be ''
# but not NULL. A step of that very territory comes first, else the one for everywhere else; of
# either the latest that is in effect. Reads the subject's steps through the index of
# ownership_step_once and writes nothing. A share of the whole is then exactly
# catalog_ownershipshare.parts / step.parts.
IN_FORCE: Final = """
    SELECT candidate.id AS step_id, candidate.parts
    FROM catalog_ownershipstep candidate
    WHERE candidate.subject_id = {subject}
        AND candidate.territory IN ({territory}, '')
        AND candidate.effective_on <= {day}
    ORDER BY candidate.territory DESC, candidate.effective_on DESC
    LIMIT 1
"""


class UnknownTerritory(Invalid):
    """A territory is an assigned ISO 3166-1 code of two capitals, such as GB."""

    code = "unknown_territory"


class Retroactive(Invalid):
    """Ownership changes today or later; only a subject's first step may lie in the past."""

    code = "retroactive"


class OutOfOrder(Invalid):
    """A step does not begin before the last one of its territory."""

    code = "out_of_order"


class OwnershipSettled(Refused):
    """This would share out anew what is settled already. Let it begin after that."""

    code = "settled_time"


class StepExists(Refused):
    """There is a step of this subject and territory from this day already."""

    code = "ownership_step_exists"


class NotTheRegistrant(NotAllowed):
    """Only who registered a subject, or the house, changes who owns it."""

    code = "not_the_registrant"


@transaction.atomic
def set_ownership(
    *,
    actor: Actor,
    now: datetime,
    subject: Subject,
    territory: str,
    effective_on: date,
    shares: Mapping[UUID, Fraction],
) -> OwnershipStep:
    """Who owns `subject` from `effective_on` on in `territory` ("" for everywhere else): a new
    step after the last one there. `shares` are parts of the whole by holder and add up to 1.

    An owner may be any holder of the mode, whose id one must know, for co-owners are often
    strangers to each other's organisation.
    Raises ScopeMissing, NotFound (subject or owner), NotTheRegistrant, UnknownTerritory,
    Retroactive, OutOfOrder, StepExists, OwnershipSettled and what `shares.into_parts` raises.
    """
    actor.require("catalog:write")
    subject = _locked(actor, subject)
    if territory and not is_territory(territory):
        raise UnknownTerritory(pointer="/territory")
    parts, parts_of = into_parts(shares)
    _check_day(subject, territory, effective_on, day_of(now))
    owners = RightsHolder.objects.filter(
        pk__in=shares, organisation__mode=subject.holder.organisation.mode
    )
    if owners.count() != len(shares):
        raise NotFound
    with _told_what_is_settled():
        step = OwnershipStep.objects.create(
            subject=subject,
            territory=territory,
            effective_on=effective_on,
            parts=parts,
            recorded_at=now,
        )
    OwnershipShare.objects.bulk_create(
        OwnershipShare(step=step, holder_id=owner, parts=given) for owner, given in parts_of.items()
    )
    audit.record(
        actor=actor,
        now=now,
        verb="ownership.set",
        thing=step.shown_id,
        organisation_id=subject.holder.organisation_id,
        detail={
            "subject": subject.shown_id,
            "territory": territory,
            "effective_on": effective_on.isoformat(),
            "shares": {
                ids.show("hld", owner): show_share(share) for owner, share in shares.items()
            },
        },
    )
    return step


def in_force(subject_ids: Collection[UUID], territory: str, day: date) -> dict[UUID, OwnershipStep]:
    """The step in force for each subject in `territory` on `day`, its shares loaded with it: the
    territory's own first, else that for everywhere else. A subject without one is left out.

    Two queries however many subjects there are.
    """
    steps = (
        OwnershipStep.objects.filter(
            subject__in=subject_ids, territory__in={territory, ""}, effective_on__lte=day
        )
        .order_by("subject_id", "-territory", "-effective_on")
        .distinct("subject_id")
        .prefetch_related("shares__holder")
    )
    return {step.subject_id: step for step in steps}


def settled_up_to(error: IntegrityError) -> str | None:
    """The day that the database names when it refuses what would settle the past anew, or None if
    it refused something else."""
    cause = error.__cause__
    if "settled_time" not in str(error) or not isinstance(cause, psycopg.Error):
        return None
    return cause.diag.message_detail


def day_of(moment: datetime) -> date:
    """The calendar day of a moment, in UTC as everywhere in the books."""
    return moment.astimezone(UTC).date()


@contextmanager
def _told_what_is_settled() -> Iterator[None]:
    """Turns the refusal of whoever has settled usage by other shares into one that names the day.
    Only they know, and they stand above the catalogue. Raises OwnershipSettled."""
    try:
        yield
    except IntegrityError as error:
        day = settled_up_to(error)
        if day is None:
            raise
        raise OwnershipSettled(
            f"Usage up to {day} is settled for the present owners. This may begin after that day.",
            pointer="/effective_on",
        ) from error


def _locked(actor: Actor, subject: Subject) -> Subject:
    """The subject, locked so that its steps come one at a time."""
    found = (
        Subject.objects.visible_to(actor)
        .select_related("holder__organisation")
        .select_for_update(of=("self",), no_key=True)
        .filter(pk=subject.pk)
        .first()
    )
    if found is None:
        raise NotFound
    if not actor.is_house and found.holder.organisation_id != actor.tenant:
        raise NotTheRegistrant
    return found


def _check_day(subject: Subject, territory: str, effective_on: date, today: date) -> None:
    steps = OwnershipStep.objects.filter(subject=subject)
    if effective_on < today and steps.exists():
        raise Retroactive(pointer="/effective_on")
    last = steps.filter(territory=territory).order_by("-effective_on").first()
    if last is not None and effective_on == last.effective_on:
        raise StepExists(pointer="/effective_on")
    if last is not None and effective_on < last.effective_on:
        raise OutOfOrder(pointer="/effective_on")
