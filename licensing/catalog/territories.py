"""Territories: the ISO 3166-1 codes in use, what they are called, and the regions they lie in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import pycountry
from babel import Locale

# Officially assigned codes only: neither `UK`, which is merely reserved, nor `XX`.
TERRITORIES: Final[frozenset[str]] = frozenset(country.alpha_2 for country in pycountry.countries)

# What each is called in English, by CLDR.
NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {code: str(Locale("en").territories[code]) for code in sorted(TERRITORIES)}
)


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


_UNION: Final = _codes(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
)
# The continents of the United Nations' M49, but that Cyprus, a member of the Union, lies in Europe.
CONTINENTS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "Africa": _codes(
            "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW IO KE KM LR LS"
            " LY MA MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TF TG TN TZ UG"
            " YT ZA ZM ZW"
        ),
        "Asia": _codes(
            "AE AF AM AZ BD BH BN BT CN GE HK ID IL IN IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM"
            " MN MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TL TM TR TW UZ VN YE"
        ),
        "Europe": _UNION
        | _codes("AD AL AX BA BY CH FO GB GG GI IM IS JE LI MC MD ME MK NO RS RU SJ SM UA VA"),
        "Latin America and the Caribbean": _codes(
            "AG AI AR AW BB BL BO BQ BR BS BV BZ CL CO CR CU CW DM DO EC FK GD GF GP GS GT GY HN"
            " HT JM KN KY LC MF MQ MS MX NI PA PE PR PY SR SV SX TC TT UY VC VE VG VI"
        ),
        "Northern America": _codes("BM CA GL PM US"),
        "Oceania": _codes(
            "AS AU CC CK CX FJ FM GU HM KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS"
        ),
    }
)
# Whatever one may want to name as a whole.
REGIONS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "the European Union": _UNION,
        "the European Economic Area": _UNION | _codes("IS LI NO"),
        **CONTINENTS,
    }
)


def is_territory(code: str) -> bool:
    """Whether `code` is an assigned ISO 3166-1 alpha-2 code, in capitals."""
    return code in TERRITORIES
