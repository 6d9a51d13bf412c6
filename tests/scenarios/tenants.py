"""Three little worlds side by side, and one row of every kind of thing in each of them.

A new kind of thing takes part in `test_tenancy.py` by one line in `COLLECTIONS` (the word in the
URL before its id, and its prefix) and one in `THINGS` (how a row of it is built, and whose other
organisations of the mode see it by design).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ledger.actor import Actor, Mode, system_actor
from licensing.access import audit, keys
from licensing.access.models import Membership, Organisation, User
from licensing.access.roles import ROLES_OF_KIND
from licensing.catalog.models import Property, RightsHolder, Subject
from tests.licensing.builders import (
    LONG_AGO,
    Household,
    build_actor,
    build_holder,
    build_house,
    build_platform,
    build_property,
    build_subject,
)

KIND_OF_ROLE = {role: kind for kind, roles in ROLES_OF_KIND.items() for role in roles}


@dataclass(kw_only=True)
class Side:
    """A house, a holder and a platform, and the rows that are theirs."""

    mode: Mode
    households: dict[str, Household]
    rows: dict[tuple[str, str], str] = field(default_factory=dict)

    def home(self, kind: str) -> Household:
        """The organisation of this kind."""
        return self.households[kind]

    @property
    def holder(self) -> RightsHolder:
        """Its rights holder."""
        holder = self.home("holder").holder
        assert holder is not None
        return holder

    def shown(self, prefix: str, kind: str) -> str:
        """The id of a row of `prefix` as near as can be to the organisation of `kind`."""
        if (prefix, kind) not in self.rows:
            self.rows[prefix, kind] = THINGS[prefix].build(self, kind)
        return self.rows[prefix, kind]


@dataclass(frozen=True, kw_only=True)
class Thing:
    """How a row is built, and which kinds of organisation see the rows of others in their mode."""

    build: Callable[[Side, str], str]
    seen_by: frozenset[str] = frozenset({"house"})


def build_side(mode: Mode) -> Side:
    """A little world; nothing in it is anybody else's."""
    return Side(
        mode=mode,
        households={
            "holder": build_holder(mode=mode),
            "platform": build_platform(mode=mode),
            "house": build_house(mode=mode),
        },
    )


def person_in(side: Side, role: str) -> Actor:
    """A person of that role on that side: the one whose the rows are, or a colleague."""
    home = side.home(KIND_OF_ROLE[role])
    return home.actor if home.actor.role == role else build_actor(home.organisation, role)


def _membership(side: Side, kind: str) -> str:
    # Another person than the one who asks, so that ending it does not end the story.
    actor = build_actor(side.home(kind).organisation, ROLES_OF_KIND[kind][-1])
    return Membership.objects.get(user__username=actor.label).shown_id


def _key(side: Side, kind: str) -> str:
    home = side.home(kind)
    issued = keys.issue(
        actor=system_actor(mode=side.mode),
        organisation=home.organisation,
        user=User.objects.get(username=home.actor.label),
        name="a key",
        scopes=["catalog:read"],
        now=LONG_AGO,
    )
    return issued.key.shown_id


def _audit_record(side: Side, kind: str) -> str:
    home = side.home(kind)
    record = audit.record(actor=home.actor, now=LONG_AGO, verb="story.begin", thing="none")
    return record.shown_id


def _platform(side: Side, kind: str) -> str:
    platform = side.home("platform").platform
    assert platform is not None
    return platform.shown_id


def _property(side: Side, kind: str) -> str:
    return build_property(side.holder).shown_id


def _subject(side: Side, kind: str) -> str:
    return build_subject(side.holder).shown_id


def _ownership(side: Side, kind: str) -> str:
    return build_subject(side.holder).ownership_steps.get().shown_id


_NOBODY: frozenset[str] = frozenset()

THINGS: dict[str, Thing] = {
    Organisation.PREFIX: Thing(build=lambda side, kind: side.home(kind).organisation.shown_id),
    "usr": Thing(
        build=lambda side, kind: User.objects.get(pk=str(side.home(kind).actor.person_id)).shown_id
    ),
    Membership.PREFIX: Thing(build=_membership, seen_by=_NOBODY),
    "key": Thing(build=_key, seen_by=_NOBODY),
    "aud": Thing(build=_audit_record),
    RightsHolder.PREFIX: Thing(build=lambda side, kind: side.holder.shown_id),
    "plt": Thing(build=_platform, seen_by=frozenset({"house", "holder"})),
    Property.PREFIX: Thing(build=_property),
    Subject.PREFIX: Thing(build=_subject, seen_by=frozenset({"house", "platform"})),
    "own": Thing(build=_ownership),
}

COLLECTIONS: dict[str, str] = {
    "members": "mem",
    "api-keys": "key",
    "audit-records": "aud",
    "holders": "hld",
    "platforms": "plt",
    "properties": "prp",
    "subjects": "chr",
    "ownerships": "own",
}

# Parameters of lists that name a thing.
PARAMETERS: dict[str, str] = {
    "organisation": "org",
    "user": "usr",
    "person": "usr",
    "key": "key",
    "holder": "hld",
    "platform": "plt",
    "property": "prp",
    "parent": "prp",
    "subject": "chr",
}

# Fields of a body that name a stranger by design: any of the mode, by an id one has to know.
COUNTERPARTIES: frozenset[tuple[str, str]] = frozenset(
    {("subject_ownership_steps_create", "/shares/0/holder")}
)

# Operations that answer 403 for a thing of the other mode: a platform's test key is told that it
# asks about live data, for it may name every subject of a mode.
TOLD_OF_THE_MODE: frozenset[str] = frozenset({"consent_checks_create", "consent_checks_batch"})

# Bodies for operations whose published example cannot be filled with one row of each kind.
BODIES: dict[str, list[dict[str, object]]] = {
    "subject_ownership_steps_create": [
        {
            "territory": "GB",
            "effective_on": "2190-01-01",
            "shares": [{"holder": "hld_", "share": "100"}],
        }
    ],
}
