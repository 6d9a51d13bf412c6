"""What a verification found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MOST_FINDINGS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not hold: in which row, and what differs.

    `height` is the entry's place in its book, or None where the row is not part of an entry.
    """

    table: str
    row: str
    height: int | None
    detail: str

    def __str__(self) -> str:
        place = f" (height {self.height})" if self.height is not None else ""
        return f"{self.table} {self.row}{place}: {self.detail}"


@dataclass(slots=True, kw_only=True)
class Verification:
    """What was read, and what was found wrong, the first entry's faults first."""

    entries: int = 0
    transfers: int = 0
    accounts: int = 0
    periods: int = 0
    findings: list[Finding] = field(default_factory=list)
    truncated: bool = False

    @property
    def sound(self) -> bool:
        """Whether the books hold."""
        return not self.findings

    def find(self, table: str, row: str, detail: str, *, height: int | None = None) -> None:
        """Notes something that does not hold, up to a limit."""
        if len(self.findings) >= MOST_FINDINGS:
            self.truncated = True
            return
        self.findings.append(Finding(table=table, row=row, height=height, detail=detail))
