"""A fuzzer over the API's own document: whatever fits it, or nearly does, is never a 500."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pytest
import schemathesis
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.client import ApiClient
from tests.scenarios.schema import (
    NDJSON,
    Operation,
    document,
    ids_in,
    operations,
    put,
    schema_of,
)
from tests.scenarios.tenants import KIND_OF_ROLE, Side, build_side, clients_of

pytestmark = pytest.mark.django_db
EXAMPLES = 8


@schemathesis.serializer(NDJSON)
def ndjson(context: Any, value: Any) -> bytes:
    """Whatever is drawn for a body of lines: text as it is, anything else as JSON."""
    return (
        value.encode("utf-8", "replace") if isinstance(value, str) else json.dumps(value).encode()
    )


@lru_cache(maxsize=1)
def fuzzed() -> Any:
    return schemathesis.openapi.from_dict(document())


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A little world with a row of everything, and a client for each role."""

    side: Side
    clients: dict[str, ApiClient]


@pytest.fixture(scope="module")
def scene(stage: None) -> Scene:
    side = build_side("test").fill()
    clients = clients_of(side, raise_errors=False)
    connection.check_constraints()
    return Scene(side=side, clients=clients)


def name_things(op: Operation, said: Any, side: Side, kind: str) -> None:
    """Puts ids of things that are there in place of the body's own."""
    for pointer, prefix in list(ids_in(schema_of(op), said)):
        put(said, pointer, side.shown(prefix, kind))


@pytest.mark.parametrize("op", operations(), ids=lambda op: op.name)
def test_nothing_that_is_sent_is_a_500(op: Operation, scene: Scene) -> None:
    found = fuzzed()[op.path][op.method.upper()]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=found.as_strategy(), role=st.sampled_from(op.roles), found_there=st.booleans())
    def send(case: Any, role: str, found_there: bool) -> None:
        request = case.as_transport_kwargs(base_url="http://testserver")
        client = scene.clients[role]
        body = request.get("data") or b""
        if "json" in request:
            said = request["json"]
            if found_there:
                name_things(op, said, scene.side, KIND_OF_ROLE[role])
            body = json.dumps(said).encode()
        if isinstance(body, str):
            body = body.encode("utf-8", "surrogatepass")
        with transaction.atomic():
            response = client.http.generic(
                op.method.upper(),
                # Of things that are there, so that the verbs are reached, or of any.
                scene.side.path(op, role) if found_there else case.formatted_path,
                data=body if isinstance(body, bytes) else b"{}",
                content_type=next(iter(op.media_types), "application/json"),
                query_params=request.get("params") or {},
                headers=client.headers(),
            )
            transaction.set_rollback(True)
        assert response.status_code < 500, (response.status_code, response.content[:500])
        if response.status_code >= 400:
            assert response["Content-Type"] == "application/problem+json"

    send()
