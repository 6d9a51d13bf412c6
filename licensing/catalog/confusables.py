"""Texts that look alike: the skeleton of UTS 39, under which they become the same text."""

from __future__ import annotations

import re
import unicodedata

from licensing.catalog.prototypes import prototypes

# Unicode's Default_Ignorable_Code_Point: nothing of them is seen.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Folding and replacing settle within three rounds for every character there is; texts get slack.
_ROUNDS = 8


def skeleton(text: str) -> str:
    """What is left of `text` when case, compatibility forms, invisible characters, the width of
    spaces and look-alike letters are taken away.

    Two texts that a reader may confuse have one skeleton; it is for comparing, never for showing.
    Pure, and a skeleton's skeleton is itself. After UTS 39, section 4 (skeleton), over text folded
    as NFKC_Casefold does, because names and words are compared without regard to case.
    """
    table = prototypes()
    for _ in range(_ROUNDS):
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        seen = _INVISIBLE.sub("", unicodedata.normalize("NFD", folded))
        mapped = "".join(table.get(character, character) for character in seen)
        reduced = " ".join(unicodedata.normalize("NFD", mapped).casefold().split())
        if reduced == text:
            break
        text = reduced
    return text


def look_alikes(name: str) -> frozenset[str]:
    """The skeletons of everything a written `name` may be taken for, its own among them.

    Folding the case hides what only capitals show: a Cyrillic capital Em is a Latin M to the eye
    while the small letters differ, and a capital I is the stroke of a small l. So a name is to be
    compared by these with the `skeleton` of what it must not be taken for. Pure.
    """
    return frozenset(
        skeleton(variant)
        for written in (name, in_latin(name))
        for variant in (written, written.replace("I", "l"), written.replace("l", "I"))
    )


def in_latin(text: str) -> str:
    """A text with every letter that looks like a Latin one as that, before its case is folded."""
    return "".join(
        character if character.isascii() else _as_capital(character)
        for character in unicodedata.normalize("NFKC", text)
    )


def _as_capital(character: str) -> str:
    """The prototype, but a capital that looks like I stays one: the table writes every I as l."""
    prototype = prototypes().get(character, character)
    return "I" if prototype == "l" and character.isupper() else prototype
