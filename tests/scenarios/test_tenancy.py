"""What isn't yours looks exactly like what doesn't exist: every endpoint, every role.

The operations are found in the API's own document. An id stands in a path, in a body (its schema
has an id's pattern) or in a list's parameter; each is tried with the ids of a stranger of the same
mode and of the other mode, and the answer is compared with that for an id nobody has.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, transaction

from ledger.ids import new_id, show
from licensing.settlement.models import RoyaltyLine
from tests.client import ApiClient
from tests.licensing.builders import build_subject
from tests.licensing.settlement.builders import Made, build_batch
from tests.scenarios.schema import (
    PLAIN,
    ROLES,
    Operation,
    ids_in,
    operations,
    plain,
    prefix_of,
    put,
    schema_of,
)
from tests.scenarios.tenants import (
    COLLECTIONS,
    COUNTERPARTIES,
    FOR_THE_OTHER_SIDE,
    KIND_OF_ROLE,
    NOT_404,
    PARAMETERS,
    REFERENCES,
    SIGNED_FOR_ALL,
    THINGS,
    TOLD_OF_THE_MODE,
    Side,
    bodies_of,
    build_side,
    clients_of,
)
from tests.scenarios.things import SETTLED_AT, settle

pytestmark = pytest.mark.django_db

OPERATIONS = operations()
# What a list shows goes by the kind of organisation.
FIRST_OF_KIND = ("owner", "engineer", "preparer")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an operation takes an id: a path's parameter, or a JSON pointer into its body."""

    op: Operation
    name: str
    prefix: str

    @property
    def tells_the_mode(self) -> bool:
        """Whether another mode's id is answered as such."""
        return self.op.name in TOLD_OF_THE_MODE

    def __str__(self) -> str:
        return f"{self.op.method.upper()} {self.op.path} at {self.name}"


@dataclass(frozen=True, kw_only=True)
class Call:
    """An operation with one body and the places of all ids in it."""

    op: Operation
    body: Any
    places: list[Place]


@dataclass(frozen=True, kw_only=True)
class Worlds:
    """Mine, a stranger's in my mode, and the other mode's."""

    mine: Side
    strangers: Side
    other_mode: Side
    clients: dict[str, ApiClient]

    def foreign(self, place: Place, kind: str) -> Iterator[str]:
        """Ids of things the kind may not see, where there is nothing by design against it."""
        by_design = (place.op.name, place.name) in COUNTERPARTIES
        if kind not in THINGS[place.prefix].seen_by and not by_design:
            yield self.strangers.shown(place.prefix, kind)
        if not place.tells_the_mode:
            yield self.other_mode.shown(place.prefix, kind)


@pytest.fixture(scope="module")
def worlds(stage: None) -> Worlds:
    mine, strangers, other_mode = (build_side(mode).fill() for mode in ("test", "test", "live"))
    clients = clients_of(mine)
    # What is checked at a commit: here once, so that no test has to.
    connection.check_constraints()
    return Worlds(mine=mine, strangers=strangers, other_mode=other_mode, clients=clients)


def path_places(op: Operation) -> list[Place]:
    """The ids in the path, each after the name of its collection."""
    return [
        Place(op=op, name=name, prefix=COLLECTIONS.get(collection, f"after {collection}"))
        for name, collection in op.collections.items()
    ]


def calls_of(op: Operation) -> list[Call]:
    """The operation with each of its bodies, and once more for every id that none of them holds,
    which then stands instead of the other ids that may be left out."""
    schema = schema_of(op)
    bodies = bodies_of(op)
    held = {name for body in bodies for name, _ in ids_in(schema, body)}
    fields = plain(schema).get("properties", {})
    named = {name for name, inner in fields.items() if prefix_of(inner)}
    optional = named - set(plain(schema).get("required", ()))
    for name in sorted(named):
        if f"/{name}" not in held:
            kept = {key: value for key, value in bodies[0].items() if key not in optional}
            bodies.append({**kept, name: "absent so far"})
    return [
        Call(
            op=op,
            body=body,
            places=[
                *path_places(op),
                *(Place(op=op, name=name, prefix=p) for name, p in ids_in(schema, body)),
                *(
                    Place(op=op, name=name, prefix=p)
                    for name, p in REFERENCES.get(op.name, {}).items()
                    if stands_in(body, name)
                ),
            ],
        )
        for body in bodies
    ]


