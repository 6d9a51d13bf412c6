"""Who a member of staff is in the admin: the ledger knows no people, so the settings name who does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string

from ledger.actor import Actor

_MODES = ("live", "test")


def staff_actor(request: HttpRequest, mode: str) -> Actor:
    """The signed-in person as an actor of the house in this mode, found once a request."""
    kept: dict[str, Actor] = request.__dict__.setdefault("_staff_actors", {})
    if mode not in kept:
        kept[mode] = cast("Actor", import_string(settings.LEDGER_STAFF)(request, mode))
    return kept[mode]


def colleagues(mode: str) -> Sequence[Actor]:
    """The house's people in this mode, by name."""
    return cast("Sequence[Actor]", import_string(settings.LEDGER_COLLEAGUES)(mode))


def may(request: HttpRequest, scope: str) -> bool:
    """Whether the person carries the scope in any mode."""
    return request.user.is_authenticated and any(
        staff_actor(request, mode).may(scope) for mode in _MODES
    )
