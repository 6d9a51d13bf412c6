"""The published table of characters that look alike, each with the one it is taken for."""

from __future__ import annotations

from functools import lru_cache

from confusable_homoglyphs.confusables import confusables_data


@lru_cache(maxsize=1)
def prototypes() -> dict[str, str]:
    """Each confusable character's prototype.

    The published table maps many characters to one prototype; the library keeps it in both
    directions, so a prototype is the neighbour that others share. Of a lone pair either would do:
    the longer text, then ASCII, then the lower code point.
    """
    table: dict[str, str] = {}
    for character, neighbours in confusables_data.items():
        if len(character) > 1 or len(neighbours) > 1:
            continue
        other = neighbours[0]["c"]
        pair = min(character, other, key=lambda text: (-len(text), not text.isascii(), text))
        prototype = other if len(confusables_data.get(other, ())) > 1 else pair
        if prototype != character:
            table[character] = prototype
    return table
