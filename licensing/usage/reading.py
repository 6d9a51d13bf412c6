"""Reading an upload's lines in slices: the reports in them, and why others could not be read.

Pure: no Django model, no clock, no query, so that a thread of its own may read ahead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ledger.errors import Fault
from licensing.usage.examining import LineRefused
from licensing.usage.lines import LINE_BYTES, Reader
from licensing.usage.reports import Report

# Lines to a slice; the first one is short, so that there soon is something to write.
LINES: Final = 10_000
FIRST_LINES: Final = 1_000
_TOO_LONG: Final = Fault(
    pointer="", code="line_too_long", detail=f"A line has at most {LINE_BYTES // 1024} KB."
)


@dataclass(slots=True)
class Slice:
    """So many lines of an upload: those that could be read, and why others could not, by their
    numbers. `checks` are those that receipts claim to be of."""

    lines: int = 0
    reports: list[Report] = field(default_factory=list)
    faults: list[tuple[int, Fault]] = field(default_factory=list)
    checks: str = "{}"


def read_one(reader: Reader, number: int, raw: bytes) -> Report:
    """Line `number`. Raises LineRefused."""
    if len(raw) > LINE_BYTES:
        raise LineRefused("", _TOO_LONG.code, _TOO_LONG.detail)
    return reader.read(number, raw)


def slices(
    lines: Iterable[tuple[int, bytes]],
    reader: Reader,
    unread: hashlib._Hash,
    *,
    most: int | None,
) -> Iterator[Slice]:
    """All lines in their order; ends after `most` that could not be read. `unread` sees those."""
    found = Slice()
    size, unreadable = min(FIRST_LINES, LINES), 0
    for number, raw in lines:
        found.lines += 1
        try:
            found.reports.append(read_one(reader, number, raw))
        except LineRefused as refused:
            unread.update(b"%d\n%d\n" % (number, len(raw)))
            unread.update(raw)
            found.faults.append((number, refused.fault))
            unreadable += 1
            if unreadable == most:
                break
        if found.lines == size:
            found.checks = cited(found.reports)
            yield found
            found, size = Slice(), LINES
    if found.lines:
        found.checks = cited(found.reports)
        yield found


def cited(reports: Sequence[Report]) -> str:
    """The checks that the reports' receipts claim to be of, as PostgreSQL writes an array."""
    checks = {report.cited.check for report in reports if report.cited and report.cited.check}
    return f"{{{','.join(checks)}}}"
