"""Judging reports by the receipts they cite, and putting them as PostgreSQL takes them in.

Pure: no Django model, no clock, no query, so that a thread of its own may do it while what was
judged before is written. All that is left to do then is to hand over a few large pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final
from uuid import UUID

from msgspec import Struct

from licensing.usage.covering import Receipt, verdict
from licensing.usage.reports import Report

# Parents to a statement.
_PARENTS: Final = 4_000


class Parents(Struct, gc=False):
    """Parents of remixes, in arrays as PostgreSQL writes them: the children, the places of the
    parents among theirs, and the parents' own external ids."""

    children: str
    places: str
    names: str


class Judged(Struct, gc=False):
    """Reports that are ready to be written: the rows of COPY for generations and appearances, the
    parents, who appears, which of the ids are remixes', and the first and the last id.

    `receipts` are those they cite, by the ids of their checks, with what they have used by now.
    """

    generations: bytes
    appearances: bytes
    parents: Sequence[Parents]
    subjects: set[str]
    remixes: Sequence[int]
    first: UUID
    last: UUID
    receipts: Mapping[str, Receipt]


def judge(
    reports: Sequence[Report],
    receipts: str,
    *,
    platform_id: UUID,
    batch_id: UUID,
    before: Mapping[str, Receipt] | None = None,
) -> Judged:
    """Judges at least one report, in their order. `receipts` is what was read of those they cite;
    `before` are those of reports that were judged before, but not yet written when they were read:
    where they say how many are used, they are right."""
    known = _receipts(receipts)
    if before:
        known.update((check, before[check]) for check in known.keys() & before.keys())
    end = f"\t{platform_id}\t{batch_id}\n"
    remixes = [report for report in reports if report.parents]
    return Judged(
        generations="".join(
            [f"{report.row}\t{verdict(report, known)}{end}" for report in reports]
        ).encode(),
        appearances="".join(
            [
                f"{report.id:032x}\t{subject}\t{weight}\n"
                for report in reports
                for subject, weight in report.cast.appearances
            ]
        ).encode(),
        parents=list(_parents(remixes)),
        subjects={subject for report in reports for subject in report.cast.members},
        remixes=[report.id for report in remixes],
        first=UUID(int=reports[0].id),
        last=UUID(int=reports[-1].id),
        receipts=known,
    )


def _receipts(rows: str) -> dict[str, Receipt]:
    """The receipts, by the ids of their checks, from rows with their columns between tabs."""
    return {
        row[:32]: Receipt(
            id=row[:32],
            digest=digest or None,
            own=own == "true",
            allowed=allowed == "true",
            subjects=frozenset(subjects.split()),
            action=action,
            territory=territory,
            since=int(since),
            until=int(until) if until else None,
            generations=int(generations) if generations else None,
            used=int(used),
            seconds=int(seconds) if seconds else None,
            resolution=int(resolution) if resolution else None,
            purpose=purpose or None,
        )
        for row in rows.splitlines()
        for (
            _, digest, own, allowed, subjects, action, territory, since, until, generations, used,
            seconds, resolution, purpose,
        ) in (row.split("\t"),)
    }  # fmt: skip


def _parents(remixes: Iterable[Report]) -> Iterator[Parents]:
    """All the parents, in pieces."""
    rest = (
        (f"{report.id:032x}", f"{place}", _quoted(name))
        for report in remixes
        for place, name in enumerate(report.parents)
    )
    while some := list(islice(rest, _PARENTS)):
        children, places, names = (f"{{{','.join(column)}}}" for column in zip(*some, strict=True))
        yield Parents(children, places, names)


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
