"""Wider content security policies for the pages of others: the admin's theme, the API's document."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class WiderPolicyMiddleware:
    """Widens the policy for the addresses that the settings name, and for nothing else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for beginning, policy in settings.WIDER_CONTENT_SECURITY_POLICIES.items():
            if request.path.startswith(beginning):
                # Where django-csp looks for a view's own additions; its decorator writes the same.
                response._csp_update = policy  # type: ignore[attr-defined]
        return response
