"""Pages of the portal about people and keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpResponse

from licensing.access import key_pages, member_pages

# Address below the portal, page, name. The portal's door lets in rights holders only and calls
# each page with the request, the actor and whatever the address names.
ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    *key_pages.ROUTES,
    *member_pages.ROUTES,
)
