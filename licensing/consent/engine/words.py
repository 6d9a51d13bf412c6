"""Forbidden words: whole words and phrases, found whatever their case, form, accents or look-alike
letters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from licensing.catalog.confusables import in_latin, skeleton

# What stands upon, below or through a letter (Unicode's combining classes): accents and strokes, but
# neither the vowels of Indic scripts nor the voicing of Japanese, which make other words.
_OVERLAY: Final = 1
_ATTACHED: Final = 200


def fold(phrase: str) -> str:
    """A word or phrase as it is compared: each word's skeleton without accents, single spaces.

    Empty if there is no word in it. Accents do not tell words apart, because whoever wants to slip
    through adds some, or leaves them out.
    """
    return bare(_skeleton(" ".join(_words(_seen(phrase)))))


def find(text: str, phrases: Iterable[str]) -> frozenset[str]:
    """Those of the folded `phrases` that stand in `text` as whole words, one after the other."""
    readings = {f" {reading} " for variant in _variants(text) for reading in _readings(variant)}
    return frozenset(
        phrase for phrase in phrases if any(f" {phrase} " in reading for reading in readings)
    )


def _readings(text: str) -> tuple[str, str]:
    """A look-alike may itself be a sign that parts words, or join them: the text either way."""
    return fold(text), " ".join(_words(bare(_skeleton(text))))


def _variants(text: str) -> set[str]:
    """What a text may be taken for before its case is folded. Some letters look like Latin ones only
    as capitals; and a capital I is the stroke of a small l, which stands for one among capitals."""
    written = {text} if text.isascii() else {text, in_latin(text)}
    small = {variant.replace("I", "l") for variant in written}
    large = {_L_AMONG_CAPITALS.sub("I", variant) for variant in written}
    return written | small | large


_L_AMONG_CAPITALS: Final = re.compile(r"(?<=[A-Z])l|l(?=[A-Z])")


def _skeleton(text: str) -> str:
    """`skeleton`, which of plain ASCII is known sign by sign, and is made of each word once."""
    if text.isascii():
        return " ".join(text.translate(_plain()).split())
    parts = text.split()
    known = {
        part: part.translate(_plain()) if part.isascii() else skeleton(part) for part in set(parts)
    }
    return " ".join(" ".join(known[part] for part in parts).split())


@lru_cache(maxsize=1)
def _plain() -> dict[int, str]:
    return {code: skeleton(chr(code)) or " " for code in range(128)}


def _seen(text: str) -> str:
    """What is seen of a text: neither soft hyphens, joiners and the like, which must not part a
    word, nor accents."""
    if text.isascii():
        return text
    return bare(
        "".join(
            character
            for character in unicodedata.normalize("NFKC", text)
            if _kind(character) != "Cf"
        )
    )


def bare(text: str) -> str:
    """A text without its accents. Whatever has none is itself."""
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(part for part in parts if not _accent(part)))


def _words(text: str) -> list[str]:
    """The runs of letters, digits and the signs that belong to letters."""
    return "".join(character if _in_word(character) else " " for character in text).split()


@lru_cache(maxsize=8192)
def _accent(character: str) -> bool:
    place = unicodedata.combining(character)
    return place == _OVERLAY or place >= _ATTACHED or _kind(character) == "Me"


@lru_cache(maxsize=8192)
def _in_word(character: str) -> bool:
    return character.isalnum() or _kind(character)[0] == "M"


def _kind(character: str) -> str:
    return unicodedata.category(character)
