"""A fuzzer over the API's own document: whatever fits it, or nearly does, is never a 500."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.client import ApiClient
from tests.licensing.builders import build_holder, build_house, build_platform
from tests.scenarios.schema import Operation, document, operations

pytestmark = pytest.mark.django_db
EXAMPLES = 8
CALLERS = ("holder", "platform", "preparer", "approver")


@schemathesis.serializer("application/x-ndjson")
def ndjson(context: Any, value: Any) -> bytes:
    """Whatever is drawn for a body of lines: text as it is, anything else as JSON."""
    return (
        value.encode("utf-8", "replace") if isinstance(value, str) else json.dumps(value).encode()
    )


@lru_cache(maxsize=1)
def fuzzed() -> Any:
    return schemathesis.openapi.from_dict(document())


@pytest.fixture
def clients() -> dict[str, ApiClient]:
    households = {
        "holder": build_holder(),
        "platform": build_platform(),
        "preparer": build_house(role="preparer"),
        "approver": build_house(role="approver"),
    }
    return {name: ApiClient(house.actor, raise_errors=False) for name, house in households.items()}


@pytest.mark.parametrize("op", operations(), ids=lambda op: op.name)
def test_nothing_that_is_sent_is_a_500(op: Operation, clients: dict[str, ApiClient]) -> None:
    found = fuzzed()[op.path][op.method.upper()]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=found.as_strategy(), caller=st.sampled_from(CALLERS))
    def send(case: Any, caller: str) -> None:
        request = case.as_transport_kwargs(base_url="http://testserver")
        client = clients[caller]
        body = request.get("data") or b""
        if "json" in request:
            body = json.dumps(request["json"]).encode()
        if isinstance(body, str):
            body = body.encode("utf-8", "surrogatepass")
        response = client.http.generic(
            op.method.upper(),
            case.formatted_path,
            data=body if isinstance(body, bytes) else b"{}",
            content_type=next(iter(op.media_types), "application/json"),
            query_params=request.get("params") or {},
            headers=client.headers(),
        )
        assert response.status_code < 500, (response.status_code, response.content[:500])
        if response.status_code >= 400:
            assert response["Content-Type"] == "application/problem+json"

    send()
