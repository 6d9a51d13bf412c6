"""Every refusal as RFC 9457 `application/problem+json`."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
)
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    JsonResponse,
    UnreadablePostError,
)
from django.shortcuts import render
from rest_framework import exceptions
from rest_framework.response import Response

from ledger.errors import DomainError, Fault, Invalid, Malformed, NotAllowed, NotFound, Refused
from ledger.wire import flatten

log = structlog.get_logger(__name__)
CONTENT_TYPE = "application/problem+json"

TITLES = {
    400: "Bad request",
    401: "Authentication needed",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "Request timeout",
    409: "Conflict",
    411: "Length required",
    412: "Precondition failed",
    413: "Too large",
    414: "URI too long",
    415: "Unsupported media type",
    417: "Expectation failed",
    422: "Not valid",
    428: "Precondition required",
    429: "Too many requests",
    431: "Request header fields too large",
    500: "Internal error",
    501: "Not implemented",
    503: "Unavailable",
}
# The kinds of refusal in HTTP; a subclass may narrow its status with `http_status` below.
STATUSES: tuple[tuple[type[DomainError], int], ...] = (
    (Malformed, 400),
    (Invalid, 422),
    (NotAllowed, 403),
    (NotFound, 404),
    (Refused, 409),
)
# Codes whose status HTTP has a word of its own for.
STATUS_OF_CODE = {
    "too_large": 413,
    "if_match_missing": 428,
    "stale": 412,
    "unsupported_media_type": 415,
    "too_many_waiting": 503,
}
# Field errors that are about syntax rather than meaning.
SYNTAX_CODES = {"unknown_field", "not_an_object", "parse_error"}


def problem(
    *,
    status: int,
    code: str,
    detail: str,
    request_id: str,
    faults: tuple[Fault, ...] = (),
) -> dict[str, Any]:
    """The body of a problem document."""
    return {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
        "errors": [
            {"pointer": fault.pointer, "code": fault.code, "detail": fault.detail}
            for fault in faults
        ],
        "request_id": request_id,
    }


def problem_response(
    request: HttpRequest,
    *,
    status: int,
    code: str,
    detail: str,
    headers: dict[str, str] | None = None,
    faults: tuple[Fault, ...] = (),
) -> JsonResponse:
    """A problem as a plain Django response, for middleware and for views outside the API."""
    body = problem(
        status=status,
        code=code,
        detail=detail,
        request_id=getattr(request, "request_id", ""),
        faults=faults,
    )
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE, headers=headers)


def refuse(request: HttpRequest, error: Exception) -> JsonResponse:
    """A refusal as a problem, for middleware; any other error goes on."""
    described = describe(error)
    if described is None:
        raise error
    status, code, detail, faults, headers = described
    return problem_response(
        request, status=status, code=code, detail=detail, faults=faults, headers=headers
    )


def status_of(error: DomainError) -> int:
    """The HTTP status of a domain refusal."""
    if error.code in STATUS_OF_CODE:
        return STATUS_OF_CODE[error.code]
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 409)


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: anything a window raises becomes a problem."""
    request = context["request"]
    described = describe(error)
    if described is None:
        return None
    status, code, detail, faults, headers = described
    body = problem(
        status=status,
        code=code,
        detail=detail,
        request_id=getattr(request._request, "request_id", ""),
        faults=faults,
    )
    return Response(body, status=status, headers=headers, content_type=CONTENT_TYPE)


Described = tuple[int, str, str, tuple[Fault, ...], dict[str, str]]


def describe(error: Exception) -> Described | None:
    """Status, code, detail, faults and headers of an error, or None if it is nobody's refusal."""
    if isinstance(error, DomainError):
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        return status_of(error), error.code, error.detail, error.faults, headers
    if isinstance(error, exceptions.ValidationError):
        return _validation(error)
    if isinstance(error, exceptions.APIException):
        return _framework(error)
    if isinstance(error, Http404):
        return 404, "not_found", "There is no such thing.", (), {}
    if isinstance(error, PermissionDenied):
        return 403, "not_allowed", "You may not do this.", (), {}
    if isinstance(error, RequestDataTooBig):
        return 413, "too_large", "The body is too large.", (), {}
    if isinstance(error, UnreadablePostError):
        return 408, "too_slow", "The body did not arrive in time.", (), {}
    if isinstance(error, TooManyFieldsSent):
        return 400, "too_many_parameters", "There are too many parameters.", (), {}
    if isinstance(error, SuspiciousOperation):
        return 400, "malformed", "The request cannot be read.", (), {}
    if isinstance(error, OperationalError | InterfaceError):
        log.error("database_unavailable", exc_info=error)
        detail = "The database did not answer in time. Nothing was done that was not answered."
        return 503, "unavailable", detail, (), {"Retry-After": "2"}
    if isinstance(error, DatabaseError) and "violates" in str(error):
        # The database is the last to refuse; what reaches here lost a race or has no friendlier
        # check yet, which is worth a line in the log.
        log.warning("refused_by_database", exc_info=error)
        return 409, "conflict", "The present state of things does not permit this.", (), {}
    return None


def _validation(error: exceptions.ValidationError) -> Described:
    faults = tuple(flatten(error.detail))
    syntax = any(fault.code in SYNTAX_CODES for fault in faults)
    absent = bool(faults) and all(fault.code == "not_found" for fault in faults)
    status = 400 if syntax else 404 if absent else 422
    detail = (
        faults[0].detail if len(faults) == 1 else f"{len(faults)} things are wrong with the body."
    )
    code = faults[0].code if len({fault.code for fault in faults}) == 1 else "invalid"
    if absent:
        # The same answer as for a thing of another party, to the letter.
        return 404, "not_found", "There is no such thing.", (), {}
    return status, code, detail, faults, {}


def _framework(error: exceptions.APIException) -> Described:
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else "invalid"
    headers: dict[str, str] = {}
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        headers["WWW-Authenticate"] = 'Bearer realm="assent"'
    if isinstance(error, exceptions.UnsupportedMediaType):
        code = "unsupported_media_type"
    return error.status_code, code, str(error.detail), (), headers


def wants_page(request: HttpRequest) -> bool:
    """Whether a person with a browser is asking, rather than a program."""
    return not request.path.startswith("/api/") and request.accepts("text/html")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler404."""
    if wants_page(request):
        return render(request, "problem.html", {"status": 404, "title": "Not here"}, status=404)
    return problem_response(request, status=404, code="not_found", detail="There is no such thing.")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler400."""
    status, code, detail, faults, headers = (describe(exception) if exception else None) or (
        400,
        "malformed",
        "The request cannot be read.",
        (),
        {},
    )
    if wants_page(request):
        context = {"status": status, "title": detail.removesuffix(".")}
        return render(request, "problem.html", context, status=status)
    return problem_response(
        request, status=status, code=code, detail=detail, faults=faults, headers=headers
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler403."""
    if wants_page(request):
        return render(request, "problem.html", {"status": 403, "title": "Not allowed"}, status=403)
    return problem_response(request, status=403, code="not_allowed", detail="You may not do this.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    if wants_page(request):
        context = {"status": 500, "title": "Something went wrong on our side"}
        return render(request, "problem.html", context, status=500)
    return problem_response(
        request,
        status=500,
        code="internal_error",
        detail="Something went wrong on our side. The request id names it in our logs.",
    )
