"""The servers' and children's log files, which never grow without bound."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LIMIT = 10 * 1024 * 1024


def open_log(path: Path) -> int:
    """Open a log for appending, after putting an overgrown one aside. The caller closes it."""
    trim(path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def trim(path: Path) -> None:
    """Keep an overgrown log as `.1` and empty it in place, because its writers hold it open."""
    if size(path) > LIMIT:
        shutil.copyfile(path, path.with_name(f"{path.name}.1"))
        os.truncate(path, 0)


def size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def tail(path: Path, *, since: int = 0, lines: int = 12) -> str:
    """The last lines that were written after byte `since`."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(since if since <= size(path) else 0, size(path) - 64 * 1024))
        return "\n".join(log.read().decode(errors="replace").rstrip().splitlines()[-lines:])
