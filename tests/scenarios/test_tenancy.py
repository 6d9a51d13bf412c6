"""What isn't yours looks exactly like what doesn't exist: every endpoint, every role.

The operations are found in the API's own document. An id stands in a path, in a body (its schema
has an id's pattern) or in a list's parameter; each is tried with the ids of a stranger of the same
mode and of the other mode, and the answer is compared with that for an id nobody has.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.urls import resolve

from ledger.ids import new_id, show
from licensing.access.roles import SCOPES_OF_ROLE
from tests.client import ApiClient
from tests.scenarios.schema import Operation, document, operations
from tests.scenarios.tenants import (
    BODIES,
    COLLECTIONS,
    COUNTERPARTIES,
    KIND_OF_ROLE,
    PARAMETERS,
    THINGS,
    Side,
    build_side,
    person_in,
)

pytestmark = pytest.mark.django_db

ROLES = sorted(SCOPES_OF_ROLE)
OPERATIONS = operations()
_ID = re.compile(r"\^([a-z]{3})_")
_PARAMETER = re.compile(r"([\w.-]+)/\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an operation takes an id: a path's parameter, or a JSON pointer into its body."""

    op: Operation
    name: str
    prefix: str

    def __str__(self) -> str:
        return f"{self.op.method.upper()} {self.op.path} at {self.name}"

    @property
    def in_path(self) -> bool:
        return not self.name.startswith("/")


@dataclass(frozen=True, kw_only=True)
class Worlds:
    """Mine, a stranger's in my mode, and the other mode's."""

    mine: Side
    strangers: Side
    other_mode: Side

    def foreign(self, place: Place, kind: str) -> Iterator[str]:
        """Ids of things the kind may not see, where there is nothing by design against it."""
        by_design = (place.op.name, place.name) in COUNTERPARTIES
        if kind not in THINGS[place.prefix].seen_by and not by_design:
            yield self.strangers.shown(place.prefix, kind)
        yield self.other_mode.shown(place.prefix, kind)


@pytest.fixture
def worlds() -> Worlds:
    return Worlds(
        mine=build_side("test"), strangers=build_side("test"), other_mode=build_side("live")
    )


def path_places(op: Operation) -> list[Place]:
    """The ids in the path. A collection this test does not know fails it."""
    found = []
    for collection, name in _PARAMETER.findall(op.path):
        assert collection in COLLECTIONS, (
            f"{op.path}: say in tests/scenarios/tenants.py what an id after {collection!r} is"
        )
        found.append(Place(op=op, name=name, prefix=COLLECTIONS[collection]))
    assert len(found) == op.path.count("{"), f"{op.path}: an id stands after a collection's name"
    return found


def example_of(op: Operation) -> Any:
    """A body of the operation: the document's first example."""
    if op.name in BODIES:
        return copy.deepcopy(BODIES[op.name])
    content = op.spec.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    examples: dict[str, Any] = content.get("examples") or {"none": {"value": {}}}
    return copy.deepcopy(next(iter(examples.values()))["value"])


def schema_of(op: Operation) -> dict[str, Any]:
    content = op.spec.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema: dict[str, Any] = content.get("schema", {})
    return schema


