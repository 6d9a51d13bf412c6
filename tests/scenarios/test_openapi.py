"""The OpenAPI document is complete: no warning, an example for every body, a name for everything."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr

import pytest
from django.core.management import call_command
from django.test import Client

from tests.scenarios.schema import Operation, document, operations, plain


def test_it_is_version_3_1_and_made_without_a_warning() -> None:
    errors, output = io.StringIO(), io.StringIO()
    with redirect_stderr(errors):
        call_command(
            "spectacular", "--fail-on-warn", "--validate", "--format", "openapi-json", stdout=output
        )
    assert "arning" not in errors.getvalue()
    assert json.loads(output.getvalue())["openapi"].startswith("3.1")


@pytest.mark.parametrize("op", operations(), ids=lambda op: op.name)
def test_every_operation_says_what_it_does_with_an_example(op: Operation) -> None:
    assert op.spec.get("summary"), f"{op.name} has no summary"
    assert op.spec.get("description"), f"{op.name} has no description"
    assert op.spec.get("security") == [{"apiKey": []}]
    assert "default" in op.spec["responses"]
    for media_type, content in op.spec.get("requestBody", {}).get("content", {}).items():
        assert content.get("examples"), f"{op.name} has no example of {media_type}"
        if media_type == "application/json":
            assert plain(content["schema"]).get("additionalProperties") is False
    answers = [
        content
        for status, answer in op.spec["responses"].items()
        if status.startswith("2")
        for media_type, content in answer.get("content", {}).items()
        if media_type == "application/json"
    ]
    for content in answers:
        assert content.get("examples"), f"{op.name} has no example of its answer"


@pytest.mark.parametrize("op", operations(), ids=lambda op: op.name)
def test_what_is_answered_in_pages_is_named_a_list(op: Operation) -> None:
    """The name gives an operation its `limit` and `cursor`, and the tests that go with them."""
    content = op.spec["responses"].get("200", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    assert schema.get("$ref", "").endswith("Page") == op.name.endswith("_list")


def test_operations_are_named_once() -> None:
    names = [op.name for op in operations()]
    assert len(names) == len(set(names))
    assert document()["info"]["title"] == "Assent"


@pytest.mark.django_db
def test_the_document_and_its_page_are_served() -> None:
    client = Client()
    assert client.get("/api/schema/").status_code == 200
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assert b"swagger" in page.content.lower()
