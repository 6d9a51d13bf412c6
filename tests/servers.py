"""Assent under gunicorn, on the database of the process that asks for it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
from django.conf import settings
from django.db import connection


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServer:
    """A web server that answers."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def workers(self) -> list[int]:
        """The processes that answer."""
        own = self.process.pid
        return [int(it) for it in Path(f"/proc/{own}/task/{own}/children").read_text().split()]


@contextmanager
def web_server(
    *options: str, config: str = "python:config.gunicorn", **variables: str
) -> Iterator[WebServer]:
    """A web server as in production, on a port of its own, with one process."""
    with _beginning(*options, config=config, **variables) as server:
        _wait_for(server)
        yield server


@contextmanager
def web_servers(count: int, *options: str) -> Iterator[list[WebServer]]:
    """So many of them. All begin at once: most of a start is imports."""
    with ExitStack() as stack:
        beginning = [stack.enter_context(_beginning(*options)) for _ in range(count)]
        for server in beginning:
            _wait_for(server)
        yield beginning


@contextmanager
def _beginning(
    *options: str, config: str = "python:config.gunicorn", **variables: str
) -> Iterator[WebServer]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--config", config, "--workers", "1"),
            *("--bind", f"127.0.0.1:{port}", "--log-level", "error", *options),
        ],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": database_url(), **variables},
    )
    try:
        yield WebServer(port=port, process=process)
    finally:
        process.terminate()
        process.wait(60)


def _wait_for(server: WebServer) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{server.base}/healthz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise RuntimeError("the web server does not answer")


def database_url() -> str:
    """The address of the database that this process is on."""
    found = connection.settings_dict
    host = str(found["HOST"] or "")
    where = f"{found['USER']}:{quote(str(found['PASSWORD'] or ''))}@"
    if host.startswith("/"):
        return f"postgresql://{where}/{found['NAME']}?host={host}"
    return f"postgresql://{where}{host}:{found['PORT'] or 5432}/{found['NAME']}"
