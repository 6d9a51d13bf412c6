"""Forbidden words: whole words and phrases, found whatever their case, form or look-alike letters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from licensing.catalog.confusables import skeleton

_WORD = re.compile(r"[^\W_]+")


def fold(phrase: str) -> str:
    """A word or phrase as it is compared: the skeleton of each word, with single spaces.

    Empty if there is no word in it.
    """
    return " ".join(_words(phrase))


def find(text: str, phrases: Iterable[str]) -> frozenset[str]:
    """Those of the folded `phrases` that stand in `text` as whole words, one after the other."""
    # A look-alike may itself be a sign that parts words, or join them: both readings are searched.
    readings = [f" {' '.join(words)} " for words in (_words(text), _WORD.findall(skeleton(text)))]
    return frozenset(
        phrase for phrase in phrases if any(f" {phrase} " in reading for reading in readings)
    )


def _words(text: str) -> list[str]:
    # Cf: soft hyphens, joiners and the like are not seen, and must not part a word.
    seen = "".join(
        character
        for character in unicodedata.normalize("NFKC", text)
        if unicodedata.category(character) != "Cf"
    )
    return [skeleton(word) for word in _WORD.findall(seen)]
