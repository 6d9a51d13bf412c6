"""`Authorization: Bearer ak_…`: DRF's view of the actor the middleware has found."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from ledger.actor import Actor


class BearerKey(BaseAuthentication):
    """An API key. Without a valid one there is nothing to see."""

    def authenticate(self, request: Request) -> tuple[None, Actor]:
        actor = getattr(request._request, "actor", None)
        if actor is None:
            raise NotAuthenticated("Send a valid API key as `Authorization: Bearer ak_…`.")
        return None, actor

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="assent"'


class BearerKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The key in the OpenAPI document."""

    target_class = "config.web.authentication.BearerKey"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "ak_test_… or ak_live_…",
            "description": "An API key, shown once when it is made.",
        }
