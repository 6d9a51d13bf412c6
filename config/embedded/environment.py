"""What a command finds in its environment: this machine's own, the checkout's `.env`, the servers'
URLs, and secrets that are made once and kept in the home."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from config.embedded import homes
from config.embedded.postgres import PostgresServer
from config.embedded.sharing import Server
from config.embedded.valkey import ValkeyServer

_LINE = re.compile(r"^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")
_VARIABLES = {"postgres": "DATABASE_URL", "valkey": "REDIS_URL"}
_SECRETS = ("SECRET_KEY", "RECEIPT_KEY_SECRET")
_SECRET_BYTES = 48


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


def of_commands(home: Path, urls: Mapping[str, str]) -> dict[str, str]:
    """The environment for a command of this home that uses the servers with these URLs."""
    named = {_VARIABLES[key]: url for key, url in urls.items()}
    return {**os.environ, **_own_secrets(home), **named}


def _own_secrets(home: Path) -> dict[str, str]:
    """The home's own secrets, the same for every command of it. A SECRET_KEY that is given stands
    alone, as it does for a process that was not started from here."""
    if os.environ.get("SECRET_KEY"):
        return {}
    homes.prepare_home(home)
    return {
        name: homes.keep_note(home, name.lower(), secrets.token_urlsafe(_SECRET_BYTES))
        for name in _SECRETS
        if not os.environ.get(name)
    }
