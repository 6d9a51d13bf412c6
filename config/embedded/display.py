"""What people see: short lines, on stderr so that a command's stdout stays its own."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@cache
def console(*, stderr: bool = True) -> Console:
    # Imported late: most commands end without showing anything.
    from rich.console import Console

    shown = Console(stderr=stderr, highlight=False)
    # A pipe has no width of its own: do not fold what a program may read.
    return shown if shown.is_terminal else Console(stderr=stderr, highlight=False, width=160)


def say(text: str) -> None:
    console().print(f"· {text}", style="dim", markup=False, soft_wrap=True)


def done(text: str) -> None:
    console().print(f"✓ {text}", style="green", markup=False, soft_wrap=True)


def warn(text: str) -> None:
    console().print(f"! {text}", style="yellow", markup=False, soft_wrap=True)


def fail(text: str) -> None:
    console().print(f"✗ {text}", style="bold red", markup=False, soft_wrap=True)
