"""How a form tells what is wrong: in a summary above, and beside each field by its JSON pointer."""

from __future__ import annotations

import re
from typing import Final

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ledger.forms import Form

register = template.Library()
# A field of one line among several, and what it is called if that is another word than its own.
_LINE: Final = re.compile(r"/[a-z_]+/(?P<place>[0-9]+)(/(?P<field>[a-z_]+))?\Z")
_LINES: Final = {"holder": "Owner", None: "Line"}


@register.simple_tag
def fault(form: Form, pointer: str) -> SafeString:
    """What is wrong with one field, to stand below it."""
    if pointer not in form.faults:
        return SafeString("")
    return format_html('<p class="fault" id="{}">{}</p>', _fault_id(pointer), form.faults[pointer])


@register.simple_tag
def wrong(form: Form, pointer: str, hint: str = "") -> SafeString:
    """The attributes by which a field points to its hint and to what is wrong with it."""
    faulty = pointer in form.faults
    about = " ".join(one for one in (hint, _fault_id(pointer) if faulty else "") if one)
    invalid = SafeString(' aria-invalid="true"') if faulty else SafeString("")
    return format_html(
        "{}{}", format_html(' aria-describedby="{}"', about) if about else "", invalid
    )


@register.simple_tag
def fault_at(form: Form, before: str, place: int, after: str) -> SafeString:
    """The same for a field of one line among several."""
    return fault(form, f"{before}{place}{after}")


@register.simple_tag
def wrong_at(form: Form, before: str, place: int, after: str) -> SafeString:
    """The same for a field of one line among several."""
    return wrong(form, f"{before}{place}{after}")


@register.inclusion_tag("portal/faults.html")
def faults(form: Form, saved: str = "Nothing was saved.") -> dict[str, object]:
    """Above a form that was refused: that nothing was done, and everything that is wrong."""
    return {"faults": [(_called(at), text) for at, text in form.faults.items()], "saved": saved}


def _called(pointer: str) -> str:
    """A field as the summary names it: `/shares/0/holder` is "Owner 1"."""
    if line := _LINE.match(pointer):
        called, place = _LINES.get(line["field"], line["field"]), int(line["place"]) + 1
        return f"{called} {place}".capitalize()
    return " ".join(pointer.split("/")).strip().replace("_", " ").capitalize()


def _fault_id(pointer: str) -> str:
    return "fault" + re.sub(r"[^a-z0-9]+", "-", pointer.lower() or "-form")
