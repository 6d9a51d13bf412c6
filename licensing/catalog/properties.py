"""Properties: franchises and their parts."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.db import transaction

from ledger.actor import Actor
from ledger.errors import Invalid, NotFound, Refused, Stale
from licensing.access import audit
from licensing.catalog.models import Property, RightsHolder
from licensing.catalog.names import clean_name


class TooDeep(Invalid):
    """Properties nest at most 8 deep."""

    code = "property_too_deep"


class ParentOfAnotherHolder(Invalid):
    """A property's parent belongs to the same holder."""

    code = "property_of_another_holder"


class PropertyExists(Refused):
    """There is a property of this name in the same place already."""

    code = "property_exists"


@transaction.atomic
def create_property(
    *,
    actor: Actor,
    now: datetime,
    holder: RightsHolder,
    name: str,
    parent: Property | None = None,
) -> Property:
    """A new property of `holder`, inside `parent` or at the top.

    Its place is for good, so that no chain of parents ever comes back to where it began.
    Raises ScopeMissing, NotFound, BadName, TooDeep, ParentOfAnotherHolder, PropertyExists.
    """
    actor.require("catalog:write")
    holder = lock_holder(actor, holder)
    name = clean_name(name)
    if parent is not None:
        check_place(actor, holder, parent, pointer="/parent")
        if parent.depth >= Property.DEPTH:
            raise TooDeep(pointer="/parent")
    if Property.objects.filter(holder=holder, parent=parent, name=name).exists():
        raise PropertyExists(pointer="/name")
    made = Property.objects.create(holder=holder, parent=parent, name=name, created_at=now)
    audit.record(
        actor=actor,
        now=now,
        verb="property.create",
        thing=made.shown_id,
        organisation_id=holder.organisation_id,
        detail={"name": name, "parent": parent.shown_id if parent else None},
    )
    return made


@transaction.atomic
def rename_property(
    *,
    actor: Actor,
    now: datetime,
    property: Property,  # noqa: A002 - the field's own word
    name: str,
    seen: str | None = None,
) -> Property:
    """Another name for a property, whose place stays what it is. `seen` is the ETag it was read
    with; None asks for none.

    Raises ScopeMissing, NotFound, Stale, BadName, PropertyExists.
    """
    actor.require("catalog:write")
    holder = lock_holder(actor, property.holder)
    found = Property.objects.visible_to(actor).filter(pk=property.pk).first()
    if found is None:
        raise NotFound
    if seen is not None and seen != etag_of(found):
        raise Stale
    name = clean_name(name)
    beside = Property.objects.filter(holder=holder, parent=found.parent_id, name=name)
    if beside.exclude(pk=found.pk).exists():
        raise PropertyExists(pointer="/name")
    before, found.name = found.name, name
    found.save(update_fields=["name"])
    audit.record(
        actor=actor,
        now=now,
        verb="property.rename",
        thing=found.shown_id,
        organisation_id=holder.organisation_id,
        detail={"name": name, "before": before},
    )
    return found


def etag_of(property: Property) -> str:  # noqa: A002 - the field's own word
    """The ETag of a property: another one for every name, as nothing else of it changes."""
    return f'"{hashlib.sha256(property.name.encode()).hexdigest()[:16]}"'


def lock_holder(actor: Actor, holder: RightsHolder) -> RightsHolder:
    """The holder, if the actor sees it, locked while its names are compared. Raises NotFound."""
    found = (
        RightsHolder.objects.visible_to(actor)
        .select_related("organisation")
        .select_for_update(of=("self",), no_key=True)
        .filter(pk=holder.pk)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def check_place(actor: Actor, holder: RightsHolder, place: Property, *, pointer: str) -> None:
    """Raises NotFound or ParentOfAnotherHolder unless `holder` may put something into `place`."""
    if not Property.objects.visible_to(actor).filter(pk=place.pk).exists():
        raise NotFound
    if place.holder_id != holder.pk:
        raise ParentOfAnotherHolder(pointer=pointer)
