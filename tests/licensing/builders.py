"""People, organisations and characters for stories: valid by default, told apart by name."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from django.db import transaction

from ledger.actor import Actor, Mode
from licensing.access.models import Membership, Organisation, User
from licensing.access.roles import SCOPES_OF_ROLE
from licensing.catalog.models import (
    OwnershipShare,
    OwnershipStep,
    Platform,
    Property,
    RightsHolder,
    Subject,
)

LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
LONG_AGO_DAY = LONG_AGO.date()
_number = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """An organisation, its business face, and one of its people as an actor."""

    organisation: Organisation
    actor: Actor
    holder: RightsHolder | None = None
    platform: Platform | None = None


def build_organisation(
    kind: str = "holder", *, name: str = "", mode: Mode = "test"
) -> Organisation:
    return Organisation.objects.create(
        kind=kind, mode=mode, name=name or f"{kind} {next(_number)}", created_at=LONG_AGO
    )


def build_actor(organisation: Organisation, role: str) -> Actor:
    """A new person in `role`, signed in, with every scope of the role."""
    user = User.objects.create_user(username=f"{role}-{next(_number)}", password=None)
    Membership.objects.create(organisation=organisation, user=user, role=role, created_at=LONG_AGO)
    parties = [h.party_ref for h in RightsHolder.objects.filter(organisation=organisation)]
    parties += [p.party_ref for p in Platform.objects.filter(organisation=organisation)]
    return Actor(
        kind="person",
        label=user.username,
        mode=organisation.mode,  # type: ignore[arg-type]
        person_id=user.pk,
        organisation_id=organisation.pk,
        organisation_kind=organisation.kind,  # type: ignore[arg-type]
        role=role,
        scopes=SCOPES_OF_ROLE[role],
        parties=frozenset(parties),
    )


def build_holder(name: str = "", *, role: str = "owner", mode: Mode = "test") -> Household:
    organisation = build_organisation("holder", name=name, mode=mode)
    holder = RightsHolder.objects.create(
        organisation=organisation, name=organisation.name, created_at=LONG_AGO
    )
    _refer(organisation, holder.party_ref)
    return Household(
        organisation=organisation, actor=build_actor(organisation, role), holder=holder
    )


def build_platform(name: str = "", *, mode: Mode = "test") -> Household:
    organisation = build_organisation("platform", name=name, mode=mode)
    platform = Platform.objects.create(
        organisation=organisation, name=organisation.name, created_at=LONG_AGO
    )
    _refer(organisation, platform.party_ref)
    return Household(
        organisation=organisation, actor=build_actor(organisation, "engineer"), platform=platform
    )


def _refer(organisation: Organisation, party_ref: str) -> None:
    """What registering does: the organisation's keys see this party's accounts."""
    organisation.party_refs = [*organisation.party_refs, party_ref]
    organisation.save(update_fields=["party_refs"])


def build_house(*, mode: Mode = "test", role: str = "preparer") -> Household:
    organisation = build_organisation("house", mode=mode)
    return Household(organisation=organisation, actor=build_actor(organisation, role))


def build_property(
    holder: RightsHolder, name: str = "", *, parent: Property | None = None
) -> Property:
    return Property.objects.create(
        holder=holder, parent=parent, name=name or f"Property {next(_number)}", created_at=LONG_AGO
    )


def build_subject(
    holder: RightsHolder,
    name: str = "",
    *,
    kind: str = "character",
    property: Property | None = None,  # noqa: A002 - the field's own word
    owners: dict[RightsHolder, int] | None = None,
) -> Subject:
    """A subject owned wholly by `holder` since long ago, or by `owners` in parts."""
    name = name or f"Character {next(_number)}"
    subject = Subject.objects.create(
        holder=holder,
        property=property,
        kind=kind,
        name=name,
        skeleton=name.casefold(),
        created_at=LONG_AGO,
    )
    build_ownership(subject, owners or {holder: 1})
    return subject


def build_ownership(
    subject: Subject,
    owners: dict[RightsHolder, int],
    *,
    effective_on: date = LONG_AGO_DAY,
    territory: str = "",
) -> OwnershipStep:
    with transaction.atomic():
        step = OwnershipStep.objects.create(
            subject=subject,
            territory=territory,
            effective_on=effective_on,
            parts=sum(owners.values()),
            recorded_at=LONG_AGO,
        )
        OwnershipShare.objects.bulk_create(
            OwnershipShare(step=step, holder=holder, parts=parts)
            for holder, parts in owners.items()
        )
    return step


def with_scopes(actor: Actor, *scopes: str) -> Actor:
    """The same actor carrying just these scopes."""
    return replace(actor, scopes=frozenset(scopes))
