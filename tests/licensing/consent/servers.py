"""Server processes of their own on a story's database: checking without pause, or serving HTTP."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import quote

import httpx
from django.conf import settings
from django.db import connection

from licensing.catalog.models import Subject
from tests.licensing.consent.builders import Generator


def start_server(generator: Generator, hero: Subject) -> subprocess.Popen[str]:
    """Another process that checks without pause until `end_server`. See `server`."""
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.licensing.consent.server",
            str(generator.platform.pk),
            str(hero.pk),
        ],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def end_server(server: subprocess.Popen[str]) -> list[str]:
    """Lets a server end by itself, and reads what it has still said."""
    said, _ = server.communicate(timeout=30)
    assert server.returncode == 0
    return said.splitlines()


@contextmanager
def web_servers(count: int) -> Iterator[list[str]]:
    """So many web servers as in production, each a process of its own. Gives their addresses."""
    with ExitStack() as stack:
        # All begin at once: most of a start is imports.
        starting = [stack.enter_context(_web_server()) for _ in range(count)]
        for base in starting:
            _wait_for(base)
        yield starting


@contextmanager
def _web_server() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "gunicorn", "config.wsgi:application", "--bind", f"127.0.0.1:{port}",
        "--worker-class", "gthread", "--threads", "8", "--timeout", "60", "--log-level", "error",
        "--no-control-socket",
    ]  # fmt: skip
    web = subprocess.Popen(command, env={**environment(), "DATABASE_POOL": "8"})
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        web.terminate()
        web.wait(30)


def _wait_for(base: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{base}/healthz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise RuntimeError("the web server does not answer")


def environment() -> dict[str, str]:
    """What a process needs to meet this one on its database."""
    return {
        **os.environ,
        "DATABASE_URL": _database_url(),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": str(settings.BASE_DIR),
    }


def _database_url() -> str:
    found = connection.settings_dict
    host = str(found["HOST"] or "")
    where = f"{found['USER']}:{quote(str(found['PASSWORD'] or ''))}@"
    if host.startswith("/"):
        return f"postgresql://{where}/{found['NAME']}?host={host}"
    return f"postgresql://{where}{host}:{found['PORT'] or 5432}/{found['NAME']}"