def stands_in(body: Any, pointer: str) -> bool:
    """Whether there is anything where the JSON pointer says."""
    for step in pointer.split("/")[1:]:
        if isinstance(body, list):
            body = body[int(step)]
        elif step in body:
            body = body[step]
        else:
            return False
    return True


def known() -> list[Call]:
    """The calls whose every id this test can fill in; the last test tells of the others."""
    return [
        call
        for op in OPERATIONS
        for call in calls_of(op)
        if all(place.prefix in THINGS for place in call.places)
    ]


def ask(client: ApiClient, call: Call, ids: dict[str, str]) -> Any:
    """Calls the operation with these ids in their places, and leaves nothing behind."""
    op = call.op
    path = op.path_with({name: value for name, value in ids.items() if name[0] != "/"})
    content_type = next(iter(op.media_types), "application/json")
    headers = client.headers({"If-Match": '"1"'} if op.method in ("patch", "put", "post") else {})
    with transaction.atomic():
        if op.method == "get":
            response: Any = client.http.get(path, headers=headers)
        else:
            body = copy.deepcopy(call.body)
            for name, value in ids.items():
                if name.startswith("/"):
                    put(body, name, value)
            response = getattr(client.http, op.method)(
                path, json.dumps(body), content_type=content_type, headers=headers
            )
        transaction.set_rollback(True)
    return response


def seen(response: Any, asked: str) -> tuple[int, str, Any]:
    """All of an answer that could tell two things apart, but for the id itself, which was asked."""
    body = response.content.replace(asked.encode(), b"the id")
    if response["Content-Type"].endswith("json"):
        found = json.loads(body)
        if isinstance(found, dict):
            found.pop("request_id", None)
        return response.status_code, response["Content-Type"], found
    return response.status_code, response["Content-Type"], body


@pytest.mark.parametrize("role", ROLES)
def test_anothers_id_is_answered_like_one_that_nobody_has(role: str, worlds: Worlds) -> None:
    kind = KIND_OF_ROLE[role]
    client = worlds.clients[role]
    for call in known():
        may = role in call.op.roles
        mine = {place.name: worlds.mine.shown(place.prefix, kind) for place in call.places}
        # Without the scope nothing is read: one place stands for all.
        for place in call.places if may else call.places[:1]:
            absent = show(place.prefix, new_id())
            nobodys = seen(ask(client, call, {**mine, place.name: absent}), absent)
            expected = NOT_404.get((call.op.name, place.name), 404) if may else 403
            assert nobodys[0] == expected, f"{place} as {role}: {nobodys}"
            assert nobodys[1] == "application/problem+json"
            for theirs in worlds.foreign(place, kind):
                found = seen(ask(client, call, {**mine, place.name: theirs}), theirs)
                assert found == nobodys, f"{place} as {role}"
            if may and place.tells_the_mode:
                theirs = worlds.other_mode.shown(place.prefix, kind)
                told = ask(client, call, {**mine, place.name: theirs})
                assert (told.status_code, told.json()["code"]) == (403, "mode_mismatch"), place


def opened(content: bytes) -> bytes:
    """An answer together with what any signed text in it says."""
    signed = [decoded(found) for found in _SIGNED.findall(content)]
    return b"\n".join((content, *signed))


def decoded(payload: bytes) -> bytes:
    return base64.urlsafe_b64decode(payload + b"==")


_SIGNED = re.compile(rb"eyJ[\w-]+\.([\w-]+)\.[\w-]+")


def test_what_is_signed_is_looked_into(worlds: Worlds) -> None:
    """A bundle says nothing in plain text, so that looking for a stranger's ids would find none."""
    found = opened(worlds.clients["engineer"].get("/consent-bundles/current").content)
    for prefix in ("chr", "hld", "rul"):
        assert worlds.mine.shown(prefix, "holder").encode() in found
    assert worlds.mine.platform.shown_id.encode() in found


