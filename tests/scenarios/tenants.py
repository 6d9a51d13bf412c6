"""Three little worlds side by side, and one row of every kind of thing in each of them.

A new kind of thing takes part in `test_tenancy.py` by one line in `COLLECTIONS` (the word in the
URL before its id, and its prefix) and one in `THINGS` (how a row of it is built, and whose other
organisations of the mode see it by design).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ledger.actor import Actor, Mode
from licensing.access.roles import ROLES_OF_KIND
from licensing.catalog.models import Platform, RightsHolder
from tests.client import ApiClient
from tests.licensing.builders import (
    Household,
    build_actor,
    build_holder,
    build_house,
    build_platform,
)
from tests.scenarios import things
from tests.scenarios.schema import NDJSON, ROLES, Operation, operations

KIND_OF_ROLE = {role: kind for kind, roles in ROLES_OF_KIND.items() for role in roles}
Made = TypeVar("Made")


@dataclass(kw_only=True)
class Side:
    """A house, a holder and a platform, and the rows that are theirs."""

    mode: Mode
    households: dict[str, Household]
    rows: dict[tuple[str, str], str] = field(default_factory=dict)
    made: dict[Callable[[Side], Any], Any] = field(default_factory=dict)

    def home(self, kind: str) -> Household:
        """The organisation of this kind."""
        return self.households[kind]

    @property
    def holder(self) -> RightsHolder:
        """Its rights holder."""
        holder = self.home("holder").holder
        assert holder is not None
        return holder

    @property
    def platform(self) -> Platform:
        """Its platform."""
        platform = self.home("platform").platform
        assert platform is not None
        return platform

    def once(self, make: Callable[[Side], Made]) -> Made:
        """What `make` makes here, made once."""
        if make not in self.made:
            self.made[make] = make(self)
        found: Made = self.made[make]
        return found

    def shown(self, prefix: str, kind: str) -> str:
        """The id of a row of `prefix` as near as can be to the organisation of `kind`."""
        if (prefix, kind) not in self.rows:
            self.rows[prefix, kind] = THINGS[prefix].build(self, kind)
        return self.rows[prefix, kind]

    def path(self, op: Operation, role: str) -> str:
        """The operation's path with ids of rows that are here."""
        kind = KIND_OF_ROLE[role]
        return op.path_with(
            {
                name: self.shown(COLLECTIONS[collection], kind)
                for name, collection in op.collections.items()
            }
        )

    def fill(self) -> Side:
        """The same world with every row there is to have."""
        for prefix in THINGS:
            for kind in self.households:
                self.shown(prefix, kind)
        return self


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


def clients_of(side: Side, *, raise_errors: bool = True) -> dict[str, ApiClient]:
    """A client for each role on that side."""
    clients = {role: ApiClient(person_in(side, role), raise_errors=raise_errors) for role in ROLES}
    for client in clients.values():
        client.get("/me")  # which notes that its key was used, and need not for the next minute
    return clients


_NOBODY: frozenset[str] = frozenset()

THINGS: dict[str, Thing] = {
    "org": Thing(build=lambda side, kind: side.home(kind).organisation.shown_id),
    "usr": Thing(build=things.user),
    "mem": Thing(build=things.membership, seen_by=_NOBODY),
    "key": Thing(build=things.key, seen_by=_NOBODY),
    "aud": Thing(build=things.audit_record),
    "hld": Thing(build=lambda side, kind: side.holder.shown_id),
    "plt": Thing(
        build=lambda side, kind: side.platform.shown_id, seen_by=frozenset({"house", "holder"})
    ),
    "prp": Thing(build=things.holder_property),
    "chr": Thing(build=things.subject, seen_by=frozenset({"house", "platform"})),
    "own": Thing(build=things.ownership),
    "clm": Thing(build=things.claim),
    "rul": Thing(build=things.rule),
    "kls": Thing(build=things.kill_switch),
    "chk": Thing(build=things.consent_check),
    "apr": Thing(build=things.approval),
    "sim": Thing(build=things.simulation),
    "agr": Thing(build=things.agreement),
    "bat": Thing(build=things.batch),
    "gen": Thing(build=things.generation),
    "run": Thing(build=things.settlement_run),
    "rln": Thing(build=things.royalty_line),
    "stm": Thing(build=things.statement),
    "pay": Thing(build=things.payout_batch),
    "pit": Thing(build=things.payout_item),
    "boo": Thing(build=things.book),
    "acc": Thing(build=things.account),
    "ent": Thing(build=things.entry),
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
    "claims": "clm",
    "consent-rules": "rul",
    "kill-switches": "kls",
    "consent-checks": "chk",
    "approvals": "apr",
    "simulations": "sim",
    "agreements": "agr",
    "generation-batches": "bat",
    "generations": "gen",
    "settlement-runs": "run",
    "explanations": "rln",
    "statements": "stm",
    "payout-batches": "pay",
    "items": "pit",
    "accounts": "acc",
    "entries": "ent",
}

