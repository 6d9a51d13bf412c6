"""Whatever is sent to whichever operation: a clear problem, never a 500, and nothing left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.apps import apps
from django.db import connection

from licensing.access.roles import ALL_SCOPES
from tests.client import ApiClient, assert_problem
from tests.licensing.builders import build_holder, build_house, build_platform
from tests.scenarios.schema import Operation, operations

pytestmark = pytest.mark.django_db

OPERATIONS = operations()
WRITES = [op for op in OPERATIONS if op.method in ("post", "patch", "put")]
JSON_WRITES = [op for op in WRITES if not op.media_types or "application/json" in op.media_types]
WITH_BODY = [op for op in JSON_WRITES if op.needs_body]
LISTS = [op for op in OPERATIONS if op.method == "get" and op.name.endswith("_list")]


def by_name(found: list[Operation]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("op", found, ids=lambda op: op.name)


BROKEN_BODIES = {
    "cut short": (b'{"a": 1', 400),
    "a comment": (b"{} // no", 400),
    "two documents": (b"{} {}", 400),
    "not UTF-8": (b'{"a": "\xff"}', 400),
    "a byte order mark": (b"\xef\xbb\xbf{}", 400),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), 400),
    "a key twice": (b'{"a": 1, "a": 1}', 400),
    "too deep": (b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", 400),
    "NaN": (b'{"a": NaN}', 400),
    "5,000 digits": (b'{"a": ' + b"9" * 5000 + b"}", 400),
    "null": (b"null", 400),
    "a string": (b'"text"', 400),
    "a list": (b"[]", 400),
    "a NUL": (b'{"a": "\\u0000"}', 400),
    "half a surrogate pair": (b'{"a": "\\ud800"}', 400),
    "more than a megabyte": (b'{"a": "' + b"x" * 1_100_000 + b'"}', 413),
}
BROKEN_TYPES = {
    "XML": "application/xml",
    "text": "text/plain",
    "a form": "application/x-www-form-urlencoded",
    "a multipart form": "multipart/form-data; boundary=x",
    "another charset": "application/json; charset=iso-8859-1",
}


@pytest.fixture
def clients() -> dict[str, ApiClient]:
    """One client a kind of organisation, each with every scope there is for its role."""
    households = {
        "holder": build_holder(),
        "platform": build_platform(),
        "preparer": build_house(role="preparer"),
        "approver": build_house(role="approver"),
    }
    return {name: ApiClient(house.actor) for name, house in households.items()}


def allowed(op: Operation, clients: dict[str, ApiClient], *args: object) -> Iterator[ApiClient]:
    """The clients whose role carries the operation's scope: those that do not hear 403."""
    for client in clients.values():
        if send(client, op, b"{}").status_code != 403:
            yield client


def send(client: ApiClient, op: Operation, raw: bytes, content_type: str = "application/json"):  # type: ignore[no-untyped-def]
    return getattr(client.http, op.method)(
        op.path_with(), data=raw, content_type=content_type, headers=client.headers()
    )


def call(client: ApiClient, op: Operation, headers: dict[str, str]):  # type: ignore[no-untyped-def]
    """The operation with these headers and as little else as it takes."""
    if op.method == "get":
        return client.http.get(op.path_with(), headers=headers)
    return getattr(client.http, op.method)(
        op.path_with(), data=b"{}", content_type="application/json", headers=headers
    )


def row_counts() -> dict[str, int]:
    """How many rows each of our tables has."""
    with connection.cursor() as cursor:
        counts = {}
        for model in apps.get_models(include_auto_created=True):
            table = model._meta.db_table
            if model._meta.managed and not table.startswith(("django_", "auth_")):
                cursor.execute(f'SELECT count(*) FROM "{table}"')
                counts[table] = cursor.fetchone()[0]
    return counts


@by_name(JSON_WRITES)
def test_a_body_that_cannot_be_read_is_refused_and_leaves_nothing(
    op: Operation, clients: dict[str, ApiClient]
) -> None:
    able = list(allowed(op, clients))
    assert able, f"no role may call {op.name}"
    before = row_counts()
    for client in able:
        for name, (body, status) in BROKEN_BODIES.items():
            response = send(client, op, body)
            assert response.status_code == status, (op.name, name, response.content[:300])
            assert_problem(response, status)
        for name, content_type in BROKEN_TYPES.items():
            response = send(client, op, b'{"a": 1}', content_type)
            assert response.status_code == 415, (op.name, name, response.content[:300])
            assert_problem(response, 415)
    after = row_counts()
    assert after == before


@by_name(WITH_BODY)
def test_an_empty_body_and_an_unknown_field_are_refused(
    op: Operation, clients: dict[str, ApiClient]
) -> None:
    for client in allowed(op, clients):
        empty = send(client, op, b"")
        if empty.status_code == 404:
            continue  # the thing in the path comes first, and it does not exist
        assert_problem(empty, 400, "not_json")
        problem = assert_problem(send(client, op, json.dumps({"no_such_field": 1}).encode()), 400)
        assert {"/no_such_field", "unknown_field"} <= {
            word for fault in problem["errors"] for word in (fault["pointer"], fault["code"])
        }


@by_name(OPERATIONS)
def test_without_a_key_there_is_nothing_to_see(op: Operation) -> None:
    for headers in ({}, {"Authorization": "Bearer ak_test_nope"}, {"Authorization": "Basic eDp5"}):
        response = call(ApiClient(), op, headers)
        assert_problem(response, 401)
        assert response["WWW-Authenticate"].startswith("Bearer")


@by_name(OPERATIONS)
def test_a_key_without_the_scope_is_told_so(op: Operation) -> None:
    house = build_house(role="auditor")
    client = ApiClient(replace(house.actor, scopes=frozenset()))
    response = call(client, op, client.headers())
    if op.name == "me":
        assert response.status_code == 200
    else:
        assert_problem(response, 403, "scope_missing")


@by_name(LISTS)
def test_lists_refuse_parameters_they_cannot_read(
    op: Operation, clients: dict[str, ApiClient]
) -> None:
    queries = [
        "?q=%00", "?limit=1000000000", "?limit=0", "?limit=1_0", "?limit=%D9%A1", "?cursor=forged",
        "?cursor=", "?no_such_parameter=1", "?limit=1&limit=2",
        "?" + "&".join(f"p{n}=1" for n in range(1100)),
    ]  # fmt: skip
    able = [
        client
        for client in clients.values()
        if client.http.get(op.path_with(), headers=client.headers()).status_code != 403
    ]
    assert able, f"no role may call {op.name}"
    for client in able:
        if client.http.get(op.path_with(), headers=client.headers()).status_code == 404:
            continue
        for query in queries:
            response = client.http.get(op.path_with() + query, headers=client.headers())
            assert_problem(response, 400)


def test_scopes_are_all_used() -> None:
    """A scope nobody asks for is a promise nobody keeps."""
    asked = set()
    from django.urls import get_resolver

    from ledger.windows import Window

    def walk(patterns: list) -> None:  # type: ignore[type-arg]
        for pattern in patterns:
            if hasattr(pattern, "url_patterns"):
                walk(pattern.url_patterns)
            else:
                view = getattr(pattern.callback, "cls", None)
                if view is not None and issubclass(view, Window):
                    asked.update(view.scopes.values())

    walk(get_resolver().url_patterns)
    assert asked <= ALL_SCOPES
