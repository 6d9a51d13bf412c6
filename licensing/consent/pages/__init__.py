"""Pages of the portal about rules, approvals and kill switches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpResponse

from licensing.consent.pages import approvals as approval_pages
from licensing.consent.pages import matrix as matrix_pages
from licensing.consent.pages import policies as policy_pages
from licensing.consent.pages import rule_life as rule_life_pages
from licensing.consent.pages import rules as rule_pages
from licensing.consent.pages import switches as switch_pages
from licensing.consent.pages import trials as trial_pages

# Address below the portal, page, name. The portal's door lets in rights holders only and calls
# each page with the request, the actor and whatever the address names.
ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    *approval_pages.ROUTES,
    *matrix_pages.ROUTES,
    *switch_pages.ROUTES,
    *policy_pages.ROUTES,
    *rule_pages.ROUTES,
    *rule_life_pages.ROUTES,
    *trial_pages.ROUTES,
)
