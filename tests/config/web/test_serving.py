"""What gunicorn answers before Django is asked, and how a connection ends: over a real socket."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.client import ApiClient
from tests.licensing.builders import build_holder, build_platform
from tests.servers import WebServer, web_server

pytestmark = pytest.mark.django_db(transaction=True)
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[WebServer]:
    with web_server(BATCH_MAX_BYTES=str(MEGABYTE)) as running:
        yield running


class Call:
    """One connection, spoken to in bytes."""

    def __init__(self, server: WebServer, sent: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        self.socket.sendall(sent)

    def __enter__(self) -> Call:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def answer(self) -> tuple[http.client.HTTPResponse, bytes]:
        """The next answer and its body."""
        with http.client.HTTPResponse(self.socket, method="POST") as response:
            response.begin()
            return response, response.read()

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """The answer, which is this problem, the last thing on the connection."""
        response, body = self.answer()
        assert response.status == status
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.headers["Connection"] == "close"
        problem: dict[str, Any] = json.loads(body)
        assert set(problem) == {"type", "title", "status", "detail", "code", "errors", "request_id"}
        assert (problem["status"], problem["code"]) == (status, code)
        assert problem["request_id"] == response.headers["X-Request-Id"]
        assert self.socket.recv(1) == b""
        return problem


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def posted(length: int, *, key: str = "") -> bytes:
    """The head of a POST by a rights holder, with an idempotency key if there is one."""
    secret = ApiClient(build_holder().actor).secret
    head = (
        "POST /api/v1/properties HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {secret}\r\nContent-Length: {length}\r\n"
    )
    return f"{head}{f'Idempotency-Key: {key}' + chr(13) + chr(10) if key else ''}\r\n".encode()


LIMITS = {
    "a long request line": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414, "uri_too_long"),
    "a line without an end": (b"GET /" + b"a" * 100_000, 414, "uri_too_long"),
    "a long header": (
        b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 9000 + b"\r\n\r\n",
        431,
        "headers_too_large",
    ),
    "many headers": (
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(101)) + b"\r\n",
        431,
        "headers_too_large",
    ),
    "no request at all": (b"hello\r\n\r\n", 400, "malformed"),
    "another protocol": (b"GET / SPDY/7\r\n\r\n", 400, "malformed"),
    "a space too many": (b"GET /a b HTTP/1.1\r\n\r\n", 400, "malformed"),
    "a header without a name": (b"GET / HTTP/1.1\r\n: x\r\n\r\n", 400, "malformed"),
    "two lengths": (
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        400,
        "malformed",
    ),
    "an unknown coding": (
        b"POST / HTTP/1.1\r\nTransfer-Encoding: morse\r\n\r\n",
        501,
        "unsupported_transfer_coding",
    ),
    "an expectation": (b"GET / HTTP/1.1\r\nExpect: tea\r\n\r\n", 417, "expectation_failed"),
}


def test_what_gunicorn_refuses_is_a_problem_too(server: WebServer) -> None:
    for name, (sent, status, code) in LIMITS.items():
        with Call(server, sent) as call:
            assert call.problem(status, code)["request_id"].startswith("req_"), name


def test_an_id_of_five_thousand_digits_still_reaches_the_application(server: WebServer) -> None:
    with Call(server, HEALTH.replace(b"/healthz", b"/api/v1/x/" + b"9" * 5000)) as call:
        response, body = call.answer()
    assert (response.status, json.loads(body)["code"]) == (404, "not_found")


def test_after_a_body_that_is_too_large_nothing_more_is_read_of_the_connection(
    server: WebServer,
) -> None:
    """What follows in the body looks like other requests, and must never be any."""
    body = b" " * (MEGABYTE + 1) + HEALTH * 20_000
    with Call(server, posted(len(body)) + body) as call:
        call.problem(413, "too_large")


@pytest.mark.parametrize("key", ["", "much"])
def test_whoever_sends_too_much_reads_the_answer_even_after_sending_all_of_it(
    server: WebServer, key: str
) -> None:
    client = ApiClient(build_platform().actor)
    headers = client.headers({"Content-Type": "application/x-ndjson"})
    if key:
        headers["Idempotency-Key"] = key
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/api/v1/generation-batches", b"\n" * (20 * MEGABYTE), headers)
    with connection.getresponse() as response:
        assert (response.status, response.headers["Connection"]) == (413, "close")
        assert json.loads(response.read())["code"] == "too_large"
    connection.close()


@pytest.mark.parametrize("key", ["", "much"])
def test_a_body_in_chunks_is_not_taken_for_an_empty_one(server: WebServer, key: str) -> None:
    head = posted(0, key=key).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    with Call(server, head + b"d\r\n" + b'{"name": "It"}'[:13] + b"\r\n") as call:
        assert "Content-Length" in call.problem(411, "length_required")["detail"]


def test_a_connection_serves_one_request_after_another(server: WebServer) -> None:
    with Call(server, HEALTH) as call:
        for _ in range(3):
            response, _body = call.answer()
            assert (response.status, response.headers["Connection"]) == (200, "keep-alive")
            time.sleep(0.1)
            call.socket.sendall(HEALTH)


def test_a_client_that_falls_silent_holds_no_thread() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(web_server(config="python:tests.config.web.hasty_gunicorn"))
        # As many as there are threads, each in the middle of its body.
        silent = [
            stack.enter_context(Call(server, posted(1000, key=key) + b"{"))
            for key in ("", "one", "", "two")
        ]
        response, _ = stack.enter_context(Call(server, HEALTH)).answer()
        assert response.status == 200
        for call in silent:
            call.problem(408, "too_slow")


def test_what_is_being_sent_when_the_server_is_stopped_is_still_answered() -> None:
    body = json.dumps({"no": "name"}).encode()
    with web_server() as server, Call(server, posted(len(body)) + body[:5]) as call:
        time.sleep(0.5)
        server.process.terminate()
        time.sleep(1.5)
        call.socket.sendall(body[5:])
        response, _ = call.answer()
        assert response.status == 400
        assert server.process.wait(20) == 0
