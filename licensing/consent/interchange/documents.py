"""A rule in each format it can be handed on in, with what the format has no word for.

A document never grants more than the rule: where it cannot say a limit, it does not grant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from licensing.consent.interchange import cawg, rsl
from licensing.consent.interchange.odrl_writing import write_policy
from licensing.consent.interchange.wordings import Wording


class Format(StrEnum):
    """What a rule can be handed on as."""

    ODRL = "odrl"
    RSL = "rsl"
    CAWG = "cawg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A rule in one format: JSON, or a text if the format is none.

    `not_expressed` are JSON pointers into the rule's body, to what the document does not say.
    """

    format: Format
    media_type: str
    content: Any
    not_expressed: tuple[str, ...]


def write_document(wording: Wording, format: Format) -> Document:  # noqa: A002 - the field's word
    """The rule of `wording` in `format`."""
    media_type, write = _FORMATS[format]
    content, not_expressed = write(wording)
    return Document(
        format=format, media_type=media_type, content=content, not_expressed=not_expressed
    )


_Writer = Callable[[Wording], tuple[Any, tuple[str, ...]]]
_FORMATS: Final[Mapping[Format, tuple[str, _Writer]]] = {
    # ODRL with the profile says everything.
    Format.ODRL: ("application/ld+json", lambda wording: (write_policy(wording), ())),
    Format.RSL: (rsl.MEDIA_TYPE, rsl.write_license),
    Format.CAWG: (cawg.MEDIA_TYPE, cawg.write_assertion),
}
