"""The admin's home: the figures finance looks at first."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def environment(request: HttpRequest) -> list[str]:
    """The ribbon that says on which data one works."""
    return ["Test and live data", "info"]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The figures of the home page."""
    return context
