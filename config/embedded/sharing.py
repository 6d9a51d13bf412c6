"""One owner per server, any number of users, and no server without a living owner.

The owner holds the lock `<server>.owner` and is the server's parent. A later command attaches: it
holds `<server>.users` together with the others. The owner waits for them before it stops the
server; when it dies instead, its servers die with it and one of the users becomes the owner.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from config.embedded import display, logs
from config.embedded.backoff import STORM, Backoff
from config.embedded.errors import EmbeddedError
from config.embedded.locks import FileLock
from config.embedded.registry import Registry
from config.embedded.signals import Signals

_ATTACH_TIMEOUT = 180.0
_WAIT_FOR_USERS = 600.0
_TRIM_EVERY = 10.0


class Server(Protocol):
    """What the embedded servers have in common."""

    name: str
    key: str

    @property
    def url(self) -> str: ...
    @property
    def pid(self) -> int | None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def alive(self) -> bool: ...
    def ready(self) -> bool: ...


class SharedServer:
    """This process's share in one server."""

    def __init__(self, home: Path, server: Server) -> None:
        self.server = server
        self._owner = FileLock(home / "locks" / f"{server.key}.owner")
        self._users = FileLock(home / "locks" / f"{server.key}.users")
        self._backoff = Backoff()
        self._retry_at = 0.0

    @property
    def owned(self) -> bool:
        return self._owner.held

    def claim(self) -> None:
        """Become the owner if nobody is."""
        self._owner.acquire()

    def ensure(self) -> None:
        """Return when the server is ready, as its owner or attached to it."""
        deadline = time.monotonic() + _ATTACH_TIMEOUT
        while time.monotonic() < deadline:
            if self._owner.acquire():
                self._users.release()
                self.server.start()
                return
            # Refused while the owner is stopping: then it is soon our turn to own.
            if self._users.acquire(shared=True) and self.server.ready():
                return
            time.sleep(0.05)
        raise EmbeddedError(
            f"{self.server.name} was not ready within {_ATTACH_TIMEOUT:.0f} s. "
            "`python -m config.embedded status` shows who owns it."
        )

    def tick(self) -> None:
        """Start the server again if it died, or take it over if its owner did."""
        if time.monotonic() < self._retry_at:
            return
        if self.owned:
            if self.server.alive():
                return
            display.warn(f"{self.server.name} ended; starting it again.")
        elif self._owner.acquire():
            self._users.release()
            display.warn(f"The owner of {self.server.name} is gone; taking over.")
        else:
            return
        # Counted before the attempt: a server that starts and dies at once must not spin.
        self._retry_at = time.monotonic() + self._backoff.next_delay()
        if self._backoff.storm:
            display.fail(f"{self.server.name} ended {STORM} times within a minute.")
        try:
            self.server.start()
        except EmbeddedError as error:
            display.fail(str(error))

    def detach(self) -> None:
        """Stop using a server that another process owns."""
        if not self.owned:
            self._users.release()

    def unused(self) -> bool:
        """Whether no other process uses the server; if so, none can begin to until `reopen`."""
        return not self.owned or self._users.acquire()

    def reopen(self) -> None:
        """Let others attach again."""
        if self.owned:
            self._users.release()

    def close(self) -> None:
        """Stop the server if it is ours, and let the next one have it."""
        if self.owned:
            self.server.stop()
        self.release()

    def release(self) -> None:
        """Give up this process's share, whatever it is."""
        self._users.release()
        self._owner.release()


class Servers:
    """This process's shares in the servers of one home."""

    def __init__(self, home: Path, servers: Sequence[Server], signals: Signals) -> None:
        self._shares = [SharedServer(home, server) for server in servers]
        self._registry = Registry(home)
        self._signals = signals
        self._log_folder = home / "log"
        self._trim_at = 0.0

    def __enter__(self) -> Servers:
        began = time.monotonic()
        try:
            # All locks first: two cold starts then do not end up owning one server each.
            for share in self._shares:
                share.claim()
            for share in self._shares:
                share.ensure()
        except BaseException:
            self._close()
            raise
        if started := [share.server.name for share in self._shares if share.owned]:
            display.say(f"{' and '.join(started)} started in {time.monotonic() - began:.1f} s")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._signals.quiet():
            for share in self._shares:
                share.detach()
            # After an error or SIGTERM nobody is waited for: a user takes the servers over.
            if kind is None and self._signals.received != signal.SIGTERM:
                self._wait_for_users()
        self._close()

    def tick(self) -> None:
        for share in self._shares:
            share.tick()
        if time.monotonic() > self._trim_at:
            self._trim_at = time.monotonic() + _TRIM_EVERY
            for log in self._log_folder.glob("*.log"):
                logs.trim(log)

    def urls(self) -> dict[str, str]:
        """The servers' URLs by their key."""
        return {share.server.key: share.server.url for share in self._shares}

    def _wait_for_users(self) -> None:
        deadline, told = time.monotonic() + _WAIT_FOR_USERS, False
        self._signals.forget()
        while not self._unused():
            if not told:
                users = ", ".join(
                    f"{it.command} ({it.process.pid})" for it in self._registry.others()
                )
                display.say(f"Servers still in use by {users or 'another command'}; waiting.")
                told = True
            if time.monotonic() > deadline or self._signals.next(0.1):
                display.warn("Stopping the servers; those who still use them start their own.")
                return
            self.tick()

    def _unused(self) -> bool:
        """Whether nobody uses any of the servers; all or none of them are then shut to others."""
        if all(share.unused() for share in self._shares):
            return True
        for share in self._shares:
            share.reopen()
        return False

    def _close(self) -> None:
        with self._signals.quiet():
            for share in reversed(self._shares):
                share.close()