# Parameters of lists that name a thing.
PARAMETERS: dict[str, str] = {
    "organisation": "org",
    "user": "usr",
    "person": "usr",
    "key": "key",
    "holder": "hld",
    "party": "hld",
    "platform": "plt",
    "property": "prp",
    "parent": "prp",
    "subject": "chr",
    "thing": "rul",
    "rule": "rul",
    "batch": "bat",
    "book": "boo",
    "account": "acc",
}

# Ids in bodies that the document calls plain text: of whatever the ledger's parties are, and in
# rules, which keep them as they are written. (A destination may be registered for any text, before
# the ledger has heard of the party.)
REFERENCES: dict[str, dict[str, str]] = {
    "payout_batches_propose": {"/parties/0": "hld"},
    "payout_items_set": {"/party": "hld"},
    "consent_rules_create": {"/body/platforms/only/0": "plt"},
    "consent_rules_edit": {"/body/platforms/only/0": "plt"},
}

# Fields of a body that name a stranger by design: any of the mode, by an id one has to know.
COUNTERPARTIES: frozenset[tuple[str, str]] = frozenset(
    {("subject_ownership_steps_create", "/shares/0/holder"), ("claims_file", "/subject")}
)

# Operations that answer 403 for a thing of the other mode: a platform's test key is told that it
# asks about live data, for it may name every subject of a mode.
TOLD_OF_THE_MODE: frozenset[str] = frozenset({"consent_checks_create", "consent_checks_batch"})

# What a signed answer tells of other organisations of the mode by design: a bundle has every subject
# with its owners and the rules over it.
SIGNED_FOR_ALL: dict[str, frozenset[str]] = {
    "consent_bundles_current": frozenset({"hld", "rul"}),
}

# Operations for the other of a thing's two sides than whose row it is here: a claim is on the
# holder's subject, so that only somebody else withdraws it.
FOR_THE_OTHER_SIDE: frozenset[str] = frozenset({"claims_withdraw"})

# Where an id that nobody has is not a 404: the lines of a report are all judged together, and a
# payee without a destination is refused whether or not there is such a payee.
NOT_404: dict[tuple[str, str], int] = {
    ("generations_report", "/subjects/0/id"): 422,
    ("generation_batches_upload", "/subjects/0/id"): 422,
    ("payout_batches_propose", "/parties/0"): 409,
    ("payout_items_set", "/party"): 409,
}

# Bodies for operations whose published example cannot be filled with one row of each kind.
_RULE = {"effect": "allow", "platforms": {"only": ["plt_"]}}
_ASKING = {"subjects": ["chr_"], "action": "generate_video", "co_subjects": ["chr_"]}
BODIES: dict[str, list[dict[str, Any]]] = {
    "subject_ownership_steps_create": [
        {
            "territory": "GB",
            "effective_on": "2190-01-01",
            "shares": [{"holder": "hld_", "share": "100"}],
        }
    ],
    "payout_batches_propose": [{"currency": "USD", "threshold": "0", "parties": ["hld_"]}],
    "consent_rules_create": [
        {"subject": "chr_", "name": "Clips", "body": {"effect": "allow"}},
        {"holder": "hld_", "body": _RULE},
    ],
    "consent_rules_edit": [{"body": _RULE}],
    "consent_checks_create": [_ASKING],
}


def bodies_of(op: Operation) -> list[Any]:
    """Bodies of the operation: the document's examples, or what stands in for them."""
    if op.media_types == (NDJSON,):
        # The lines of an upload are such reports.
        return bodies_of(next(op for op in operations() if op.name == "generations_report"))
    content = op.spec.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return [{}]
    examples: dict[str, Any] = content.get("examples") or {"none": {"value": {}}}
    published = [example["value"] for example in examples.values()]
    return copy.deepcopy(BODIES.get(op.name, published))
