"""What this machine already provides: the environment, and the checkout's `.env`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from config.embedded import homes
from config.embedded.postgres import PostgresServer
from config.embedded.sharing import Server
from config.embedded.valkey import ValkeyServer

_LINE = re.compile(r"^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")
_VARIABLES = {"postgres": "DATABASE_URL", "valkey": "REDIS_URL"}


def load_dotenv(path: Path = homes.CHECKOUT / ".env") -> None:
    """Add the variables of `.env` that the environment does not set already."""
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        if match := _LINE.match(line.strip()):
            name, value = match.groups()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            os.environ.setdefault(name, value)


def missing_servers(home: Path) -> list[Server]:
    """The servers that no variable names, PostgreSQL first."""
    servers: list[Server] = [PostgresServer(home), ValkeyServer(home)]
    return [server for server in servers if not os.environ.get(_VARIABLES[server.key])]


def with_urls(urls: dict[str, str]) -> dict[str, str]:
    """The environment for a command that uses the servers with these URLs."""
    return {**os.environ, **{_VARIABLES[key]: url for key, url in urls.items()}}
