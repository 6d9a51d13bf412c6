"""Who uses a home: one small file per command, believed only while that very process lives."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded import processes
from config.embedded.errors import EmbeddedError
from config.embedded.processes import Process

MARK = "ASSENT_SUPERVISOR"
_LEFTOVERS = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One command that uses the home, and the children it supervises."""

    process: Process
    command: str
    children: Mapping[str, Process] = field(default_factory=dict)
    address: str = ""

    @property
    def mark(self) -> str:
        """The value of MARK in the environment of every child and grandchild of this command."""
        return f"{self.process.pid}-{self.process.started}"


class Registry:
    """The entries of one home."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "processes"

    @contextmanager
    def entry(self, command: str) -> Iterator[None]:
        """Register this process for the duration, after clearing what dead ones left."""
        self.sweep()
        process = processes.identify(os.getpid())
        if process is None:
            raise EmbeddedError("This process cannot see itself: is /proc mounted?")
        self._mine = Entry(process=process, command=command)
        self._write(self._mine)
        try:
            yield
        finally:
            self._path(os.getpid()).unlink(missing_ok=True)

    def update(self, *, children: Mapping[str, Process], address: str) -> None:
        """Note this command's children, for whoever must clear them after a crash."""
        mine = self._mine
        self._write(
            Entry(process=mine.process, command=mine.command, children=children, address=address)
        )

    def marked(self) -> dict[str, str]:
        """What marks this command's children in their environment."""
        return {MARK: self._mine.mark}

    def others(self) -> list[Entry]:
        """The living commands that use this home, without this one."""
        return [
            entry
            for entry in self._entries()
            if entry.process.alive() and entry.process.pid != os.getpid()
        ]

    def address(self) -> str | None:
        """Where Assent is served from this home at the moment, if it is."""
        return next((entry.address for entry in self.others() if entry.address), None)

    def sweep(self) -> None:
        """Stop the children that dead commands left behind, and forget those commands."""
        for entry in self._entries():
            if not entry.process.alive():
                # The grandchildren of a killed worker have no other trace than the mark.
                left = {*entry.children.values(), *processes.find_marked(MARK, entry.mark)}
                processes.stop(left, _LEFTOVERS)
                self._path(entry.process.pid).unlink(missing_ok=True)

    def _entries(self) -> list[Entry]:
        found = []
        for path in sorted(self._folder.glob("*.json")):
            with suppress(OSError, ValueError, KeyError, TypeError):
                found.append(_parse(json.loads(path.read_text())))
        return found

    def _write(self, entry: Entry) -> None:
        content = {
            "process": [entry.process.pid, entry.process.started],
            "command": entry.command,
            "children": {name: [it.pid, it.started] for name, it in entry.children.items()},
            "address": entry.address,
        }
        path = self._path(entry.process.pid)
        incoming = path.with_suffix(".new")
        incoming.write_text(json.dumps(content))
        incoming.rename(path)

    def _path(self, pid: int) -> Path:
        return self._folder / f"{pid}.json"


def _parse(content: dict[str, object]) -> Entry:
    children = content["children"]
    if not isinstance(children, dict):
        raise TypeError("children")
    return Entry(
        process=_process(content["process"]),
        command=str(content["command"]),
        children={str(name): _process(value) for name, value in children.items()},
        address=str(content["address"]),
    )


def _process(value: object) -> Process:
    if not isinstance(value, list) or len(value) != 2:
        raise TypeError("process")
    return Process(int(value[0]), str(value[1]))
