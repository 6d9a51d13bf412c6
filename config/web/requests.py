"""What every request gets: an id, an actor, a limit on its rate and on its size."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from config.web import health
from config.web.problems import describe, problem_response, refuse, wants_page
from config.web.ratelimit import Allowance, take
from ledger.errors import DomainError
from ledger.ids import new_id, show
from licensing.access import keys

Handler = Callable[[HttpRequest], HttpResponse]
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")
API_PREFIX = "/api/v1/"
PROBES: dict[str, Handler] = {
    "/healthz": health.healthz,
    "/readyz": health.readyz,
    "/metrics": health.metrics,
}
_NUL = re.compile(r"%00|\x00", re.IGNORECASE)


class RequestIdMiddleware:
    """`X-Request-Id` on every answer: the caller's own if it is well formed, else a fresh one."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _REQUEST_ID.match(given) else show("req", new_id())
        request.request_id = request_id  # type: ignore[attr-defined]
        # The log's middleware takes the id from here, so that logs and answers name the same one.
        request.META["HTTP_X_REQUEST_ID"] = request_id
        # Probes ask by address, under no name of ours: they are answered before names are checked.
        probe = PROBES.get(request.path)
        response = probe(request) if probe else self.get_response(request)
        response["X-Request-Id"] = request_id
        return response


class ApiMiddleware:
    """The API's door: the actor behind the key, the rate limit, and bounds that hold for any body."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(API_PREFIX):
            return self.get_response(request)
        try:
            refusal, allowance = self._enter(request)
        except (DomainError, DatabaseError) as error:
            return refuse(request, error)
        response = refusal or self.get_response(request)
        if allowance is not None:
            response["RateLimit-Policy"] = f'"key";q={allowance.limit};w={allowance.window}'
            response["RateLimit"] = f'"key";r={allowance.remaining};t={allowance.reset}'
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A page whose database does not answer says so, instead of pretending a bug."""
        described = describe(error)
        if described is None or described[0] != 503:
            return None
        if wants_page(request):
            context = {"status": 503, "title": "Back in a moment"}
            response = render(request, "problem.html", context, status=503)
            response["Retry-After"] = described[4]["Retry-After"]
            return response
        return refuse(request, error)

    def _enter(self, request: HttpRequest) -> tuple[HttpResponse | None, Allowance | None]:
        query = request.META.get("QUERY_STRING", "")
        most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        # Also where nobody looks at them.
        wrong = ""
        if _NUL.search(query):
            wrong = "A parameter holds a NUL character."
        elif query.count("&") >= most:
            wrong = f"There are more than {most} parameters."
        if wrong:
            return problem_response(request, status=400, code="bad_parameter", detail=wrong), None
        actor = keys.authenticate(
            authorization=request.headers.get("Authorization", ""),
            now=timezone.now(),
            request_id=request.request_id,  # type: ignore[attr-defined]
        )
        request.actor = actor  # type: ignore[attr-defined]
        caller = str(actor.key_id) if actor else request.META.get("REMOTE_ADDR", "")
        allowance = take(caller, settings.RATE_LIMIT)
        if allowance is not None and not allowance.granted:
            return problem_response(
                request,
                status=429,
                code="rate_limited",
                detail=f"That is more than {allowance.limit} requests in {allowance.window} s.",
                headers={"Retry-After": str(max(1, allowance.reset))},
            ), allowance
        if "HTTP_TRANSFER_ENCODING" in request.META:
            # Its length is not known before it ends, and what has none would be read as empty.
            return problem_response(
                request,
                status=411,
                code="length_required",
                detail="Send the body with its Content-Length; one in chunks is not read.",
            ), allowance
        return None, allowance
