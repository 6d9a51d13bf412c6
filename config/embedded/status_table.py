"""What `status` shows: servers, the commands that use them, and those commands' children."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from config.embedded.errors import EmbeddedError
from config.embedded.postgres import PostgresServer
from config.embedded.registry import Registry
from config.embedded.valkey import ValkeyServer

if TYPE_CHECKING:
    from rich.table import Table

_NAME_WIDTH = 30


def table(home: Path) -> Table:
    """One row for each server, command and child."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=SIMPLE_HEAD, title=escape(str(home)), title_justify="left")
    shown.add_column("", no_wrap=True, max_width=_NAME_WIDTH, overflow="ellipsis")
    shown.add_column("State", no_wrap=True)
    shown.add_column("Process", no_wrap=True, justify="right")
    shown.add_column("Data", no_wrap=True, justify="right")
    shown.add_column("Reached at", overflow="fold")
    for server, folder in (
        (PostgresServer(home), home / "postgres"),
        (ValkeyServer(home), home / "valkey"),
    ):
        pid = server.pid
        state = (
            "[green]ready[/]" if server.ready() else "[yellow]not ready[/]" if pid else "stopped"
        )
        shown.add_row(server.name, state, str(pid or ""), _size(folder), escape(_address(server)))
    for entry in Registry(home).others():
        shown.add_row(
            escape(entry.command), "[green]running[/]", str(entry.process.pid), "", entry.address
        )
        for name, child in entry.children.items():
            state = "[green]running[/]" if child.alive() else "[yellow]ended[/]"
            shown.add_row(f"  {name}", state, str(child.pid))
    return shown


def _address(server: PostgresServer | ValkeyServer) -> str:
    try:
        return re.sub(r":[^:@/]+@", ":***@", server.url)
    except EmbeddedError:
        return ""


def _size(folder: Path) -> str:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            # Servers remove files while we look.
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return f"{total / 1_000_000:,.0f} MB" if total else ""
