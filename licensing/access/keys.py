"""API keys: made once, kept as a hash, rotated with an overlap, revoked at the next request."""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from ledger import prepared
from ledger.actor import Actor, ScopeMissing
from ledger.errors import Invalid, NotAllowed, NotFound, Refused
from licensing.access import audit
from licensing.access.models import ApiKey, Membership, Organisation, User
from licensing.access.roles import ALL_SCOPES, SCOPES_OF_ROLE

_BEARER = re.compile(r"Bearer (ak_(?:test|live)_[A-Za-z0-9_-]{22,64})\Z", re.ASCII)
RANDOM_BYTES = 24
HINT = len("ak_test_") + 4
LONGEST_OVERLAP = timedelta(days=7)
DEFAULT_OVERLAP = timedelta(days=1)
LONGEST_LIFE = timedelta(days=3660)
LIVE_KEYS_OF_A_PERSON = 50
_STAMP_EVERY = timedelta(minutes=1)

# Reads the key in force that has this digest, its person if active, its organisation, and the role
# the person has there at present; and whether it is time to note the use. Every request asks it.
_ENTER = """
SELECT k.id, k.name, k.scopes, u.id, u.username, o.id, o.kind, o.mode, o.party_refs, m.role,
       coalesce(k.last_used_at <= %(due)s, true)
  FROM access_apikey k
  JOIN access_user u ON u.id = k.user_id AND u.is_active
  JOIN access_organisation o ON o.id = k.organisation_id
  JOIN access_membership m
    ON m.organisation_id = k.organisation_id AND m.user_id = k.user_id AND m.ended_at IS NULL
 WHERE k.digest = %(digest)s AND k.revoked_at IS NULL
   AND (k.expires_at IS NULL OR k.expires_at > %(now)s)
"""


class BadKeyName(Invalid):
    """A key's name has 1 to 100 characters, none of them a control character."""

    code = "bad_name"


class UnknownScope(Invalid):
    """There is no such scope."""

    code = "unknown_scope"


class ScopeTwice(Invalid):
    """A key carries each of its scopes once."""

    code = "bad_scopes"


class ScopeBeyondRole(Invalid):
    """A key carries no scope that its person's role lacks."""

    code = "scope_beyond_role"


class BadExpiry(Invalid):
    """A key expires in the future, within ten years."""

    code = "bad_expiry"


class BadOverlap(Invalid):
    """The old key may go on for at most 7 days after a rotation."""

    code = "bad_overlap"


class NotYourKey(NotAllowed):
    """A key's secret is given to its own person alone."""

    code = "not_your_key"


class KeyNotInForce(Refused):
    """This key has been revoked or has expired."""

    code = "key_not_in_force"


class RotationUnderWay(Refused):
    """Of one key and its successors, at most two work at a time: revoke the older one first."""

    code = "rotation_under_way"


class TooManyKeys(Refused):
    """One person has at most 50 keys in force for an organisation: revoke one first."""

    code = "too_many_keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey:
    """A new key together with its secret, which is nowhere else and never again to be had."""

    key: ApiKey
    secret: str


