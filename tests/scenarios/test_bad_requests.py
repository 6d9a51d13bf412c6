"""Whatever is sent to whichever operation: a clear problem, never a 500, and nothing left behind."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from licensing.access.keys import digest_of, revoke
from licensing.access.models import ApiKey
from licensing.access.roles import ALL_SCOPES
from tests.client import ApiClient, assert_problem
from tests.scenarios.schema import Operation, document, operations
from tests.scenarios.tenants import Side, bodies_of, build_side, clients_of, person_in

pytestmark = pytest.mark.django_db

OPERATIONS = operations()
WRITES = [op for op in OPERATIONS if op.method in ("post", "patch", "put")]
JSON_WRITES = [op for op in WRITES if not op.media_types or "application/json" in op.media_types]
WITH_BODY = [op for op in JSON_WRITES if op.needs_body]
POSTS = [op for op in OPERATIONS if op.method == "post"]
PATHS = {path: [op for op in OPERATIONS if op.path == path] for path in document()["paths"]}
LISTS = [op for op in OPERATIONS if op.method == "get" and op.name.endswith("_list")]
ASKED = [op for op in OPERATIONS if op.method == "get" and op.parameters and op not in LISTS]


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
    "Infinity": (b'{"a": -Infinity}', 400),
    "5,000 digits": (b'{"a": ' + b"9" * 5000 + b"}", 400),
    "null": (b"null", 400),
    "a string": (b'"text"', 400),
    "a list": (b"[]", 400),
    "a NUL": (b'{"a": "\\u0000"}', 400),
    "a NUL in a key": (b'{"\\u0000": 1}', 400),
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


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A little world with a row of everything, and a client for each role."""

    side: Side
    clients: dict[str, ApiClient]
    nobody: ApiClient

    def able(self, op: Operation) -> tuple[ApiClient, str]:
        """A client that may call the operation, and its path with ids the client may use."""
        assert op.roles, f"no role may call {op.name}"
        role = op.roles[0]
        return self.clients[role], self.side.path(op, role)


@pytest.fixture(scope="module")
def scene(stage: None) -> Scene:
    side = build_side("test").fill()
    clients = clients_of(side)
    auditor = person_in(side, "auditor")
    nobody = ApiClient(replace(auditor, scopes=frozenset()))
    connection.check_constraints()
    return Scene(side=side, clients=clients, nobody=nobody)


@pytest.fixture(scope="module")
def stranger() -> ApiClient:
    return ApiClient()


@pytest.fixture(scope="module")
def ended(scene: Scene) -> list[ApiClient]:
    """Clients whose key was revoked, and whose key has expired."""
    owner = person_in(scene.side, "owner")
    clients = [ApiClient(owner), ApiClient(owner)]
    revoked, expired = (ApiKey.objects.get(digest=digest_of(each.secret)) for each in clients)
    revoke(actor=owner, now=timezone.now(), key=revoked)
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    return clients


def send(  # type: ignore[no-untyped-def]
    client: ApiClient, op: Operation, path: str, raw: bytes, content_type: str = "application/json"
):
    return getattr(client.http, op.method)(
        path, data=raw, content_type=content_type, headers=client.headers({"If-Match": '"1"'})
    )


def call(  # type: ignore[no-untyped-def]
    client: ApiClient, op: Operation, headers: dict[str, str], path: str = "", body: bytes = b"{}"
):
    """The operation with these headers and as little else as it takes."""
    path = path or op.path_with()
    if op.method == "get":
        return client.http.get(path, headers=headers)
    return getattr(client.http, op.method)(
        path,
        data=body,
        content_type=next(iter(op.media_types), "application/json"),
        headers=headers,
    )


def row_counts() -> dict[str, int]:
    """How many rows each of our tables has."""
    tables = [
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.db_table.startswith(("django_", "auth_"))
    ]
    counts = (f"SELECT '{table}', count(*) FROM \"{table}\"" for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(counts))
        return dict(cursor.fetchall())


@by_name(JSON_WRITES)
def test_a_body_that_cannot_be_read_is_refused_and_leaves_nothing(
    op: Operation, scene: Scene
) -> None:
    client, path = scene.able(op)
    before = row_counts()
    for name, (body, status) in BROKEN_BODIES.items():
        response = send(client, op, path, body)
        assert response.status_code == status, (op.name, name, response.content[:300])
        assert_problem(response, status)
    for name, content_type in BROKEN_TYPES.items():
        response = send(client, op, path, b'{"a": 1}', content_type)
        assert response.status_code == 415, (op.name, name, response.content[:300])
        assert_problem(response, 415)
    assert row_counts() == before


