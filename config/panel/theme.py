"""The admin's look and its navigation."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

# A deep sea green on cool paper: the same hues as the portal's.
PRIMARY = {
    "50": "oklch(97.6% .015 178)",
    "100": "oklch(94.4% .035 178)",
    "200": "oklch(89% .06 178)",
    "300": "oklch(81% .085 178)",
    "400": "oklch(70.5% .1 178)",
    "500": "oklch(60% .098 178)",
    "600": "oklch(50.5% .085 178)",
    "700": "oklch(43% .072 178)",
    "800": "oklch(36.5% .059 178)",
    "900": "oklch(31% .048 178)",
    "950": "oklch(21.5% .035 178)",
}


def _link(title: str, icon: str, model: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{model}_changelist")}


def _group(title: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "separator": True, "collapsible": False, "items": list(items)}


def _mark(request: HttpRequest) -> str:
    return static("web/mark.svg")


NAVIGATION: list[dict[str, Any]] = [
    {"items": [{"title": "Home", "icon": "home", "link": reverse_lazy("admin:index")}]},
    _group(
        "Royalties",
        _link("Settlement runs", "calculate", "settlement_run"),
        _link("Royalty lines", "receipt_long", "settlement_royaltyline"),
        _link("Statements", "description", "statements_statement"),
        _link("Payout batches", "payments", "payouts_payoutbatch"),
        _link("Payout destinations", "account_balance", "payouts_payoutdestination"),
    ),
    _group(
        "Books",
        _link("Entries", "menu_book", "journal_entry"),
        _link("Accounts", "account_tree", "journal_account"),
        _link("Periods", "calendar_month", "journal_period"),
        _link("Parties", "groups", "journal_party"),
    ),
    _group(
        "Usage and consent",
        _link("Generations", "movie", "usage_generation"),
        _link("Batches", "inventory_2", "usage_batch"),
        _link("Consent checks", "fact_check", "consent_consentcheck"),
        _link("Consent rules", "rule", "consent_consentrule"),
        _link("Simulations", "science", "simulation_simulation"),
        _link("Approvals", "approval", "consent_approvalrequest"),
        _link("Claims", "gavel", "claims_claim"),
        _link("Agreements", "handshake", "commerce_agreement"),
    ),
    _group(
        "Catalogue",
        _link("Rights holders", "diversity_3", "catalog_rightsholder"),
        _link("Platforms", "dns", "catalog_platform"),
        _link("Properties", "category", "catalog_property"),
        _link("Subjects", "face", "catalog_subject"),
        _link("Ownership", "pie_chart", "catalog_ownershipstep"),
    ),
    _group(
        "Access",
        _link("People", "person", "access_user"),
        _link("Organisations", "corporate_fare", "access_organisation"),
        _link("Members", "badge", "access_membership"),
        _link("API keys", "key", "access_apikey"),
        _link("Audit trail", "history", "access_auditrecord"),
    ),
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Assent",
    "SITE_HEADER": "Assent",
    "SITE_SUBHEADER": "Consent and royalty ledger",
    "SITE_SYMBOL": "verified",
    "SITE_URL": "/",
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _mark}],
    "LOGIN": {"redirect_after": reverse_lazy("admin:index")},
    "ENVIRONMENT": "config.panel.home.environment",
    "DASHBOARD_CALLBACK": "config.panel.home.dashboard",
    "COLORS": {"primary": PRIMARY},
    "COMMAND": {"search_models": True},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": True,
        "navigation": NAVIGATION,
    },
}
