"""What a benchmark tells, and how it is shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One comparison: seconds of both for the same `rows`, and the least ratio that is aimed at.

    The ratio is our rows per second over the reference's. `peak` is megabytes, where it was read.
    """

    name: str
    rows: int
    ours: float
    reference: float | None = None
    aim: float | None = None
    peak: float | None = None

    @property
    def ratio(self) -> float | None:
        """Our rows per second over the reference's, where there is one."""
        return None if self.reference is None else self.reference / self.ours

    @property
    def met(self) -> bool:
        """Whether the aim is reached."""
        return self.aim is None or self.ratio is None or self.ratio >= self.aim


def show(figures: Sequence[Figure], console: Console) -> None:
    """Prints the table."""
    table = Table(title="Benchmarks", title_justify="left", title_style="bold", box=box.SIMPLE)
    table.add_column("")
    for name in ("rows", "ours, rows/s", "reference, rows/s", "ratio", "aim", "peak"):
        table.add_column(name, justify="right")
    for each in figures:
        table.add_row(
            each.name,
            f"{each.rows:,}",
            f"{each.rows / each.ours:,.0f}",
            "" if each.reference is None else f"{each.rows / each.reference:,.0f}",
            "" if each.ratio is None else f"[{'green' if each.met else 'red'}]{each.ratio:.2f}[/]",
            "" if each.aim is None else f"{each.aim:.2f}",
            "" if each.peak is None else f"{each.peak:,.0f} MB",
        )
    console.print(table)


def write(figures: Sequence[Figure], path: Path) -> None:
    """Writes them as JSON."""
    rows = [{**asdict(each), "ratio": each.ratio, "met": each.met} for each in figures]
    path.write_text(json.dumps(rows, indent=2) + "\n")