def plain(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, behind its reference and what it may be besides null."""
    while True:
        if "$ref" in schema:
            schema = document()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
        elif options := [o for o in schema.get("oneOf", schema.get("allOf", ())) if o]:
            schema = next((o for o in options if o.get("type") != "null"), options[0])
        else:
            return schema


def body_places(op: Operation, schema: dict[str, Any], value: Any, at: str = "") -> Iterator[Place]:
    """Where `value` holds an id or, one level inside an object it holds, could hold one."""
    schema = plain(schema)
    if match := _ID.match(schema.get("pattern", "")):
        yield Place(op=op, name=at, prefix=match[1])
    elif isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if name in value or _ID.match(plain(inner).get("pattern", "")):
                yield from body_places(op, inner, value.get(name), f"{at}/{name}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from body_places(op, schema.get("items", {}), inner, f"{at}/{position}")


def put(body: Any, pointer: str, value: str) -> None:
    """Writes `value` where the JSON pointer says."""
    *steps, last = pointer.split("/")[1:]
    for step in steps:
        body = body[int(step)] if isinstance(body, list) else body[step]
    body[int(last) if isinstance(body, list) else last] = value


def places_of(op: Operation) -> list[Place]:
    return [*path_places(op), *body_places(op, schema_of(op), example_of(op))]


def scope_of(op: Operation) -> str | None:
    """The scope its window asks for."""
    view = resolve(op.path_with()).func.cls  # type: ignore[attr-defined]
    scope: str | None = view.scopes.get(op.method.upper())
    return scope


def ask(client: ApiClient, op: Operation, ids: dict[str, str]) -> Any:
    """Calls the operation with these ids in their places, and leaves nothing behind."""
    path = op.path_with({name: value for name, value in ids.items() if name[0] != "/"})
    headers = client.headers({"If-Match": '"1"'} if op.method in ("patch", "put", "post") else {})
    with transaction.atomic():
        if op.method == "get":
            response: Any = client.http.get(path, headers=headers)
        else:
            body = example_of(op) or {}
            for name, value in ids.items():
                if name.startswith("/"):
                    put(body, name, value)
            response = getattr(client.http, op.method)(
                path, json.dumps(body), content_type="application/json", headers=headers
            )
        transaction.set_rollback(True)
    return response


def seen(response: Any) -> tuple[int, str, Any]:
    """All of an answer that could tell two things apart."""
    body = response.content
    if response["Content-Type"].endswith("json"):
        document = json.loads(body)
        if isinstance(document, dict):
            document.pop("request_id", None)
        return response.status_code, response["Content-Type"], document
    return response.status_code, response["Content-Type"], body


@pytest.mark.parametrize("role", ROLES)
def test_anothers_id_is_answered_like_one_that_nobody_has(role: str, worlds: Worlds) -> None:
    kind = KIND_OF_ROLE[role]
    client = ApiClient(person_in(worlds.mine, role))
    for op in OPERATIONS:
        places = places_of(op)
        scope = scope_of(op)
        expected = 404 if scope is None or scope in SCOPES_OF_ROLE[role] else 403
        mine = {place.name: worlds.mine.shown(place.prefix, kind) for place in places}
        for place in places:
            nobodys = seen(ask(client, op, {**mine, place.name: show(place.prefix, new_id())}))
            assert nobodys[0] == expected, f"{place} as {role}: {nobodys}"
            assert nobodys[1] == "application/problem+json"
            for theirs in worlds.foreign(place, kind):
                found = seen(ask(client, op, {**mine, place.name: theirs}))
                assert found == nobodys, f"{place} as {role}"


@pytest.mark.parametrize("role", ROLES)
def test_a_list_holds_nothing_of_anybody_else(role: str, worlds: Worlds) -> None:
    """Neither whole nor narrowed to what is somebody else's."""
    kind = KIND_OF_ROLE[role]
    client = ApiClient(person_in(worlds.mine, role))
    theirs = {
        side.shown(prefix, kind_of_theirs)
        for prefix, thing in THINGS.items()
        for kind_of_theirs in set(KIND_OF_ROLE.values())
        for side in (worlds.strangers, worlds.other_mode)
        if side is worlds.other_mode or kind not in thing.seen_by
    }
    others = {shown for shown in theirs if shown in set(worlds.other_mode.rows.values())}
    for op in [op for op in OPERATIONS if op.method == "get"]:
        if scope_of(op) not in {None, *SCOPES_OF_ROLE[role]}:
            continue
        mine = {place.name: worlds.mine.shown(place.prefix, kind) for place in path_places(op)}
        response = ask(client, op, mine)
        # The house's trail tells of the keys and members of everybody, which it does not list.
        hidden = theirs if (kind, op.name) != ("house", "audit_records_list") else others
        told = {shown for shown in hidden if shown.encode() in response.content}
        assert not told, f"{op.path} tells {role} of {told}"
        for parameter in op.spec.get("parameters", ()):
            name, prefix = parameter["name"], PARAMETERS.get(parameter["name"])
            if parameter["in"] != "query" or prefix is None:
                continue
            path = op.path_with(mine)
            place = Place(op=op, name=name, prefix=prefix)
            nobodys = seen(
                client.http.get(path, {name: show(prefix, new_id())}, headers=client.headers())
            )
            for shown in worlds.foreign(place, kind):
                found = client.http.get(path, {name: shown}, headers=client.headers())
                assert seen(found) == nobodys, f"{op.path}?{name}= as {role}"


def test_ones_own_is_found_wherever_anothers_is_not(worlds: Worlds) -> None:
    """The other way round: the ids tried above are real, and somebody's role opens each of them."""
    clients = {role: ApiClient(person_in(worlds.mine, role)) for role in ROLES}
    for op in OPERATIONS:
        places = places_of(op)
        answers = {}
        for role, client in clients.items():
            kind = KIND_OF_ROLE[role]
            mine = {place.name: worlds.mine.shown(place.prefix, kind) for place in places}
            answers[role] = ask(client, op, mine).status_code
        reached = [status for status in answers.values() if status not in (403, 404)]
        assert reached, f"{op.method.upper()} {op.path} is found by nobody: {answers}"
        assert not [status for status in reached if status >= 500], (op.path, answers)


def test_every_kind_of_thing_that_is_named_is_known() -> None:
    named = {place.prefix for op in OPERATIONS for place in places_of(op)}
    assert named <= set(THINGS), (
        f"say in tests/scenarios/tenants.py how to build {sorted(named - set(THINGS))}"
    )
