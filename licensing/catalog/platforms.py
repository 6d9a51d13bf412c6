"""Platforms: the generators that ask before and report after."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from ledger.actor import Actor, ScopeMissing
from ledger.errors import Invalid, Refused
from licensing.access import audit, people
from licensing.access.models import Organisation
from licensing.catalog.holders import lock_organisation
from licensing.catalog.models import Platform
from licensing.catalog.names import clean_name


class PlatformExists(Refused):
    """This organisation is a platform already."""

    code = "platform_exists"


class NotAPlatformsOrganisation(Invalid):
    """A platform belongs to an organisation that is a platform."""

    code = "organisation_of_another_kind"


@transaction.atomic
def register_platform(
    *, actor: Actor, now: datetime, name: str, organisation: Organisation | None = None
) -> Platform:
    """A new platform, in `organisation` or in a new one of its name. The house alone registers one.

    Raises ScopeMissing, NotFound, BadName, PlatformExists, NotAPlatformsOrganisation.
    """
    actor.require("parties:write")
    if not actor.is_house:
        raise ScopeMissing("Only the house registers platforms.")
    name = clean_name(name)
    if organisation is None:
        organisation = people.create_organisation(actor=actor, now=now, kind="platform", name=name)
    home = lock_organisation(actor, organisation.pk)
    if home.kind != "platform":
        raise NotAPlatformsOrganisation(pointer="/organisation")
    if Platform.objects.filter(organisation=home).exists():
        raise PlatformExists(pointer="/organisation")
    platform = Platform.objects.create(organisation=home, name=name, created_at=now)
    home.party_refs = [*home.party_refs, platform.party_ref]
    home.save(update_fields=["party_refs"])
    audit.record(
        actor=actor,
        now=now,
        verb="platform.register",
        thing=platform.shown_id,
        organisation_id=home.pk,
        detail={"name": name},
    )
    return platform
