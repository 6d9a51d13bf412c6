"""A report as it was read from one line, in the parts that many lines share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

# The columns of `Report.row`, in their order.
ROW: Final = (
    "id", "external_id", "occurred_at", "medium", "seconds", "territory", "purpose", "resolution",
    "model", "metadata", "content_digest",
)  # fmt: skip


class Instant(Struct, frozen=True, gc=False):
    """When, in microseconds of Unix time, and how it is written: in UTC, as short as can be."""

    micros: int
    text: str


class Kind(Struct, frozen=True, gc=False):
    """What many lines say alike. `height` is the shorter side, 0 where nothing was said; `text` are
    the columns of COPY: medium, seconds, territory, purpose, resolution, model."""

    action: str
    seconds: int | None
    territory: str
    purpose: str
    height: int
    text: str


class Cast(Struct, frozen=True, gc=False):
    """Who appears: ids in hex, in the order given, each with its weight as text; `ordered` is the
    canonical form, which does not depend on that order."""

    appearances: tuple[tuple[str, str], ...]
    members: frozenset[str]
    ordered: str


class Cited(Struct, frozen=True, gc=False):
    """The check a receipt claims to be of, its id in hex or empty, and the receipt's SHA-256 in hex,
    which only ours would have; `text` is the canonical form."""

    check: str
    digest: str
    text: str


class Report(Struct, gc=False):
    """A line as it was read. `row` are the columns of COPY that ROW names; `digest` in hex."""

    number: int
    id: int
    external_id: str
    kind: Kind
    instant: Instant
    cast: Cast
    cited: Cited | None
    parents: Sequence[str]
    digest: str
    row: str
