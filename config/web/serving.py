"""gunicorn's worker: problems for what never reaches Django, and connections that end well."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from ssl import SSLError
from typing import Any

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

# How long a client may send or take nothing in the middle of a request, in seconds: nobody holds a
# thread by falling silent.
STALL = 30
# How long a client may go on sending after its answer, in seconds.
LINGER = 5.0
_PIECE = 64 * 1024

# What gunicorn itself refuses, the most particular first.
_OURS = (
    500,
    "internal_error",
    "Something went wrong on our side. The request id names it in our logs.",
)
_REFUSALS: tuple[tuple[tuple[type[Exception], ...], tuple[int, str, str]], ...] = (
    (
        (
            errors.InvalidResponseHeader,
            errors.InvalidResponseHeaderName,
            errors.ConfigurationProblem,
        ),
        _OURS,
    ),
    (
        (errors.LimitRequestLine,),
        (414, "uri_too_long", "The request line is longer than 8,190 bytes."),
    ),
    (
        (errors.LimitRequestHeaders,),
        (431, "headers_too_large", "A request has at most 100 headers of 8,190 bytes each."),
    ),
    (
        (errors.UnsupportedTransferCoding,),
        (501, "unsupported_transfer_coding", "This transfer coding is not read here."),
    ),
    ((errors.ExpectationFailed,), (417, "expectation_failed", "Only 100-continue is expected.")),
    ((errors.ForbiddenProxyRequest,), (403, "not_allowed", "You may not do this.")),
    ((errors.ParseException, SSLError), (400, "malformed", "The request cannot be read.")),
)
# After these the rest of the body is not waited for, so the connection serves no other request.
_CLOSING = ("408", "411", "413")

Begin = Callable[..., Any]
Application = Callable[[dict[str, Any], Begin], Iterable[bytes]]


class Worker(ThreadWorker):
    """gunicorn's threads, with our manners."""

    wsgi: Application

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.wsgi = closing(self.wsgi)

    def handle(self, conn: Any) -> Any:
        """One request of a connection, in a thread; false when the connection is to end."""
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("@ll", STALL, 0))
        kept = super().handle(conn)
        if kept is False:
            _linger(conn.sock)
        return kept

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answers what could not be handed to Django, the way Django would."""
        # Only here, for the settings are read in the worker and not in its master.
        from config.web.problems import CONTENT_TYPE, TITLES, problem
        from ledger.ids import new_id, show

        status, code, detail = next(
            (said for kinds, said in _REFUSALS if isinstance(exc, kinds)), _OURS
        )
        request_id = show("req", new_id())
        if status == 500:
            self.log.exception("Request %s failed", request_id)
        else:
            self.log.warning("Request %s refused with %d: %s", request_id, status, exc)
        document = problem(status=status, code=code, detail=detail, request_id=request_id)
        body = json.dumps(document).encode()
        head = (
            f"HTTP/1.1 {status} {TITLES[status]}\r\nDate: {util.http_date()}\r\n"
            f"Connection: close\r\nContent-Type: {CONTENT_TYPE}\r\n"
            f"Content-Length: {len(body)}\r\nX-Request-Id: {request_id}\r\n\r\n"
        )
        with suppress(OSError):
            util.write_nonblock(client, head.encode("ascii") + body)


def closing(application: Application) -> Application:
    """The application, whose answers to a body that was not read end the connection. gunicorn heeds
    no `Connection` header of an application, but its response can be told."""

    def call(environ: dict[str, Any], start_response: Begin) -> Iterable[bytes]:
        def begin(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if status.startswith(_CLOSING):
                start_response.__self__.force_close()  # type: ignore[attr-defined]
            return start_response(status, headers, *more)

        return application(environ, begin)

    return call


def _linger(sock: socket.socket) -> None:
    """Lets a client that is still sending read its answer first: a connection that is closed over
    unread bytes is reset, and a reset takes the answer with it. The last shutdown makes sure that
    gunicorn's main thread, which closes the socket, does not wait for the client again."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        until = time.monotonic() + LINGER
        while (left := until - time.monotonic()) > 0:
            sock.settimeout(left)
            if not sock.recv(_PIECE):
                break
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
