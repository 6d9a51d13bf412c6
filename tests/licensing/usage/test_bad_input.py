"""What must not be taken in is refused with a clear problem, and leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from licensing.catalog.models import Subject
from tests.client import ApiClient, assert_problem
from tests.licensing.builders import build_platform
from tests.licensing.usage.builders import a_subject, jws, ndjson, report, rows

pytestmark = pytest.mark.django_db

NDJSON = "application/x-ndjson"


@pytest.fixture
def luna() -> Subject:
    return a_subject()


@pytest.fixture
def api() -> ApiClient:
    return ApiClient(build_platform().actor)


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    yield
    assert rows() == (0, 0, 0, 0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM access_auditrecord WHERE verb LIKE 'usage.%'")
        assert cursor.fetchone() == (0,)


LONG_TEXT = "x" * 17_000
# What is said instead of something sensible, where the fault is, and its code.
NONSENSE: list[tuple[str, Any, str, str]] = [
    ("occurred_at", "2026-10-01T12:00:00", "/occurred_at", "invalid_time"),
    ("occurred_at", "2026-10-01", "/occurred_at", "invalid_time"),
    ("occurred_at", "2026-10-01T12:00:60Z", "/occurred_at", "invalid_time"),
    ("occurred_at", "2026-10-01T24:00:00Z", "/occurred_at", "invalid_time"),
    ("occurred_at", "2026-10-01T12:00:00+25:00", "/occurred_at", "invalid_time"),
    ("occurred_at", "2026-02-30T12:00:00Z", "/occurred_at", "invalid_time"),
    ("occurred_at", "2026-02-30T12:00:00.5+01:00", "/occurred_at", "invalid_time"),
    ("occurred_at", "2026-W40-4T12:00:00Z", "/occurred_at", "invalid_time"),
    ("occurred_at", "2026-10-01 12:00:00Z", "/occurred_at", "invalid_time"),
    ("occurred_at", "٢٠٢٦-10-01T12:00:00Z", "/occurred_at", "invalid_time"),
    ("occurred_at", "2026-10-01T12:00:00Z\n", "/occurred_at", "invalid_time"),
    ("occurred_at", "0001-01-01T00:00:00+23:00", "/occurred_at", "invalid_time"),
    ("occurred_at", "1999-12-31T23:59:59Z", "/occurred_at", "invalid_time"),
    ("occurred_at", "9999-12-31T23:59:59Z", "/occurred_at", "in_the_future"),
    ("occurred_at", "9999-12-31T23:59:59-23:00", "/occurred_at", "invalid_time"),
    ("occurred_at", 1_790_000_000, "/occurred_at", "invalid"),
    ("occurred_at", None, "/occurred_at", "invalid"),
    ("seconds", 0, "/seconds", "out_of_range"),
    ("seconds", -1, "/seconds", "out_of_range"),
    ("seconds", 2**63, "/seconds", "out_of_range"),
    ("seconds", 2**64, "/seconds", "out_of_range"),
    ("seconds", 10**39, "/seconds", "out_of_range"),
    ("seconds", 1_000_001, "/seconds", "out_of_range"),
    ("seconds", "1_000", "/seconds", "invalid"),
    ("seconds", "١", "/seconds", "invalid"),
    ("seconds", " 1 ", "/seconds", "invalid"),
    ("seconds", "1", "/seconds", "invalid"),
    ("seconds", 1.0, "/seconds", "invalid"),
    ("seconds", 1.5, "/seconds", "invalid"),
    ("seconds", True, "/seconds", "invalid"),
    ("seconds", [1], "/seconds", "invalid"),
    ("medium", "smell", "/medium", "invalid_choice"),
    ("medium", "Image", "/medium", "invalid_choice"),
    ("medium", 3, "/medium", "invalid"),
    ("medium", "video", "/seconds", "required"),
    ("medium", "voice", "/seconds", "required"),
    ("territory", "UK", "/territory", "unknown_territory"),
    ("territory", "XX", "/territory", "unknown_territory"),
    ("territory", "us", "/territory", "unknown_territory"),
    ("territory", "", "/territory", "unknown_territory"),
    ("purpose", "fun", "/purpose", "unknown_purpose"),
    ("resolution", "1080p", "/resolution", "invalid"),
    ("resolution", "01x1", "/resolution", "invalid"),
    ("model", "x" * 101, "/model", "out_of_range"),
    ("external_id", "", "/external_id", "out_of_range"),
    ("external_id", "x" * 129, "/external_id", "out_of_range"),
    ("external_id", "a b", "/external_id", "invalid"),
    ("external_id", "a\n", "/external_id", "invalid"),
    ("external_id", "é", "/external_id", "invalid"),
    ("external_id", 1, "/external_id", "invalid"),
    ("subjects", [], "/subjects", "out_of_range"),
    ("subjects", {}, "/subjects", "invalid"),
    ("subjects", ["chr_x"], "/subjects/0", "invalid"),
    ("subjects", [{}], "/subjects/0/id", "required"),
    ("subjects", [{"id": 1}], "/subjects/0/id", "invalid"),
    ("subjects", [{"id": "chr_x"}], "/subjects/0/id", "unknown_subject"),
    ("subjects", [{"id": "chr_06evgh4c2xskgjz3kq1v6t9m8j"}], "/subjects/0/id", "unknown_subject"),
    ("subjects", [{"id": "plt_06evgh4c2xskgjz3kq1v6t9m8j"}], "/subjects/0/id", "unknown_subject"),
    ("subjects", [{"id": "chr_86evgh4c2xskgjz3kq1v6t9m8j"}], "/subjects/0/id", "unknown_subject"),
    ("parents", ["p"] * 2, "/parents", "duplicate_parent"),
    ("parents", [f"p{n}" for n in range(17)], "/parents", "out_of_range"),
    ("parents", ["itself"], "/parents/0", "lineage_cycle"),
    ("parents", "p", "/parents", "invalid"),
    ("receipt", "not a receipt", "/receipt", "receipt_malformed"),
    ("receipt", jws({}), "/receipt", "receipt_malformed"),
    ("receipt", LONG_TEXT, "/receipt", "out_of_range"),
    ("receipt", {}, "/receipt", "invalid"),
    ("metadata", {"k": LONG_TEXT}, "/metadata", "metadata_too_large"),
    ("metadata", {f"k{n}": 1 for n in range(51)}, "/metadata", "out_of_range"),
    ("metadata", [], "/metadata", "invalid"),
    ("metadata", {"Prompt": "a cat"}, "/metadata", "prompt_not_kept"),
]


def ids(cases: list[tuple[str, Any, str, str]]) -> list[str]:
    return [f"{name}={str(value)[:30]!r}" for name, value, _, _ in cases]


@pytest.mark.parametrize("case", NONSENSE, ids=ids(NONSENSE))
def test_a_report_that_makes_no_sense(
    api: ApiClient, luna: Subject, case: tuple[str, Any, str, str]
) -> None:
    name, value, pointer, code = case
    said = {**report(luna, external_id="itself"), name: value}
    problem = assert_problem(api.post("/generations", said), 422, code)
    assert [(fault["pointer"], fault["code"]) for fault in problem["errors"]] == [(pointer, code)]
    body = ndjson([report(luna), said, report(luna)])
    problem = assert_problem(
        api.post("/generation-batches", body, content_type=NDJSON), 422, "bad_lines"
    )
    assert [(fault["pointer"], fault["code"]) for fault in problem["errors"]] == [
        (f"/2{pointer}", code)
    ]


def test_more_than_five_minutes_ahead(api: ApiClient, luna: Subject) -> None:
    ahead = timezone.now() + timedelta(minutes=6)
    said = report(luna, occurred_at=ahead.isoformat())
    assert_problem(api.post("/generations", said), 422, "in_the_future")


@pytest.mark.parametrize("name", ["external_id", "occurred_at", "medium", "subjects"])
def test_what_a_report_cannot_do_without(api: ApiClient, luna: Subject, name: str) -> None:
    said = report(luna)
    del said[name]
    problem = assert_problem(api.post("/generations", said), 422, "required")
    assert problem["errors"][0]["pointer"] == f"/{name}"


def test_a_subject_twice_and_too_many(api: ApiClient, luna: Subject) -> None:
    twice = report([luna, luna])
    assert_problem(api.post("/generations", twice), 422, "duplicate_subject")
    many = report(luna, subjects=[{"id": luna.shown_id}] * 33)
    assert_problem(api.post("/generations", many), 422, "out_of_range")
    for weight in (0, -1, 1_000_001, 1.5, "1"):
        said = report(luna, subjects=[{"id": luna.shown_id, "weight": weight}])
        problem = assert_problem(api.post("/generations", said), 422)
        assert problem["errors"][0]["pointer"] == "/subjects/0/weight"


@pytest.mark.parametrize("where", ["", "/subjects/0"])
def test_an_unknown_field(api: ApiClient, luna: Subject, where: str) -> None:
    said = report(luna)
    (said["subjects"][0] if where else said)["prompt"] = "a cat"
    problem = assert_problem(api.post("/generations", said), 400, "unknown_field")
    assert problem["errors"][0]["pointer"] == f"{where}/prompt"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"external_id": "a", "external_id": "b", %s}', "duplicate_key"),
        ('{"external_id": "a", "external_\\u0069d": "b", %s}', "duplicate_key"),
        ('{"external_id": "a", "metadata": {"a": 1, "a": 2}, %s}', "duplicate_key"),
        ('{"external_id": "a", "metadata": {"a": [{"b:": 1, "b:": ":::"}]}, %s}', "duplicate_key"),
        ('{"external_id": "a", "metadata": {"a": "\\u0000"}, %s}', "bad_text"),
        ('{"external_id": "a", "metadata": {"\\u0000": 1}, %s}', "bad_text"),
        ('{"external_id": "a", "metadata": {"a": "\\ud800 "}, %s}', "not_json"),
        ('{"external_id": "a", "model": "\\udc00", %s}', "not_json"),
        ('{"external_id": "a", "metadata": {"a": NaN}, %s}', "not_json"),
        ('{"external_id": "a", "metadata": {"a": 1e999}, %s}', "out_of_range"),
        ('{"external_id": "a", "metadata": {"a": ' + "9" * 5000 + "}, %s}", "bad_number"),
        ('{"external_id": "a", "metadata": {"a": ' + "[" * 40 + "]" * 40 + "}, %s}", "too_deep"),
        ('{"external_id": "a", "metadata": ' + '{"a":' * 20_000 + "1" + "}" * 20_000 + "%s}", ""),
        ('{"external_id": "a", %s', "not_json"),
        ('{"external_id": "a", %s} {}', "not_json"),
        ('{"external_id": "a", /* no */ %s}', "not_json"),
        ('["external_id", "%s"]', ""),
        ("null%.0s", ""),
        ('"%.0s"', ""),
        ("\ufeff{%s}", "not_json"),
    ],
)
def test_a_line_that_cannot_be_read(api: ApiClient, luna: Subject, text: str, code: str) -> None:
    rest = json.dumps(report(luna))[1:-1].split(", ", 1)[1]
    line = (text % rest).encode() if "%" in text else text.encode()
    assert_problem(api.post("/generations", line), 400)
    body = ndjson([report(luna)]) + line + b"\n"
    problem = assert_problem(
        api.post("/generation-batches", body, content_type=NDJSON), 422, "bad_lines"
    )
    assert len(problem["errors"]) == 1
    assert problem["errors"][0]["pointer"].startswith("/2")
    if code:
        assert problem["errors"][0]["code"] == code
