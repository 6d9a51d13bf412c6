"""Names as they are kept: composed, stripped, without characters that are not seen."""

from __future__ import annotations

import unicodedata

from ledger.errors import Invalid
from licensing.catalog.confusables import skeleton

LONGEST = 200
LONGEST_SKELETON = 400
# Not seen, yet words of Persian and of Indic scripts are misspelt without them.
_JOINERS = "\u200c\u200d"


class BadName(Invalid):
    """A name has 1 to 200 characters that can be seen; control characters are not among them."""

    code = "bad_name"


def clean_name(text: str) -> str:
    """The name in NFC without spaces around it. Raises BadName."""
    name = unicodedata.normalize("NFC", text).strip()
    reduced = skeleton(name)
    if not name or len(name) > LONGEST or not reduced or len(reduced) > LONGEST_SKELETON:
        raise BadName(pointer="/name")
    if any(_unfit(character) for character in name):
        raise BadName("A name holds no control character.", pointer="/name")
    return name


def _unfit(character: str) -> bool:
    """Control, format (which turns the direction of text), private, unassigned, line breaks."""
    if character in _JOINERS:
        return False
    category = unicodedata.category(character)
    return category.startswith("C") or category in ("Zl", "Zp")
