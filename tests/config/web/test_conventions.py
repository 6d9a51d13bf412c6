"""What holds on every answer: request ids, problems, rate limits, health, and no 500 for a broken
database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from config.urls import handler400, handler403, handler404, handler500, urlpatterns
from ledger.errors import DomainError
from ledger.windows import Window
from licensing.catalog.models import Property
from tests.client import ApiClient, assert_problem
from tests.licensing.builders import build_holder, build_house, build_property

pytestmark = pytest.mark.django_db
SECRETS = ("SECRET_KEY", "RECEIPT_KEY_SECRET")
ROOT = Path(__file__).resolve().parents[3]


class CrashingWindow(Window):
    """A bug, as one might slip in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        raise ZeroDivisionError("a bug")


urlpatterns = [*urlpatterns, path("api/v1/crash", CrashingWindow.as_view())]
__all__ = ["handler400", "handler403", "handler404", "handler500"]


@pytest.mark.urls(__name__)
def test_even_a_bug_is_answered_with_a_problem() -> None:
    client = ApiClient(build_holder().actor, raise_errors=False)
    problem = assert_problem(client.get("/crash"), 500, "internal_error")
    assert "a bug" not in json.dumps(problem)


def test_an_address_that_is_none_is_a_problem_for_a_program_and_a_page_for_a_person() -> None:
    client = Client()
    assert_problem(client.get("/api/v1/no-such-thing"), 404, "not_found")
    assert_problem(client.get("/api/v2/anything"), 404, "not_found")
    page = client.get("/no-such-page", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert b"There is nothing at this address" in page.content


@pytest.mark.parametrize("tail", ["1e3", "%00", "9" * 5000, "..%2f", "prp_" + "z" * 26])
def test_an_id_that_cannot_be_is_not_found(tail: str) -> None:
    client = ApiClient(build_holder().actor)
    assert_problem(client.get(f"/properties/{tail}"), 404, "not_found")


def test_a_cursor_is_of_the_list_that_gave_it() -> None:
    client = ApiClient(build_house().actor)
    for _ in range(2):
        build_holder()
    given = client.get("/holders", {"limit": "1"}).json()["next"]
    assert client.get("/holders", {"cursor": given}).status_code == 200
    for elsewhere in ("/accounts", "/platforms", "/periods"):
        assert_problem(client.get(elsewhere, {"cursor": given}), 400, "bad_parameter")


def test_a_parameter_that_is_none_is_named_with_the_reason() -> None:
    client = ApiClient(build_house().actor)
    told = assert_problem(client.get("/trial-balance", {"day": "x"}), 400, "bad_parameter")
    assert told["detail"] == "day: There is no such field."
    assert told["errors"][0]["pointer"] == "/day"


def test_what_a_refusal_says_is_one_line() -> None:
    kinds = [DomainError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert len(kinds) > 100
    assert not [kind.__name__ for kind in kinds if "\n" in told_by(kind)]


def told_by(kind: type[DomainError]) -> str:
    """What a refusal of this kind says if it is told nothing else."""
    refusal = kind.__new__(kind)
    DomainError.__init__(refusal)
    return refusal.detail


def test_a_method_that_is_none_names_those_that_are() -> None:
    client = ApiClient(build_holder().actor)
    response = client.http.delete("/api/v1/properties", headers=client.headers())
    assert_problem(response, 405, "method_not_allowed")
    assert "GET" in response["Allow"]
    assert "POST" in response["Allow"]


def test_a_request_keeps_its_own_id_if_it_is_well_formed(caplog: pytest.LogCaptureFixture) -> None:
    client = Client()
    given = client.get("/", headers={"X-Request-Id": "trace-12345678"})
    assert given["X-Request-Id"] == "trace-12345678"
    logged = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    assert {line["request_id"] for line in logged} == {"trace-12345678"}
    forged = client.get("/healthz", headers={"X-Request-Id": "a\u00e9 <script>"})
    assert forged["X-Request-Id"].startswith("req_")


def test_the_limit_of_requests_is_told_and_kept(settings: LazySettings) -> None:
    settings.RATE_LIMIT = "3/minute"
    client = ApiClient(build_holder().actor)
    answers = [client.get("/properties") for _ in range(4)]
    assert [answer.status_code for answer in answers[:3]] == [200, 200, 200]
    assert answers[0]["RateLimit-Policy"] == '"key";q=3;w=60'
    assert answers[0]["RateLimit"].startswith('"key";r=2;t=')
    assert_problem(answers[3], 429, "rate_limited")
    assert 1 <= int(answers[3]["Retry-After"]) <= 60
    other = ApiClient(build_holder().actor)
    assert other.get("/properties").status_code == 200


def test_nobody_is_refused_because_redis_is_away(settings: LazySettings) -> None:
    from config.web import ratelimit

    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    ratelimit._count.cache_clear()
    try:
        client = ApiClient(build_holder().actor)
        response = client.get("/properties")
        assert response.status_code == 200
        assert "RateLimit" not in response
        ready = Client().get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["checks"]["redis"] == "no answer"
    finally:
        ratelimit._count.cache_clear()


def test_pages_of_a_list_join_without_gap_or_repeat() -> None:
    studio = build_holder()
    assert studio.holder is not None
    made = [build_property(studio.holder).shown_id for _ in range(7)]
    client = ApiClient(studio.actor)
    seen: list[str] = []
    query = {"limit": "3"}
    while True:
        page = client.get("/properties", query).json()
        seen += [row["id"] for row in page["data"]]
        if page["next"] is None:
            break
        query = {"limit": "3", "cursor": page["next"]}
    assert seen == list(reversed(made))
    assert Property.objects.count() == 7


def test_health_readiness_and_metrics() -> None:
    client = Client()
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert "Retry-After" not in ready
    assert ready.json() == {
        "status": "ok",
        "checks": {"postgresql": "ok", "redis": "ok"},
    }
    metrics = client.get("/metrics")
    assert metrics.status_code == 200
    assert b"django_http_requests_total" in metrics.content


def test_probes_are_answered_under_any_name() -> None:
    """A container is probed by its address, and Prometheus asks by the container's name."""
    client = Client(SERVER_NAME="10.0.0.7")
    for probe in ("/healthz", "/readyz", "/metrics"):
        assert client.get(probe).status_code == 200
    assert client.get("/api/v1/me").status_code == 400


@pytest.mark.parametrize("debug", ["0", "1"])
@pytest.mark.parametrize(
    "starting",
    ["from config.wsgi import application", "from config.celery import app; app.conf.timezone"],
)
def test_nothing_serves_without_a_secret_of_its_own(starting: str, debug: str) -> None:
    kept = {name: said for name, said in os.environ.items() if name not in SECRETS}
    started = subprocess.run(
        [sys.executable, "-c", starting],
        cwd=ROOT,
        env={**kept, "DEBUG": debug, "SECRET_KEY": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert started.returncode == 1
    assert "ImproperlyConfigured: SECRET_KEY is not set." in started.stderr


def test_a_database_that_is_down_is_503_and_never_allows() -> None:
    """A server process whose database does not answer, asked for everything that there is."""
    script = """
import django, json
django.setup()
from django.test import Client
from tests.scenarios.schema import operations
client = Client(raise_request_exception=False, SERVER_NAME="localhost")
key = {"Authorization": "Bearer ak_test_" + "x" * 32}
found = set()
for op in operations():
    for headers in (key, {**key, "Idempotency-Key": "k-1"}):
        r = client.generic(op.method.upper(), op.path_with(), b"{}",
                           content_type="application/json", headers=headers)
        found.add((r.status_code, r["Retry-After"], r.json()["code"]))
print(json.dumps(sorted(found)))
ready = client.get("/readyz")
print(ready.status_code, ready["Retry-After"], client.get("/healthz").status_code)
"""
    answer = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answers, health = answer.stdout.strip().splitlines()
    assert json.loads(answers) == [[503, "2", "unavailable"]]
    assert health == "503 2 200"
