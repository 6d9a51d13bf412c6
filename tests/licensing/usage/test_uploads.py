"""Uploads over HTTP: what their bodies may be, and what is refused before a line is read."""

from __future__ import annotations

import gzip
import io
import json
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import LazySettings

from licensing.catalog.models import Subject
from licensing.usage import ingest, reading, uploads
from licensing.usage.lines import LINE_BYTES
from licensing.usage.models import Generation
from licensing.usage.writing import Writer
from tests.client import ApiClient, assert_problem
from tests.licensing.builders import Household, build_platform
from tests.licensing.usage.builders import NOW, a_subject, ndjson, report, rows

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

pytestmark = pytest.mark.django_db

NOTHING = (0, 0, 0, 0)


@pytest.fixture
def luna() -> Subject:
    return a_subject()


@pytest.fixture
def clips() -> Household:
    return build_platform()


@pytest.fixture
def api() -> ApiClient:
    return ApiClient(build_platform().actor)


def send(api: ApiClient, body: bytes, mode: str = "", **headers: str) -> Answer:
    path = "/generation-batches" + (f"?mode={mode}" if mode else "")
    content_type = headers.pop("content_type", "application/x-ndjson")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type:
        # The test client says nothing of a body that is empty.
        named["Content-Type"] = content_type
    return api.post(path, body, content_type=content_type, **named)


def test_an_upload_is_answered_with_its_sealed_batch(api: ApiClient, luna: Subject) -> None:
    body = ndjson([report(luna), report(luna)])
    first = send(api, body)
    assert first.status_code == 201
    batch = first.json()
    assert (batch["state"], batch["count"], batch["lines"]) == ("sealed", 2, 2)
    assert len(batch["content_hash"]) == 64
    again = send(api, body)
    assert again.status_code == 200
    assert again.json() == batch
    assert api.get(f"/generation-batches/{batch['id']}").json() == batch
    assert api.get("/generation-batches").json() == {"data": [batch], "next": None}


@pytest.mark.parametrize("twice", [False, True])
def test_gzip_is_taken_also_in_several_pieces(api: ApiClient, luna: Subject, twice: bool) -> None:
    first, second = ndjson([report(luna)]), ndjson([report(luna)])
    body = gzip.compress(first) + gzip.compress(second) if twice else gzip.compress(first + second)
    assert send(api, body, Content_Encoding="gzip").json()["count"] == 2


def test_an_idempotency_key_replays_the_answer(api: ApiClient, luna: Subject) -> None:
    body = ndjson([report(luna)])
    first = send(api, body, Idempotency_Key="k-1")
    again = send(api, body, Idempotency_Key="k-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again["Idempotent-Replayed"] == "true"
    assert again.content == first.content
    other = send(api, ndjson([report(luna)]), Idempotency_Key="k-1")
    assert_problem(other, 422, "idempotency_key_reused")
    assert rows()[1] == 1


def test_a_refused_upload_may_be_mended_under_its_key(api: ApiClient, luna: Subject) -> None:
    bad = report(luna, seconds=0)
    assert_problem(send(api, ndjson([bad]), Idempotency_Key="k-2"), 422, "bad_lines")
    mended = ndjson([{**bad, "seconds": 1}])
    assert send(api, mended, Idempotency_Key="k-2").status_code == 201


def test_a_replay_with_one_line_altered(api: ApiClient, luna: Subject) -> None:
    reports = [report(luna), report(luna)]
    assert send(api, ndjson(reports)).status_code == 201
    before = rows()
    altered = ndjson([reports[0], {**reports[1], "territory": "FR"}])
    problem = assert_problem(send(api, altered), 409, "generation_differs")
    assert problem["errors"][0]["pointer"] == "/2/external_id"
    assert rows() == before


def test_partial_mode_reports_the_bad_lines(api: ApiClient, luna: Subject) -> None:
    reports = [report(luna), report(luna, medium="smell"), report(luna)]
    batch = send(api, ndjson(reports), "partial").json()
    assert (batch["count"], batch["refused"]) == (2, 1)
    assert batch["refusals"] == [
        {
            "line": 2,
            "pointer": "/medium",
            "code": "invalid_choice",
            "detail": "Invalid enum value 'smell'.",
        }
    ]
    assert send(api, ndjson(reports), "partial").json() == batch
    assert_problem(send(api, ndjson(reports), "some"), 400, "bad_parameter")


def test_blank_lines_crlf_and_odd_separators(api: ApiClient, luna: Subject) -> None:
    odd = report(luna, model="a\u2028b\u0085c\u2029d", metadata={"k": "\u2028"})
    lines = [json.dumps(one, ensure_ascii=False).encode() for one in (odd, report(luna))]
    body = b"\n\r\n  \r\n" + lines[0] + b"\r\n\n" + lines[1]
    assert send(api, body).json()["count"] == 2
    kept = Generation.objects.get(external_id=odd["external_id"])
    assert (kept.model, kept.metadata) == (odd["model"], odd["metadata"])


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/plain", "application/ndjson", "multipart/form-data; boundary=x", "",
     "application/x-www-form-urlencoded", "application/x-ndjson; charset=iso-8859-1"],
)  # fmt: skip
def test_another_content_type(api: ApiClient, luna: Subject, content_type: str) -> None:
    body = ndjson([report(luna)])
    problem = send(api, body, content_type=content_type)
    assert_problem(problem, 415, "unsupported_media_type")
    assert rows() == NOTHING