@pytest.mark.parametrize("role", ROLES)
def test_a_list_holds_nothing_of_anybody_else(role: str, worlds: Worlds) -> None:
    """Neither whole nor narrowed to what is somebody else's."""
    kind = KIND_OF_ROLE[role]
    client = worlds.clients[role]
    others = set(worlds.other_mode.rows.values())
    theirs = others | {
        shown
        for (prefix, _), shown in worlds.strangers.rows.items()
        if kind not in THINGS[prefix].seen_by
    }
    for call in [call for call in known() if call.op.method == "get"]:
        op = call.op
        if role not in op.roles:
            continue
        mine = {place.name: worlds.mine.shown(place.prefix, kind) for place in call.places}
        response = ask(client, call, mine)
        # The house's trail tells of the keys and members of everybody, which it does not list.
        hidden = theirs if (kind, op.name) != ("house", "audit_records_list") else others
        by_design = SIGNED_FOR_ALL.get(op.name, frozenset())
        hidden = others | {shown for shown in hidden if shown[:3] not in by_design}
        content = opened(response.content)
        told = {shown for shown in hidden if shown.encode() in content}
        assert not told, f"{op.path} tells {role} of {told}"
        path = op.path_with(mine)
        for name in op.parameters if role in FIRST_OF_KIND else ():
            if (prefix := PARAMETERS.get(name)) is None:
                continue
            absent = show(prefix, new_id())
            nobodys = seen(client.http.get(path, {name: absent}, headers=client.headers()), absent)
            for shown in worlds.foreign(Place(op=op, name=name, prefix=prefix), kind):
                found = client.http.get(path, {name: shown}, headers=client.headers())
                assert seen(found, shown) == nobodys, f"{op.path}?{name}= as {role}"


def test_ones_own_is_found_wherever_anothers_is_not(worlds: Worlds) -> None:
    """The other way round: the ids tried above are real, and somebody's role opens each of them."""
    for call in known():
        answers: dict[str, int] = {}
        for role in call.op.roles:
            kind = KIND_OF_ROLE[role]
            mine = {place.name: worlds.mine.shown(place.prefix, kind) for place in call.places}
            answers[role] = ask(worlds.clients[role], call, mine).status_code
            if answers[role] < 300:
                break
        told = f"{call.op.method.upper()} {call.op.path}: {answers}"
        if call.op.name in FOR_THE_OTHER_SIDE:
            assert set(answers.values()) == {403}, told
            continue
        reached = [status for status in answers.values() if status not in (403, 404)]
        assert reached, told
        assert max(reached) < 500, told


def test_who_owns_a_half_hears_of_that_half_alone(worlds: Worlds) -> None:
    mine, strangers = worlds.mine.holder, worlds.strangers.holder
    shared = build_subject(mine, owners={mine: 1, strangers: 1})
    build_batch(worlds.mine.platform, [Made(subjects=shared, licensed=True)], now=SETTLED_AT)
    line = RoyaltyLine.objects.get(run=settle(worlds.mine))
    told = {
        role: set(client.get(f"/explanations/{line.shown_id}").json()["entries"])
        for role, client in worlds.clients.items()
        if role in ("owner", "preparer")
    }
    assert len(told["owner"]) == 1
    assert told["owner"] < told["preparer"]


def test_every_kind_of_thing_that_is_named_is_known() -> None:
    """An endpoint is walked once `tests/scenarios/tenants.py` knows what its ids name."""
    unknown = {
        f"{op.method.upper()} {op.path}: {place.prefix}"
        for op in OPERATIONS
        for call in calls_of(op)
        for place in call.places
        if place.prefix not in THINGS
    }
    assert not unknown, f"add to COLLECTIONS or THINGS: {sorted(unknown)}"
    for op in OPERATIONS:
        plain_ones = sum(f"{{{name}}}" in op.path for name in PLAIN)
        named = len(path_places(op)) + plain_ones
        assert op.path.count("{") == named, f"{op.path}: an id follows a collection"
