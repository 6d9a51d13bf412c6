"""Pages of the portal about rules, approvals and kill switches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpResponse

from licensing.consent import (
    approval_pages,
    matrix_pages,
    policy_pages,
    rule_life_pages,
    rule_pages,
    switch_pages,
    trial_pages,
)

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