def test_a_charset_is_utf_8(api: ApiClient, luna: Subject) -> None:
    content_type = 'application/x-ndjson; charset="UTF-8"'
    assert send(api, ndjson([report(luna)]), content_type=content_type).status_code == 201


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_ndjson"),
        (b"\n \r\n", "not_ndjson"),
        (b'[{"external_id": "a"}]', "not_ndjson"),
        (b"\n  [\n]", "not_ndjson"),
        (b'\xef\xbb\xbf{"external_id": "a"}', "not_ndjson"),
        ('{"external_id": "a"}'.encode("utf-16"), "not_ndjson"),
        ('{"external_id": "a"}'.encode("utf-16-le"), "not_ndjson"),
    ],
)
def test_a_body_that_is_not_ndjson(api: ApiClient, body: bytes, code: str) -> None:
    assert_problem(send(api, body), 400, code)
    assert rows() == NOTHING


def test_a_last_line_cut(api: ApiClient, luna: Subject) -> None:
    body = ndjson([report(luna), report(luna)])[:-20]
    problem = assert_problem(send(api, body), 422, "bad_lines")
    assert (problem["errors"][0]["pointer"], problem["errors"][0]["code"]) == ("/2", "not_json")
    assert rows() == NOTHING


def test_not_utf_8(api: ApiClient, luna: Subject) -> None:
    body = ndjson([report(luna, model="X")]).replace(b"X", b"\xff")
    problem = assert_problem(send(api, body), 422, "bad_lines")
    assert problem["errors"][0]["code"] == "not_json"
    assert rows() == NOTHING


@pytest.mark.parametrize("padding", [70_000, 600_000])
def test_a_line_over_64_kb(api: ApiClient, luna: Subject, padding: int) -> None:
    long = ndjson([report(luna)])[:-2] + b" " * padding + b"}\n"
    body = ndjson([report(luna)]) + long + ndjson([report(luna)])
    problem = assert_problem(send(api, body), 422, "bad_lines")
    assert [(fault["pointer"], fault["code"]) for fault in problem["errors"]] == [
        ("/2", "line_too_long")
    ]
    assert rows() == NOTHING


def test_more_lines_than_the_limit(api: ApiClient, luna: Subject, settings: LazySettings) -> None:
    settings.BATCH_MAX_LINES = 3
    reports = [report(luna) for _ in range(4)]
    for body in (ndjson(reports), ndjson(reports).rstrip(), ndjson(reports[:3]) + b"\n\nx"):
        assert_problem(send(api, body), 413, "too_large")
        assert rows() == NOTHING
    assert send(api, b"\n\n" + ndjson(reports[:3]) + b"\n\n").status_code == 201


