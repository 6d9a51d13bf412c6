"""Subjects: the characters, likenesses, voices, marks, pets and objects that consent is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from fractions import Fraction
from uuid import UUID

from django.db import connection, transaction

from ledger.actor import Actor
from ledger.errors import Invalid, Refused
from licensing.access import audit
from licensing.catalog import ownership
from licensing.catalog.confusables import look_alikes, skeleton
from licensing.catalog.models import Property, RightsHolder, Subject, SubjectKind
from licensing.catalog.names import clean_name
from licensing.catalog.properties import check_place, lock_holder


class UnknownKind(Invalid):
    """A subject is a character, likeness, voice, mark, pet or object."""

    code = "unknown_kind"


class ConfusableName(Refused):
    """This name looks like the name of another holder's subject."""

    code = "confusable_name"


@transaction.atomic
def register_subject(
    *,
    actor: Actor,
    now: datetime,
    holder: RightsHolder,
    name: str,
    kind: str,
    property: Property | None = None,  # noqa: A002 - the field's own word
    shares: Mapping[UUID, Fraction] | None = None,
    effective_on: date | None = None,
) -> Subject:
    """A new subject of `holder`, owned by `shares` (by the holder alone if not said) in every
    territory from `effective_on` (`now`'s day in UTC if not said; it may lie in the past).

    Raises ScopeMissing, NotFound, BadName, UnknownKind, ConfusableName, ParentOfAnotherHolder and
    what `ownership.set_ownership` raises.
    """
    actor.require("catalog:write")
    holder = lock_holder(actor, holder)
    name = clean_name(name)
    if kind not in SubjectKind.values:
        raise UnknownKind(pointer="/kind")
    if property is not None:
        check_place(actor, holder, property, pointer="/property")
    _refuse_look_alikes(holder, name)
    subject = Subject.objects.create(
        holder=holder,
        property=property,
        kind=kind,
        name=name,
        skeleton=skeleton(name),
        created_at=now,
    )
    audit.record(
        actor=actor,
        now=now,
        verb="subject.register",
        thing=subject.shown_id,
        organisation_id=holder.organisation_id,
        detail={"name": name, "kind": kind, "holder": holder.shown_id},
    )
    ownership.set_ownership(
        actor=actor,
        now=now,
        subject=subject,
        territory="",
        effective_on=effective_on or ownership.day_of(now),
        shares=shares or {holder.pk: Fraction(1)},
    )
    return subject


def _refuse_look_alikes(holder: RightsHolder, name: str) -> None:
    """Raises ConfusableName if another holder of the mode has a subject it may be taken for.

    Every skeleton is locked first, in one order, so that of two look-alikes registered at once the
    second one sees the first.
    """
    mode = holder.organisation.mode
    skeletons = sorted(look_alikes(name))
    with connection.cursor() as cursor:
        for seen in skeletons:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
                [f"subject name {mode} {seen}"],
            )
    taken = Subject.objects.filter(skeleton__in=skeletons, holder__organisation__mode=mode)
    if taken.exclude(holder=holder).exists():
        raise ConfusableName(pointer="/name")