def digest_of(secret: str) -> bytes:
    """What is kept of a key: a plain SHA-256, for the secret itself has 192 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def authenticate(*, authorization: str, now: datetime, request_id: str = "") -> Actor | None:
    """The actor behind an `Authorization` header, or None for anything that is not a key in force:
    unknown, revoked, expired, of an inactive person, or of a membership that has ended.

    One query; a second one at most once a minute notes when the key was last used.
    """
    match = _BEARER.match(authorization)
    if match is None:
        return None
    found = prepared.rows(
        _ENTER,
        {"digest": digest_of(match.group(1)), "now": now, "due": now - _STAMP_EVERY},
    )
    if not found:
        return None
    key, name, scopes, person, username, organisation, kind, mode, parties, role, due = found[0]
    if due:
        _stamp(key, now)
    return Actor(
        kind="key",
        label=f"{username} ({name})",
        mode=mode,
        person_id=person,
        key_id=key,
        organisation_id=organisation,
        organisation_kind=kind,
        role=role,
        scopes=SCOPES_OF_ROLE[role] & frozenset(scopes),
        parties=frozenset(parties),
        request_id=request_id,
    )


@transaction.atomic
def issue(
    *,
    actor: Actor,
    organisation: Organisation,
    user: User,
    name: str,
    scopes: Collection[str],
    now: datetime,
    expires_at: datetime | None = None,
    secret: str | None = None,
) -> IssuedKey:
    """A new key of `user` for `organisation`, with `scopes` out of the role there.

    Only the person gets a secret in their name, or else one could approve what one prepared; a key
    hands on no more than it carries itself. The system may do it for anybody, and it alone may
    choose the `secret` of a test key, so that a sandbox has the same keys whenever it is filled.
    Raises ScopeMissing, NotYourKey, NotFound, BadKeyName, ScopeTwice, UnknownScope, ScopeBeyondRole,
    BadExpiry, TooManyKeys.
    """
    actor.require("keys:write")
    if secret is not None and (actor.kind != "system" or organisation.mode != "test"):
        raise NotYourKey
    role = _role_here(actor, organisation, user)
    name = _clean(name)
    wanted = _wanted(actor, role, scopes)
    _check_expiry(now, expires_at)
    if ApiKey.objects.live(now).filter(organisation=organisation, user=user).count() >= (
        LIVE_KEYS_OF_A_PERSON
    ):
        raise TooManyKeys
    issued = _make(
        organisation=organisation,
        user=user,
        name=name,
        scopes=wanted,
        now=now,
        expires_at=expires_at,
        secret=secret,
    )
    _tell(actor, now, "key.issue", issued.key, scopes=wanted)
    return issued


def issue_own(
    *,
    actor: Actor,
    now: datetime,
    name: str,
    scopes: Collection[str],
    expires_at: datetime | None = None,
) -> IssuedKey:
    """A new key of the actor's own person for their own organisation; see `issue`."""
    user = User.objects.filter(pk=actor.person_id).first() if actor.person_id else None
    organisation = Organisation.objects.filter(pk=actor.tenant).first()
    if user is None or organisation is None:
        raise NotFound
    return issue(
        actor=actor,
        organisation=organisation,
        user=user,
        name=name,
        scopes=scopes,
        now=now,
        expires_at=expires_at,
    )


@transaction.atomic
def rotate(
    *,
    actor: Actor,
    now: datetime,
    key: ApiKey,
    old_key_until: datetime | None = None,
    expires_at: datetime | None = None,
) -> IssuedKey:
    """A successor of one's own `key` with the same name and scopes; the old one goes on until
    `old_key_until` (a day if not said; now or earlier ends it at once).

    Without `expires_at` the successor lives as long as the old key was made to live.
    Raises ScopeMissing, NotYourKey, NotFound, KeyNotInForce, RotationUnderWay, BadOverlap,
    BadExpiry, ScopeBeyondRole.
    """
    actor.require("keys:write")
    old = _locked(actor, key)
    role = _role_here(actor, old.organisation, old.user)
    if not _in_force(old, now):
        raise KeyNotInForce
    if ApiKey.objects.filter(replaces=old).exists():
        raise RotationUnderWay("This key has a successor already.")
    if old.replaces is not None and _in_force(old.replaces, now):
        raise RotationUnderWay
    until = now + DEFAULT_OVERLAP if old_key_until is None else max(old_key_until, now)
    if until > now + LONGEST_OVERLAP:
        raise BadOverlap(pointer="/old_key_until")
    if expires_at is None and old.expires_at is not None:
        expires_at = now + (old.expires_at - old.created_at)
    _check_expiry(now, expires_at)
    wanted = _wanted(actor, role, [s for s in old.scopes if s in SCOPES_OF_ROLE[role]])
    issued = _make(
        organisation=old.organisation,
        user=old.user,
        name=old.name,
        scopes=wanted,
        now=now,
        expires_at=expires_at,
        replaces=old,
    )
    if until <= now:
        old.revoked_at = now
    elif old.expires_at is None or old.expires_at > until:
        old.expires_at = until
    old.save(update_fields=["revoked_at", "expires_at"])
    _tell(actor, now, "key.rotate", issued.key, replaces=old.shown_id, until=until.isoformat())
    return issued


