"""Calls the HTTP API as one of its users would: with a key, patience and idempotency."""

from __future__ import annotations

import time
from typing import Any, Final, cast
from uuid import uuid4

import httpx

_PATIENCE: Final = 90.0
_PASSING: Final = frozenset({429, 502, 503, 504})
_IN_FLIGHT: Final = frozenset({"idempotency_key_in_flight", "book_busy"})


class CallRefused(Exception):
    """The API refused a call: its problem document says why."""

    def __init__(self, call: str, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        faults = "; ".join(
            f"{fault['pointer'] or '/'}: {fault['detail']}" for fault in problem.get("errors", [])
        )
        super().__init__(
            f"{call}: {status} {problem.get('code')}: {faults or problem.get('detail')}"
        )


class Caller:
    """One user's way to the API. A call that a dying server cut short is repeated under its
    idempotency key, so that it has one effect however often it was sent."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._http = httpx.Client(
            base_url=f"{base_url}/api/v1",
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=150,
            trust_env=False,
        )

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """GETs a document."""
        return self._call("GET", path, params=query)

    def all(self, path: str, **query: str) -> list[dict[str, Any]]:
        """GETs every row of a list, page by page."""
        rows: list[dict[str, Any]] = []
        query = {"limit": "500", **query}
        while True:
            page = self.get(path, **query)
            rows += page["data"]
            if page["next"] is None:
                return rows
            query["cursor"] = page["next"]

    def post(self, path: str, document: Any, *, key: str | None = None) -> dict[str, Any]:
        """POSTs a document under an idempotency key."""
        headers = {"Idempotency-Key": key or str(uuid4())}
        return self._call("POST", path, json=document, headers=headers)

    def upload(self, path: str, lines: bytes, *, key: str | None = None) -> dict[str, Any]:
        """POSTs NDJSON under an idempotency key."""
        headers = {
            "Content-Type": "application/x-ndjson",
            "Idempotency-Key": key or str(uuid4()),
        }
        return self._call("POST", path, content=lines, headers=headers)

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        until = time.monotonic() + _PATIENCE
        pause = 0.2
        while True:
            try:
                response = self._http.request(method, path, **options)
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
            else:
                if response.is_success:
                    return cast("dict[str, Any]", response.json())
                problem = _problem(response)
                passing = response.status_code in _PASSING or problem.get("code") in _IN_FLIGHT
                if not passing or time.monotonic() > until:
                    raise CallRefused(f"{method} {path}", response.status_code, problem)
            time.sleep(pause)
            pause = min(pause * 1.5, 2.0)


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", response.json())
    except ValueError:
        return {"code": "no_problem_document", "detail": response.text[:200]}
