"""What a subject or property looks like: its picture, or a small landscape with its monogram."""

from __future__ import annotations

from typing import Final

from django import template
from django.urls import reverse

from licensing.catalog.models import Property, Subject

register = template.Library()
TINTS: Final = 6


@register.inclusion_tag("catalog/portrait.html")
def portrait(thing: Subject | Property, picture: str = "", size: str = "tile") -> dict[str, object]:
    """`picture` is the beginning of its picture's digest, empty if there is none; `size` a class.

    What is drawn follows from the id, so that a thing looks the same everywhere.
    """
    address = reverse("portal:picture", args=[thing.shown_id]) + f"?{picture}" if picture else ""
    return drawn(thing, address, size)


def drawn(thing: Subject | Property, address: str, size: str) -> dict[str, object]:
    """What the template of a portrait shows: the picture at `address`, or what is drawn instead."""
    kind = thing.kind if isinstance(thing, Subject) else "property"
    return {
        "address": address,
        "size": size,
        "kind": kind,
        "letters": monogram(thing.name),
        **landscape(thing.pk.bytes[-8:]),
    }


def monogram(name: str) -> str:
    """The first letters of the first and the last word."""
    words = [word for word in name.split() if word[0].isalnum()]
    chosen = [words[0], words[-1]] if len(words) > 1 else words[:1]
    return "".join(word[0] for word in chosen).upper()


def landscape(seed: bytes) -> dict[str, object]:
    """A tint, a sun and two hills in a square of 64."""
    at = [byte / 255 for byte in seed]
    far = [round(26 + 12 * at[1]), round(12 + 16 * at[2])]
    near = [round(40 + 6 * at[4]), round(28 + 10 * at[5]), round(42 + 6 * at[6])]
    return {
        "tint": seed[0] % TINTS,
        "sun": (round(12 + 40 * at[7]), round(11 + 7 * at[3])),
        "far": f"M0 {far[0] + 8}Q20 {far[1]} 38 {far[0] + 2}T64 {far[0] - 4}V64H0z",
        "near": f"M0 {near[0]}Q18 {near[2]} 34 {near[1]}T64 {near[2]}V64H0z",
    }
