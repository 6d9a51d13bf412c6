"""A home of its own for every test, and commands started as another terminal would."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.embedded import homes
from config.embedded.postgres import PostgresServer
from config.embedded.valkey import ValkeyServer

_OURS = (
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "RECEIPT_KEY_SECRET",
    "ASSENT_HOME",
    "ASSENT_PORT",
)


class Terminal:
    """Starts commands that use one home, and ends what is left of them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._started: list[subprocess.Popen[str]] = []

    def environment(self, **more: str) -> dict[str, str]:
        outside = {name: value for name, value in os.environ.items() if name not in _OURS}
        return {**outside, "ASSENT_HOME": str(self.home), **more}

    def start(
        self, *arguments: str, module: str = "config.embedded", **more: str
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=homes.CHECKOUT,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def run(
        self, *arguments: str, module: str = "config.embedded", **more: str
    ) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, module=module, **more)
        output, errors = process.communicate(timeout=90)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def close(self) -> None:
        for process in self._started:
            process.terminate()
        for process in self._started:
            try:
                process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


@pytest.fixture
def home() -> Iterator[Path]:
    with homes.temporary_home() as made:
        yield made


@pytest.fixture
def terminal(home: Path) -> Iterator[Terminal]:
    opened = Terminal(home)
    yield opened
    opened.close()


@pytest.fixture
def postgres(home: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(home)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey(home: Path) -> Iterator[ValkeyServer]:
    server = ValkeyServer(home)
    server.start()
    yield server
    server.stop()


def eventually(condition: Callable[[], object], within: float = 20.0) -> bool:
    """Whether the condition comes true in time."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False