def test_more_bytes_than_the_limit(api: ApiClient, luna: Subject, settings: LazySettings) -> None:
    body = ndjson([report(luna) for _ in range(10)])
    settings.BATCH_MAX_BYTES = len(body) - 1
    assert_problem(send(api, body), 413, "too_large")
    assert_problem(send(api, body, Idempotency_Key="k"), 413, "too_large")
    # Small when packed, but too large all the same.
    assert_problem(send(api, gzip.compress(body), Content_Encoding="gzip"), 413, "too_large")
    assert rows() == NOTHING
    settings.BATCH_MAX_BYTES = len(body)
    assert send(api, body).status_code == 201


def test_a_gzip_bomb(api: ApiClient, luna: Subject, settings: LazySettings) -> None:
    settings.BATCH_MAX_BYTES = 1024 * 1024
    for inner in (b"\n" * 50_000_000, b"x" * 50_000_000):
        bomb = gzip.compress(inner)
        assert len(bomb) < 100_000
        assert_problem(send(api, bomb, Content_Encoding="gzip"), 413, "too_large")
    assert rows() == NOTHING


@pytest.mark.parametrize("cut", [slice(0, -1), slice(0, 20), slice(5, None)])
def test_gzip_that_is_not_whole(api: ApiClient, luna: Subject, cut: slice) -> None:
    body = gzip.compress(ndjson([report(luna)]))[cut]
    assert_problem(send(api, body, Content_Encoding="gzip"), 400, "not_gzip")
    assert rows() == NOTHING


def test_gzip_with_something_behind_it(api: ApiClient, luna: Subject) -> None:
    body = gzip.compress(ndjson([report(luna)])) + b"garbage"
    assert_problem(send(api, body, Content_Encoding="gzip"), 400, "not_gzip")
    assert_problem(send(api, b"plain", Content_Encoding="gzip"), 400, "not_gzip")
    assert_problem(send(api, body, Content_Encoding="br"), 415, "unsupported_media_type")
    assert rows() == NOTHING


@pytest.mark.parametrize("key", ["", "k"])
def test_a_body_shorter_than_it_says(api: ApiClient, luna: Subject, key: str) -> None:
    body = ndjson([report(luna)] * 2)
    cut: dict[str, Any] = {"wsgi.input": io.BytesIO(body[: len(body) // 2])}
    response = api.http.generic(
        "POST",
        "/api/v1/generation-batches",
        body,
        content_type="application/x-ndjson",
        headers=api.headers({"Idempotency-Key": key} if key else {}),
        **cut,
    )
    assert_problem(response, 400, "cut_short")
    assert rows() == NOTHING


def test_pieces_may_be_of_any_size(luna: Subject) -> None:
    body = b"\r\nfirst\r\n\nsecond" + b"!" * 70_000 + b"\nthird"
    whole = list(uploads.numbered_lines(iter([body]), most_lines=9))
    assert [number for number, _ in whole] == [2, 4, 5]
    for size in (1, 2, 3, 7, 1000):
        pieces = (body[at : at + size] for at in range(0, len(body), size))
        found = list(uploads.numbered_lines(pieces, most_lines=9))
        assert [number for number, _ in found] == [2, 4, 5]
        assert (found[0], found[2]) == (whole[0], whole[2])
        assert len(found[1][1]) > LINE_BYTES


def test_nothing_more_is_read_once_a_slice_cannot_be_written(
    luna: Subject, clips: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not more than two slices ahead, and the thread that reads ends."""
    monkeypatch.setattr(reading, "LINES", 3)
    read: list[int] = []

    def lines() -> Iterator[tuple[int, bytes]]:
        for number in range(1, 1000):
            read.append(number)
            yield number, json.dumps(report(luna)).encode()

    def fail(*_: object) -> None:
        raise LookupError

    monkeypatch.setattr(Writer, "write", fail)
    with pytest.raises(LookupError):
        ingest.upload_batch(actor=clips.actor, now=NOW, lines=lines())
    assert len(read) <= 9
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ingest")]
    assert rows() == NOTHING
