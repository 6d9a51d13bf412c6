"""International bank account numbers (ISO 13616): read, checked by their check digits, masked."""

from __future__ import annotations

import re
from typing import Final

_FORM = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\Z", re.ASCII)
# The whole length by country, of ISO 13616's registry; a country outside it is refused.
_LENGTHS: Final[dict[str, int]] = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}


def compact(text: str) -> str:
    """An IBAN as it is kept: capitals without the spaces people group it by."""
    return text.replace(" ", "").upper()


def is_iban(text: str) -> bool:
    """Whether a compact text is an IBAN: form, its country's length, and check digits (mod 97)."""
    if not _FORM.match(text) or _LENGTHS.get(text[:2]) != len(text):
        return False
    number = "".join(str(int(character, 36)) for character in text[4:] + text[:4])
    return int(number) % 97 == 1


def mask(account: str) -> str:
    """An account as it is shown: its last four characters, and a country if it begins with one."""
    head = account[:2] if is_iban(account) else ""
    tail = account[-4:] if len(account) > 6 else ""
    return f"{head}••••{tail}"
