"""The admin's look and its navigation."""

from __future__ import annotations

from typing import Any

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


NAVIGATION: list[dict[str, Any]] = [
    {
        "title": "",
        "items": [
            {"title": "Home", "icon": "home", "link": reverse_lazy("admin:index")},
        ],
    },
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Assent",
    "SITE_HEADER": "Assent",
    "SITE_SUBHEADER": "Consent and royalty ledger",
    "SITE_SYMBOL": "verified",
    "SITE_URL": "/",
    "SHOW_VIEW_ON_SITE": False,
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