@by_name(WITH_BODY)
def test_an_empty_body_and_an_unknown_field_are_refused(op: Operation, scene: Scene) -> None:
    client, path = scene.able(op)
    assert_problem(send(client, op, path, b""), 400, "not_json")
    unknown = json.dumps({"no_such_field": 1}).encode()
    problem = assert_problem(send(client, op, path, unknown), 400)
    told = {(fault["pointer"], fault["code"]) for fault in problem["errors"]}
    assert ("/no_such_field", "unknown_field") in told


@by_name(OPERATIONS)
def test_without_a_key_there_is_nothing_to_see(op: Operation, stranger: ApiClient) -> None:
    for headers in ({}, {"Authorization": "Bearer ak_test_nope"}, {"Authorization": "Basic eDp5"}):
        response = call(stranger, op, headers)
        assert_problem(response, 401)
        assert response["WWW-Authenticate"].startswith("Bearer")


@by_name(OPERATIONS)
def test_a_key_without_the_scope_is_told_so(op: Operation, scene: Scene) -> None:
    response = call(scene.nobody, op, scene.nobody.headers())
    if op.name == "me":
        assert response.status_code == 200
    else:
        assert_problem(response, 403, "scope_missing")


@by_name(OPERATIONS)
def test_a_key_that_is_over_is_none(op: Operation, ended: list[ApiClient]) -> None:
    for client in ended:
        response = call(client, op, client.headers())
        assert_problem(response, 401, "not_authenticated")
        assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", PATHS)
def test_a_method_that_is_none_names_those_that_are(path: str, scene: Scene) -> None:
    ops = PATHS[path]
    client, there = scene.able(ops[0])
    offered = {op.method for op in ops}
    for method in {"get", "post", "put", "patch", "delete"} - offered:
        response = getattr(client.http, method)(
            there, content_type="application/json", headers=client.headers()
        )
        assert_problem(response, 405, "method_not_allowed")
        named = {each.strip().lower() for each in response["Allow"].split(",")}
        assert named == offered | {"options"} | ({"head"} if "get" in offered else set())


@by_name(POSTS)
def test_an_idempotency_key_that_is_none_is_refused(op: Operation, scene: Scene) -> None:
    client, path = scene.able(op)
    before = row_counts()
    for key in ("x" * 256, "tab\there", "café", ""):
        response = client.http.post(
            path,
            data=b"{}",
            content_type=next(iter(op.media_types), "application/json"),
            headers=client.headers({"Idempotency-Key": key}),
        )
        assert_problem(response, 400, "bad_idempotency_key")
    assert row_counts() == before


@by_name(OPERATIONS)
def test_parameters_that_hold_a_nul_or_are_a_thousand_are_refused(
    op: Operation, scene: Scene
) -> None:
    client, path = scene.able(op)
    for query in ("q=%00", "&".join(f"p{n}=1" for n in range(1100))):
        response = call(client, op, client.headers({"If-Match": '"1"'}), f"{path}?{query}")
        assert response.status_code == 400, (op.name, query[:20], response.content[:300])
        assert_problem(response, 400)


@by_name([op for op in OPERATIONS if op.collections])
def test_an_id_that_cannot_be_is_not_found(op: Operation, scene: Scene) -> None:
    client, _ = scene.able(op)
    body = json.dumps(bodies_of(op)[0]).encode()
    for name in op.collections:
        for text in ("1e3", "%00", "9" * 5000, "%ff", "..%2f", "chr_" + "z" * 26):
            path = op.path_with({name: text})
            response = call(client, op, client.headers({"If-Match": '"1"'}), path, body)
            assert_problem(response, 404, "not_found")


@by_name(LISTS)
def test_lists_refuse_parameters_they_cannot_read(op: Operation, scene: Scene) -> None:
    queries = [
        "q=%00", "limit=1000000000", "limit=0", "limit=1_0", "limit=%D9%A1", "cursor=forged",
        "cursor=", "no_such_parameter=1", "limit=1&limit=2",
        "&".join(f"p{n}=1" for n in range(1100)),
    ]  # fmt: skip
    client, path = scene.able(op)
    assert client.http.get(path, headers=client.headers()).status_code == 200
    for query in [*queries, *unreadable(op)]:
        assert_refused(client, f"{path}?{query}")


@by_name(ASKED)
def test_so_do_the_others_that_take_any(op: Operation, scene: Scene) -> None:
    client, path = scene.able(op)
    for query in ["no_such_parameter=1", *unreadable(op)]:
        assert_refused(client, f"{path}?{query}")


def unreadable(op: Operation) -> list[str]:
    """Queries that no parameter of the operation can be read from."""
    return [query for name in op.parameters for query in (f"{name}=%00", f"{name}=1&{name}=1")]


def assert_refused(client: ApiClient, url: str) -> None:
    response = client.http.get(url, headers=client.headers())
    assert response.status_code == 400, (url[:200], response.content[:300])
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
    assert asked == ALL_SCOPES
