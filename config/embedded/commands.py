"""The commands but `up`: run something with the servers, show, stop and delete them."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Sequence
from pathlib import Path

from config.embedded import display, environment, foreground, homes, processes, status_table
from config.embedded.errors import EmbeddedError
from config.embedded.migrations import migrate
from config.embedded.postgres import PostgresServer
from config.embedded.registry import Registry
from config.embedded.session import open_session
from config.embedded.sharing import SharedServer
from config.embedded.valkey import ValkeyServer

# A worker finishes its tasks first, which may take it 50 seconds.
_STOP = ((signal.SIGTERM, 90.0), (signal.SIGKILL, 10.0))


def execute(command: Sequence[str], *, migrated: bool = False) -> int:
    """Run a command with both URLs and its secrets in its environment, and return its exit code."""
    if not migrated and os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        own = environment.of_commands(homes.default_home(), urls={})
        try:
            os.execvpe(command[0], list(command), own)  # noqa: S606
        except OSError as error:
            display.fail(f"cannot run {command[0]}: {error.strerror}")
            return 127
    with open_session(f"exec -- {shlex.join(command)}") as session:
        if migrated:
            migrate(session)
        own = session.environment()
        if address := session.registry.address():
            own.setdefault("ASSENT_BASE_URL", address)
        return foreground.run(command, env=own, signals=session.signals, tick=session.servers.tick)


def status() -> int:
    """Show what runs; exit code 0 when both servers do, 3 otherwise."""
    home = homes.default_home()
    display.console(stderr=False).print(status_table.table(home))
    return 0 if all(server.ready() for server in _servers(home)) else 3


def stop() -> int:
    """End every command that uses the home, and servers that nobody owns."""
    home = homes.default_home()
    if not home.exists():
        display.say("Nothing runs.")
        return 0
    users = Registry(home).others()
    for entry in users:
        display.say(f"Stopping {entry.command} ({entry.process.pid})")
    if not processes.stop([entry.process for entry in users], _STOP):
        raise EmbeddedError("Not everything stopped; `status` shows what is left.")
    Registry(home).sweep()
    _clear_orphans(home)
    display.done("Stopped." if users else "Nothing runs.")
    return 0


def reset(*, confirmed: bool) -> int:
    """Delete the home and all its data, unless somebody uses it."""
    home = homes.default_home()
    if not home.exists():
        display.say(f"There is nothing at {home}.")
        return 0
    if not (home / "locks").is_dir():
        raise EmbeddedError(f"{home} does not look like a home of the embedded servers.")
    if not confirmed:
        raise EmbeddedError(f"This deletes all data in {home}. Add --yes to do it.")
    shares = _claim_all(home, "Stop it first: python -m config.embedded stop")
    try:
        for share in shares:
            share.server.stop()
        homes.remove_home(home)
    finally:
        for share in shares:
            share.close()
    display.done(f"Deleted {home}")
    return 0


def _servers(home: Path) -> tuple[PostgresServer, ValkeyServer]:
    return PostgresServer(home), ValkeyServer(home)


def _clear_orphans(home: Path) -> None:
    """Stop servers whose owner is gone; under the locks, so that no new owner starts meanwhile."""
    for share in _claim_all(home, "Another command started in the meantime."):
        share.close()


def _claim_all(home: Path, advice: str) -> list[SharedServer]:
    shares = [SharedServer(home, server) for server in _servers(home)]
    for share in shares:
        share.claim()
    if all(share.owned and share.unused() for share in shares):
        return shares
    for share in shares:
        share.release()
    users = ", ".join(f"{it.command} ({it.process.pid})" for it in Registry(home).others())
    raise EmbeddedError(f"{home} is in use by {users or 'another command'}. {advice}")
