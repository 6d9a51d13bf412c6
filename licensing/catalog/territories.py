"""Territories: the ISO 3166-1 codes in use."""

from __future__ import annotations

from typing import Final

import pycountry

# Officially assigned codes only: neither `UK`, which is merely reserved, nor `XX`.
TERRITORIES: Final[frozenset[str]] = frozenset(country.alpha_2 for country in pycountry.countries)


def is_territory(code: str) -> bool:
    """Whether `code` is an assigned ISO 3166-1 alpha-2 code, in capitals."""
    return code in TERRITORIES
