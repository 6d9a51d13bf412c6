"""Sets the sandbox's stage: everything the cast needs, made through the same verbs as anyone's.

Running it again changes nothing. Keys and passwords are derived from the installation's secret, so
that they are the same every time and kept nowhere; with another secret they are others.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction

from config.sandbox import cast
from ledger.actor import Actor, system_actor
from licensing.access import keys, people
from licensing.access.models import ApiKey, Membership, Organisation, User
from licensing.access.roles import SCOPES_OF_ROLE
from licensing.catalog import holders, platforms, properties, subjects
from licensing.catalog.models import Platform, Property, RightsHolder, Subject

SYSTEM: Actor = system_actor(mode="test", label="sandbox")
_LOCK = 7_331_001
_KEY_NAME = "sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A person of the sandbox with what they sign in with."""

    username: str
    password: str
    api_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The sandbox as it stands: rows with the logins of their people, by name."""

    platforms: dict[str, tuple[Platform, Login]]
    holders: dict[str, tuple[RightsHolder, Login]]
    finance: tuple[Login, ...]
    second_approver: Login
    auditor: Login
    subjects: dict[str, Subject]


@transaction.atomic
def set_stage(*, now: datetime) -> Stage:
    """Makes what is missing and returns all of it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    house = _organisation("house", cast.HOUSE, now)
    finance = tuple(_login(house, person, now) for person in cast.FINANCE)
    second_approver = _login(house, cast.SECOND_APPROVER, now)
    auditor = _login(house, cast.AUDITOR, now)
    housemates = (*cast.FINANCE, cast.SECOND_APPROVER, cast.AUDITOR)
    _let_into_admin([person.username for person in housemates])
    stage = Stage(
        platforms={each.name: _platform(each, now) for each in cast.PLATFORMS},
        holders={each.name: _holder(each, now) for each in cast.HOLDERS},
        finance=finance,
        second_approver=second_approver,
        auditor=auditor,
        subjects={},
    )
    for each in cast.HOLDERS:
        holder = stage.holders[each.name][0]
        made = _properties(holder, each, now)
        for subject in each.subjects:
            stage.subjects[subject.name] = _subject(stage, holder, made, subject, now)
    return stage


def _derived(purpose: str) -> bytes:
    """A secret of this installation's sandbox: the same for the same purpose."""
    text = f"sandbox:{purpose}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).digest()


def _key_for(username: str) -> str:
    return "ak_test_" + base64.urlsafe_b64encode(_derived(f"key:{username}")[:24]).decode()


def _password_for(username: str) -> str:
    """Twelve letters and digits that a person can type."""
    return base64.b32encode(_derived(f"password:{username}")).decode().lower()[:12]


def actor_named(username: str) -> Actor:
    """The actor one of the sandbox's people is."""
    actor = people.actor_for(user=User.objects.get(username=username), mode="test")
    assert actor is not None
    return actor


def _organisation(kind: str, name: str, now: datetime) -> Organisation:
    found = Organisation.objects.filter(mode="test", kind=kind, name=name).first()
    return found or people.create_organisation(actor=SYSTEM, now=now, kind=kind, name=name)


def _login(organisation: Organisation, person: cast.Person, now: datetime) -> Login:
    password = _password_for(person.username)
    if not Membership.objects.filter(
        organisation=organisation, user__username=person.username, ended_at=None
    ).exists():
        people.invite(
            actor=SYSTEM,
            now=now,
            organisation=organisation,
            username=person.username,
            role=person.role,
            password=password,
        )
    secret = _key_for(person.username)
    if not ApiKey.objects.filter(digest=keys.digest_of(secret)).exists():
        user = User.objects.get(username=person.username)
        _forget_another_secret(user, password, now)
        keys.issue(
            actor=SYSTEM,
            organisation=organisation,
            user=user,
            name=_KEY_NAME,
            scopes=sorted(SCOPES_OF_ROLE[person.role]),
            now=now,
            secret=secret,
        )
    return Login(username=person.username, password=password, api_key=secret)


def _forget_another_secret(user: User, password: str, now: datetime) -> None:
    """Ends what was derived while the installation had another secret."""
    for key in ApiKey.objects.live(now).filter(user=user, name=_KEY_NAME):
        keys.revoke(actor=SYSTEM, now=now, key=key)
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])


def _let_into_admin(usernames: list[str]) -> None:
    """The house's people see the admin; what they may do there their role says."""
    group, _ = Group.objects.get_or_create(name="House")
    group.permissions.set(Permission.objects.filter(codename__startswith="view_"))
    for user in User.objects.filter(username__in=usernames):
        user.is_staff = True
        user.save(update_fields=["is_staff"])
        user.groups.add(group)


def _platform(each: cast.SandboxPlatform, now: datetime) -> tuple[Platform, Login]:
    organisation = _organisation("platform", each.name, now)
    found = Platform.objects.filter(organisation=organisation).first()
    platform = found or platforms.register_platform(
        actor=SYSTEM, now=now, name=each.name, organisation=organisation
    )
    return platform, _login(organisation, each.person, now)


def _holder(each: cast.SandboxHolder, now: datetime) -> tuple[RightsHolder, Login]:
    organisation = _organisation("holder", each.name, now)
    found = RightsHolder.objects.filter(organisation=organisation, name=each.name).first()
    holder = found or holders.register_holder(
        actor=SYSTEM, now=now, name=each.name, organisation=organisation
    )
    return holder, _login(organisation, each.person, now)


def _properties(
    holder: RightsHolder, each: cast.SandboxHolder, now: datetime
) -> dict[str, Property]:
    made: dict[str, Property] = {}
    for name, parent in each.properties:
        found = Property.objects.filter(holder=holder, name=name).first()
        made[name] = found or properties.create_property(
            actor=actor_named(each.person.username),
            now=now,
            holder=holder,
            name=name,
            parent=made[parent] if parent else None,
        )
    return made


def _subject(
    stage: Stage,
    holder: RightsHolder,
    made: dict[str, Property],
    subject: cast.SandboxSubject,
    now: datetime,
) -> Subject:
    found = Subject.objects.filter(holder=holder, name=subject.name).first()
    if found is not None:
        return found
    shares = {stage.holders[name][0].pk: Fraction(share) for name, share in subject.owners}
    return subjects.register_subject(
        actor=SYSTEM,
        now=now,
        holder=holder,
        name=subject.name,
        kind=subject.kind,
        property=made[subject.property] if subject.property else None,
        shares=shares or None,
    )
