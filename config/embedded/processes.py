"""Starting, recognising and ending processes; a pid alone is never trusted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from config.embedded.accounts import Account

_LAUNCHER = Path(__file__).with_name("launch.py")
_PROC = Path("/proc")
_POLL = 0.02

# What to send, and how long to wait for it to work, in seconds.
Steps = Sequence[tuple[signal.Signals, float]]


@dataclass(frozen=True, slots=True)
class Process:
    """One process for good: its pid together with when it started."""

    pid: int
    started: str

    def alive(self) -> bool:
        return identify(self.pid) == self


def spawn(
    command: Sequence[str | Path],
    *,
    death_signal: signal.Signals,
    account: Account | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int | None = None,
    output: int | None = None,
    session: bool = True,
) -> subprocess.Popen[bytes]:
    """Start a child that gets `death_signal` when this process dies.

    Call it from the main thread: the kernel sends the signal when the starting *thread* ends.
    """
    user = (str(account.uid), str(account.gid)) if account else ("-", "-")
    arguments = [str(int(death_signal)), str(os.getpid()), *user, *map(str, command)]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_LAUNCHER), *arguments],
        env=env,
        cwd=cwd,
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=session,
    )


def identify(pid: int) -> Process | None:
    """The running process with this pid, or None. A zombie is dead: it only waits to be reaped."""
    if _PROC.joinpath("self").exists():
        try:
            fields = (
                (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
            )
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in "ZX" else Process(pid, fields[19])
    shown = _ps("-o", "stat=,lstart=", "-p", str(pid)).split(None, 1)
    return None if not shown or shown[0].startswith("Z") else Process(pid, shown[1].strip())


def find(binary: str, folder: Path) -> list[Process]:
    """Every process of this binary that works in this folder, whoever started it."""
    if not _PROC.joinpath("self").exists():
        return _find_by_command(binary, folder)
    target = os.path.realpath(folder)
    found = []
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            executable = os.readlink(entry / "exe").removesuffix(" (deleted)")
            working_folder = os.readlink(entry / "cwd").removesuffix(" (deleted)")
        except OSError:
            continue
        if os.path.basename(executable) == binary and working_folder == target:
            process = identify(int(entry.name))
            if process:
                found.append(process)
    return found


def find_marked(name: str, value: str) -> list[Process]:
    """Every process that was started with this variable in its environment, or inherited it."""
    mark, found = f"{name}={value}".encode(), []
    for entry in _PROC.glob("[0-9]*"):
        try:
            marked = mark in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if marked and (process := identify(int(entry.name))):
            found.append(process)
    return found


def stop(processes: Iterable[Process], steps: Steps) -> bool:
    """Signal the processes step by step until all are gone; False when some outlive every step."""
    remaining = [process for process in processes if process.alive()]
    for number, patience in steps:
        for process in remaining:
            send(process, number)
        deadline = time.monotonic() + patience
        while remaining and time.monotonic() < deadline:
            time.sleep(_POLL)
            remaining = [process for process in remaining if process.alive()]
        if not remaining:
            return True
    return not remaining


def send(process: Process, number: signal.Signals) -> None:
    """Signal a process if it still is the one that was meant."""
    if process.alive():
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _find_by_command(binary: str, folder: Path) -> list[Process]:
    found = []
    for line in _ps("-axww", "-o", "pid=,command=").splitlines():
        pid, _, command = line.strip().partition(" ")
        program = command.split(" ", 1)[0]
        if os.path.basename(program) == binary and str(folder) in command:
            process = identify(int(pid))
            if process:
                found.append(process)
    return found


def _ps(*arguments: str) -> str:
    return subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False).stdout
