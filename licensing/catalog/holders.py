"""Rights holders: who owns rights and is paid for them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from ledger.actor import Actor
from ledger.errors import Invalid, NotFound, Refused
from licensing.access import audit, people
from licensing.access.models import Organisation
from licensing.catalog.models import RightsHolder
from licensing.catalog.names import clean_name


class HolderExists(Refused):
    """The organisation has a rights holder of this name already."""

    code = "holder_exists"


class NotAHoldersOrganisation(Invalid):
    """Rights holders belong to an organisation of rights holders."""

    code = "organisation_of_another_kind"


@transaction.atomic
def register_holder(
    *, actor: Actor, now: datetime, name: str, organisation: Organisation | None = None
) -> RightsHolder:
    """A new rights holder of the actor's own organisation; for the house, of the one it names, or
    of a new one with the holder's name.

    Its ledger reference joins the organisation's, so that its keys see its accounts from the next
    request on. Raises ScopeMissing, NotFound, BadName, HolderExists, NotAHoldersOrganisation.
    """
    actor.require("parties:write")
    name = clean_name(name)
    if organisation is None and actor.is_house:
        organisation = people.create_organisation(actor=actor, now=now, kind="holder", name=name)
    home = lock_organisation(actor, organisation.pk if organisation else actor.tenant)
    if home.kind != "holder":
        raise NotAHoldersOrganisation(pointer="/organisation")
    if RightsHolder.objects.filter(organisation=home, name=name).exists():
        raise HolderExists(pointer="/name")
    holder = RightsHolder.objects.create(organisation=home, name=name, created_at=now)
    home.party_refs = [*home.party_refs, holder.party_ref]
    home.save(update_fields=["party_refs"])
    audit.record(
        actor=actor,
        now=now,
        verb="holder.register",
        thing=holder.shown_id,
        organisation_id=home.pk,
        detail={"name": name},
    )
    return holder


def lock_organisation(actor: Actor, organisation_id: UUID) -> Organisation:
    """The organisation, if the actor sees it, locked for what changes in it. Raises NotFound."""
    home = (
        Organisation.objects.visible_to(actor)
        .select_for_update(no_key=True)
        .filter(pk=organisation_id)
        .first()
    )
    if home is None:
        raise NotFound
    return home
