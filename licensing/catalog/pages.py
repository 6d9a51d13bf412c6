"""Pages of the portal about what a rights holder has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpResponse

from licensing.catalog import catalogue_pages, ownership_pages, picture_pages

# Address below the portal, page, name. The portal's door lets in rights holders only and calls
# each page with the request, the actor and whatever the address names.
ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    *ownership_pages.ROUTES,
    *catalogue_pages.ROUTES,
    *picture_pages.ROUTES,
)
