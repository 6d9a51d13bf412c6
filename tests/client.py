"""The API as a platform's or a holder's own program sees it: a key, JSON in, JSON out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.test import Client

from ledger.actor import Actor, system_actor
from licensing.access import keys
from licensing.access.models import Organisation, User

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

# Keys outlive every story that is told with them.
_MADE_AT = datetime(2025, 1, 2, tzinfo=UTC)


class ApiClient:
    """Calls the API with one actor's key."""

    def __init__(self, actor: Actor | None = None, *, raise_errors: bool = True) -> None:
        self.http = Client(raise_request_exception=raise_errors)
        self.secret = _issue(actor) if actor is not None else ""

    def headers(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        """The key's header and whatever else the story sends."""
        own = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        return {**own, **(extra or {})}

    def get(self, path: str, query: dict[str, Any] | None = None, **headers: str) -> Answer:
        return self.http.get(f"/api/v1{path}", query or {}, headers=self.headers(headers))

    def post(
        self,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        content_type: str = "application/json",
        **headers: str,
    ) -> Answer:
        """POSTs a document, or raw bytes as they are."""
        if key is not None:
            headers["Idempotency-Key"] = key
        headers = {name.replace("_", "-"): said for name, said in headers.items()}
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body)
        return self.http.post(
            f"/api/v1{path}", raw, content_type=content_type, headers=self.headers(headers)
        )

    def patch(self, path: str, body: Any, **headers: str) -> Answer:
        return self.http.patch(
            f"/api/v1{path}",
            json.dumps(body),
            content_type="application/json",
            headers=self.headers({name.replace("_", "-"): v for name, v in headers.items()}),
        )


def _issue(actor: Actor) -> str:
    issued = keys.issue(
        # The system, for the story's actor may not be one that makes keys.
        actor=system_actor(mode=actor.mode),
        organisation=Organisation.objects.get(pk=actor.tenant),
        user=User.objects.get(pk=str(actor.person_id)),
        name="the story's key",
        scopes=sorted(actor.scopes),
        now=_MADE_AT,
    )
    return issued.secret


def assert_problem(response: Answer, status: int, code: str | None = None) -> dict[str, Any]:
    """Asserts a well-formed problem document and returns it."""
    assert response.status_code == status, (response.status_code, response.content[:800])
    assert response["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = json.loads(response.content)
    assert set(problem) == {"type", "title", "status", "detail", "code", "errors", "request_id"}
    assert problem["status"] == status
    assert problem["request_id"] == response["X-Request-Id"]
    assert problem["detail"]
    for fault in problem["errors"]:
        assert set(fault) == {"pointer", "code", "detail"}
    if code is not None:
        assert problem["code"] == code, problem
    return problem
