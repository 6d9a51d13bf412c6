"""What usage refuses, and the lines of an upload that it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ledger.errors import Fault, Invalid, Malformed, NotAllowed, Refused
from licensing.usage import lineage

# How many refused lines are listed; the others are only counted.
LISTED: Final = 100

# Where a statement's finding stands in the line, and what it says.
_FINDINGS: Final = {
    "unknown_subject": ("/subjects", "There is no such subject."),
    "duplicate_external_id": ("/external_id", "An earlier line has this id."),
    "generation_differs": ("/external_id", "This id was reported with other content."),
    "lineage_cycle": ("/parents", "It would descend from itself."),
    "lineage_too_deep": ("/parents", f"Its lineage would be deeper than {lineage.DEPTH}."),
}


class NotAPlatform(NotAllowed):
    """Only a platform reports what it generated."""

    code = "not_a_platform"


class MalformedReport(Malformed):
    """The report cannot be read. Its code is the fault's own."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail, faults=[fault])
        self.code = fault.code  # type: ignore[misc]


class BadReport(Invalid):
    """The report makes no sense. Its code is the fault's own."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail, faults=[fault])
        self.code = fault.code  # type: ignore[misc]


class BadLines(Invalid):
    """Some lines are refused, so nothing was stored."""

    code = "bad_lines"


class GenerationDiffers(Refused):
    """This id was reported with other content. Nothing was stored."""

    code = "generation_differs"


class Busy(Refused):
    """The same generations, or others under the same receipts, are being reported elsewhere at this
    moment. Try again."""

    code = "busy"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedLine:
    """A line that was not taken: its number from 1, and why."""

    line: int
    pointer: str
    code: str
    detail: str

    def fault(self) -> Fault:
        """The same in a problem document, where the pointer begins with the line's number."""
        return Fault(
            pointer=f"/{self.line}{self.pointer}",
            code=self.code,
            detail=f"Line {self.line}: {self.detail}",
        )

    def own_fault(self) -> Fault:
        """The same where the line is all there is."""
        return Fault(pointer=self.pointer, code=self.code, detail=self.detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Lines that a statement has found wrong in one way: how many, and the first of them, each
    with a place within the line that only some findings have."""

    code: str
    count: int
    places: Sequence[tuple[int, int | None]]

    @classmethod
    def of(cls, code: str, numbers: Sequence[int]) -> Finding:
        """Whole lines, by their numbers in order."""
        return cls(
            code=code, count=len(numbers), places=[(number, None) for number in numbers[:LISTED]]
        )

    def lines(self) -> list[RefusedLine]:
        """The first of them, as they are told."""
        pointer, detail = _FINDINGS[self.code]
        return [
            RefusedLine(
                line=line,
                pointer=pointer if place is None else f"{pointer}/{place}/id",
                code=self.code,
                detail=detail,
            )
            for line, place in self.places
        ]


@dataclass(slots=True, kw_only=True)
class Tally:
    """What has become of an ingest's lines so far."""

    lines: int = 0
    kept: int = 0
    repeated: int = 0
    refused: int = 0
    # Of those that are refused, the ones that were reported with other content.
    different: int = 0
    _first: list[RefusedLine] = field(default_factory=list)

    def refuse(self, line: int, fault: Fault) -> None:
        """Counts a line that could not be read; they come in order."""
        self.refused += 1
        if len(self._first) < LISTED:
            self._first.append(
                RefusedLine(line=line, pointer=fault.pointer, code=fault.code, detail=fault.detail)
            )

    def add(self, finding: Finding) -> None:
        """Counts what a statement has found."""
        self.refused += finding.count
        if finding.code == GenerationDiffers.code:
            self.different += finding.count
        self._first = sorted([*self._first, *finding.lines()], key=lambda refused: refused.line)[
            :LISTED
        ]

    def listed(self) -> list[RefusedLine]:
        """The first hundred refused lines."""
        return self._first

    def refusal(self) -> BadLines | GenerationDiffers:
        """The refusal of all for the sake of some: bad ones come before ones that differ."""
        faults = [refused.fault() for refused in self._first]
        if self.different == self.refused:
            return GenerationDiffers(faults=faults)
        first = (
            f"{self._first[0].line}" if self.refused == 1 else f"{self._first[0].line} and others"
        )
        return BadLines(f"Line {first} cannot be taken, so nothing was stored.", faults=faults)