@transaction.atomic
def revoke(*, actor: Actor, now: datetime, key: ApiKey) -> ApiKey:
    """Ends a key: the next request with it is refused. Revoking it again changes nothing.

    One's own needs `keys:write`; a colleague's needs `members:write`.
    Raises ScopeMissing, NotFound.
    """
    locked = _locked(actor, key)
    actor.require("keys:write" if locked.user_id == actor.person_id else "members:write")
    if locked.revoked_at is None:
        locked.revoked_at = now
        locked.save(update_fields=["revoked_at"])
        _tell(actor, now, "key.revoke", locked)
    return locked


def _in_force(key: ApiKey, now: datetime) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > now)


def _locked(actor: Actor, key: ApiKey) -> ApiKey:
    """The key, locked: one of the actor's organisation; for the house any of its mode."""
    rows = (
        ApiKey.objects.filter(organisation__mode=actor.mode)
        if actor.is_house
        else ApiKey.objects.visible_to(actor)
    )
    found = (
        rows.select_for_update(of=("self",), no_key=True)
        .select_related("organisation", "user", "replaces")
        .filter(pk=key.pk)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def _role_here(actor: Actor, organisation: Organisation, user: User) -> str:
    """The role of `user` there, if `actor` may hold secrets in that name."""
    if actor.kind != "system":
        if organisation.pk != actor.organisation_id:
            raise NotFound
        if user.pk != actor.person_id:
            raise NotYourKey
    # Locked, so that the membership cannot end between this look and the new key.
    membership = (
        Membership.objects.current()
        .select_for_update(no_key=True)
        .filter(organisation=organisation, user=user)
        .first()
    )
    if membership is None:
        raise NotFound
    return membership.role


def _wanted(actor: Actor, role: str, scopes: Collection[str]) -> list[str]:
    wanted = sorted(set(scopes))
    if len(wanted) != len(scopes):
        raise ScopeTwice(pointer="/scopes")
    for scope in wanted:
        if scope not in ALL_SCOPES:
            raise UnknownScope(f"There is no scope {scope[:40]!r}.", pointer="/scopes")
        if scope not in SCOPES_OF_ROLE[role]:
            raise ScopeBeyondRole(f"The role {role} does not have {scope}.", pointer="/scopes")
        if not actor.may(scope):
            raise ScopeMissing(f"This key does not carry {scope} itself.", pointer="/scopes")
    return wanted


def _check_expiry(now: datetime, expires_at: datetime | None) -> None:
    if expires_at is not None and not now < expires_at <= now + LONGEST_LIFE:
        raise BadExpiry(pointer="/expires_at")


def _clean(name: str) -> str:
    name = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(name) <= 100 or any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        raise BadKeyName(pointer="/name")
    return name


def _make(
    *,
    organisation: Organisation,
    user: User,
    name: str,
    scopes: list[str],
    now: datetime,
    expires_at: datetime | None,
    replaces: ApiKey | None = None,
    secret: str | None = None,
) -> IssuedKey:
    secret = secret or f"ak_{organisation.mode}_{secrets.token_urlsafe(RANDOM_BYTES)}"
    key = ApiKey.objects.create(
        organisation=organisation,
        user=user,
        name=name,
        hint=secret[:HINT],
        digest=digest_of(secret),
        scopes=scopes,
        created_at=now,
        expires_at=expires_at,
        replaces=replaces,
    )
    return IssuedKey(key=key, secret=secret)


def _tell(actor: Actor, now: datetime, verb: str, key: ApiKey, **detail: object) -> None:
    audit.record(
        actor=actor,
        now=now,
        verb=verb,
        thing=key.shown_id,
        organisation_id=key.organisation_id,
        detail={"name": key.name, "hint": key.hint, "user_id": str(key.user_id), **detail},
    )


def _stamp(key_id: UUID, now: datetime) -> None:
    """Notes the use. Skips a row that somebody holds: no request waits for a note."""
    with transaction.atomic():
        due = ApiKey.objects.select_for_update(skip_locked=True, no_key=True).filter(
            Q(last_used_at=None) | Q(last_used_at__lte=now - _STAMP_EVERY), pk=key_id
        )
        ApiKey.objects.filter(pk__in=due.values("pk")).update(last_used_at=now)
