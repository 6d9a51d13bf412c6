"""Organisations and their members; the actor a person or a key is."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from django.db import transaction

from ledger.actor import Actor, Mode, ScopeMissing
from ledger.errors import Invalid, NotFound, Refused
from licensing.access import audit
from licensing.access.models import Membership, Organisation, User
from licensing.access.roles import ROLES_OF_KIND, SCOPES_OF_ROLE, OrganisationKind

if TYPE_CHECKING:
    from typing import Literal

    Kind = Literal["house", "holder", "platform"]

_MOST_COLLEAGUES = 200
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@.+_-]{1,149}\Z", re.ASCII)
# The roles that may invite: an organisation never loses the last of them.
LEADING_ROLES = frozenset(
    role for role, scopes in SCOPES_OF_ROLE.items() if "members:write" in scopes
)


class BadUsername(Invalid):
    """A username has 2 to 150 ASCII letters, digits and `@ . + _ -`, beginning with one of the first two."""

    code = "bad_username"


class BadOrganisationName(Invalid):
    """An organisation's name has 1 to 200 characters, none of them a control character."""

    code = "bad_name"


class OrganisationExists(Refused):
    """There is an organisation of this kind and name already."""

    code = "organisation_exists"


class RoleOfAnotherKind(Invalid):
    """That role does not exist in an organisation of this kind."""

    code = "role_of_another_kind"


class UsernameTaken(Refused):
    """Somebody has this username already."""

    code = "username_taken"


class AlreadyMember(Refused):
    """This person is a member already."""

    code = "already_member"


class MembershipEnded(Refused):
    """This membership has ended already."""

    code = "membership_ended"


class LastOwner(Invalid):
    """An organisation keeps at least one member who can invite others."""

    code = "last_owner"


def actor_for(
    *,
    user: User,
    organisation: Organisation | None = None,
    mode: Mode | None = None,
    request_id: str = "",
) -> Actor | None:
    """The actor a signed-in person is in their one current membership, or in the chosen one.

    `organisation` or `mode` choose among several. None without a current membership, and when the
    choice is not made.
    """
    if not user.is_active:
        return None
    rows = Membership.objects.current().filter(user=user).select_related("organisation", "user")
    if organisation is not None:
        rows = rows.filter(organisation=organisation)
    if mode is not None:
        rows = rows.filter(organisation__mode=mode)
    found = list(rows[:2])
    if len(found) != 1:
        return None
    return _member(found[0], request_id)


def colleagues(mode: Mode) -> list[Actor]:
    """The house's people in this mode, by name: at most 200."""
    rows = (
        Membership.objects.current()
        .filter(
            organisation__mode=mode,
            organisation__kind=OrganisationKind.HOUSE,
            user__is_active=True,
        )
        .select_related("organisation", "user")
        .order_by("user__username")
    )
    return [_member(membership) for membership in rows[:_MOST_COLLEAGUES]]


