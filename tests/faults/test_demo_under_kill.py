"""The demonstration goes on, and its books hold, while every kind of process is killed under it."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.embedded import homes
from config.embedded.postgres import PostgresServer
from config.embedded.valkey import ValkeyServer
from tests.config.embedded.conftest import Terminal

pytestmark = [pytest.mark.faults, pytest.mark.timeout(420)]
SEED = int(os.environ.get("CHAOS_SEED", "20261123"))


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with homes.temporary_home() as home:
        terminal = Terminal(home)
        try:
            yield terminal
        finally:
            terminal.close()


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def processes_of(home: Path, *words: str) -> list[int]:
    """The processes that run for this home and have all of `words` on their command line."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            environment = (folder / "environ").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if f"ASSENT_HOME={home}\0" in environment and all(word in command for word in words):
            found.append(int(folder.name))
    return sorted(found)


def victims(home: Path) -> dict[str, Callable[[], list[int]]]:
    """Every kind of process there is, oldest first: a master before its children."""
    return {
        "web server": lambda: processes_of(home, "gunicorn")[:1],
        "web worker": lambda: processes_of(home, "gunicorn")[1:2],
        "Celery worker": lambda: processes_of(home, "celery", " worker")[:1],
        "Celery worker's child": lambda: processes_of(home, "celery", " worker")[1:2],
        "beat": lambda: processes_of(home, "celery", " beat")[:1],
        "Valkey": lambda: [pid for pid in [ValkeyServer(home).pid] if pid],
        "PostgreSQL": lambda: [pid for pid in [PostgresServer(home).pid] if pid],
    }


def kill_one(name: str, find: Callable[[], list[int]]) -> bool:
    """Kills the first of them, if there is one at the moment."""
    for pid in find()[:1]:
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def test_every_process_is_killed_and_nothing_is_lost_or_doubled(terminal: Terminal) -> None:
    chance = random.Random(SEED)
    print(f"seed {SEED}")
    tell = ("up", "--once", "--", sys.executable, "manage.py", "demo")
    demo = terminal.start(*tell, ASSENT_PORT=free_port())
    wait_for_the_story(terminal.home)
    killed: list[str] = []
    kinds = list(victims(terminal.home).items())
    chance.shuffle(kinds)
    for name, find in kinds:
        time.sleep(chance.uniform(0.5, 2.0))
        if demo.poll() is not None:
            break
        if kill_one(name, find):
            killed.append(name)
    output, errors = demo.communicate(timeout=240)
    assert demo.returncode == 0, (killed, output[-3000:], errors[-3000:])
    assert len(killed) >= 4, f"the demonstration ended before it was hurt: {killed}"
    assert "balanced, chain verified" in output
    books = terminal.run("exec", "--", sys.executable, "manage.py", "verify_books", "--json")
    assert books.returncode == 0, books.stdout
    assert json.loads(books.stdout)


def wait_for_the_story(home: Path) -> None:
    until = time.monotonic() + 90
    # The supervisor has the demonstration's words on its own command line, too.
    while len(processes_of(home, "manage.py demo")) < 2:
        assert time.monotonic() < until, "the demonstration did not begin"
        time.sleep(0.2)