def _member(membership: Membership, request_id: str = "") -> Actor:
    organisation, user = membership.organisation, membership.user
    return Actor(
        kind="person",
        label=user.username,
        mode=cast("Mode", organisation.mode),
        person_id=user.pk,
        organisation_id=organisation.pk,
        organisation_kind=cast("Kind", organisation.kind),
        role=membership.role,
        scopes=SCOPES_OF_ROLE[membership.role],
        parties=frozenset(organisation.party_refs),
        request_id=request_id,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """Who an actor is, by name."""

    actor: Actor
    username: str
    organisation: Organisation | None
    scopes: list[str]
    parties: list[str]


def introduce(*, actor: Actor) -> Introduction:
    """The names behind an actor."""
    user = User.objects.filter(pk=actor.person_id).first() if actor.person_id else None
    return Introduction(
        actor=actor,
        username=user.username if user else actor.label,
        organisation=Organisation.objects.filter(pk=actor.tenant).first(),
        scopes=sorted(actor.scopes),
        parties=sorted(actor.parties),
    )


@transaction.atomic
def create_organisation(*, actor: Actor, now: datetime, kind: str, name: str) -> Organisation:
    """A new organisation in the actor's mode. The house makes them, and the system.

    Raises ScopeMissing, Invalid for an unknown kind, BadOrganisationName, OrganisationExists.
    """
    actor.require("parties:write")
    if not actor.is_house:
        raise ScopeMissing("Only the house makes organisations.")
    if kind not in OrganisationKind.values:
        raise Invalid("An organisation is a house, a holder or a platform.", pointer="/kind")
    name = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(name) <= 200 or any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        raise BadOrganisationName(pointer="/name")
    organisation, fresh = Organisation.objects.get_or_create(
        mode=actor.mode, kind=kind, name=name, defaults={"created_at": now}
    )
    if not fresh:
        raise OrganisationExists(pointer="/name")
    audit.record(
        actor=actor,
        now=now,
        verb="organisation.create",
        thing=organisation.shown_id,
        organisation_id=organisation.pk,
        detail={"kind": kind, "name": name},
    )
    return organisation


@transaction.atomic
def invite(
    *,
    actor: Actor,
    now: datetime,
    organisation: Organisation,
    username: str,
    role: str,
    email: str = "",
    password: str | None = None,
) -> Membership:
    """Makes a person a member. A person nobody knows yet is made, unable to sign in without
    `password`; one who exists is added by the house alone, or when they were a member here before.

    Raises ScopeMissing, NotFound for an organisation of somebody else, RoleOfAnotherKind,
    BadUsername, UsernameTaken, AlreadyMember.
    """
    actor.require("members:write")
    organisation = _mine_to_lead(actor, organisation)
    if role not in ROLES_OF_KIND[organisation.kind]:
        raise RoleOfAnotherKind(pointer="/role")
    if not _USERNAME.match(username):
        raise BadUsername(pointer="/username")
    user, fresh = _person(username, email, password)
    known = Membership.objects.filter(organisation=organisation, user=user)
    if known.current().exists():
        raise AlreadyMember(pointer="/username")
    if not fresh and not actor.is_house and not known.exists():
        raise UsernameTaken(pointer="/username")
    membership = Membership.objects.create(
        organisation=organisation, user=user, role=role, created_at=now
    )
    audit.record(
        actor=actor,
        now=now,
        verb="membership.begin",
        thing=membership.shown_id,
        organisation_id=organisation.pk,
        detail={"user": user.shown_id, "username": username, "role": role},
    )
    return membership


@transaction.atomic
def end_membership(*, actor: Actor, now: datetime, membership: Membership) -> Membership:
    """Ends it at once: the person's sessions and keys for the organisation stop working.

    Raises ScopeMissing, NotFound, MembershipEnded, LastOwner.
    """
    actor.require("members:write")
    organisation = _mine_to_lead(actor, membership.organisation)
    membership = Membership.objects.select_related("user").get(pk=membership.pk)
    if membership.ended_at is not None:
        raise MembershipEnded
    if membership.role in LEADING_ROLES and not (
        Membership.objects.current()
        .filter(organisation=organisation, role=membership.role, user__is_active=True)
        .exclude(pk=membership.pk)
        .exists()
    ):
        raise LastOwner
    membership.ended_at = max(now, membership.created_at)
    membership.save(update_fields=["ended_at"])
    audit.record(
        actor=actor,
        now=now,
        verb="membership.end",
        thing=membership.shown_id,
        organisation_id=organisation.pk,
        detail={"user": membership.user.shown_id, "role": membership.role},
    )
    return membership


@transaction.atomic
def change_role(*, actor: Actor, now: datetime, membership: Membership, role: str) -> Membership:
    """Another role for a member: one membership ends and another begins, in one transaction, so
    that it stays known who had which role when.

    Raises what `end_membership` and `invite` raise.
    """
    actor.require("members:write")
    organisation = _mine_to_lead(actor, membership.organisation)
    if role not in ROLES_OF_KIND[organisation.kind]:
        raise RoleOfAnotherKind(pointer="/role")
    present = Membership.objects.select_related("user").get(pk=membership.pk)
    if present.ended_at is None and present.role == role:
        return present
    ended = end_membership(actor=actor, now=now, membership=present)
    return invite(
        actor=actor,
        now=ended.ended_at or now,
        organisation=organisation,
        username=present.user.username,
        role=role,
    )


def _mine_to_lead(actor: Actor, organisation: Organisation) -> Organisation:
    """The organisation, locked so that its members change one at a time. Raises NotFound."""
    locked = (
        Organisation.objects.visible_to(actor)
        .select_for_update(no_key=True)
        .filter(pk=organisation.pk)
        .first()
    )
    if locked is None:
        raise NotFound
    return locked


def _person(username: str, email: str, password: str | None) -> tuple[User, bool]:
    user, fresh = User.objects.get_or_create(username=username, defaults={"email": email})
    if fresh:
        # None makes a password that nothing matches.
        user.set_password(password)
        user.save(update_fields=["password"])
    return user, fresh
