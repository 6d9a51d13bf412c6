"""Bringing the database's tables up to date, one command of this home at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from config.embedded import homes, logs, processes
from config.embedded.errors import EmbeddedError
from config.embedded.locks import FileLock
from config.embedded.session import Session

MIGRATE = (sys.executable, "manage.py", "migrate", "--noinput")


def migrate(session: Session, command: Sequence[str] = MIGRATE) -> None:
    """Migrate under a lock: two cold starts at once would collide in PostgreSQL's catalogue."""
    lock, log = FileLock(session.home / "locks" / "migrate"), session.home / "log" / "migrate.log"
    while not lock.acquire():
        time.sleep(0.05)
    output, offset = logs.open_log(log), logs.size(log)
    try:
        child = processes.spawn(
            command,
            death_signal=signal.SIGTERM,
            env=session.environment(),
            cwd=homes.CHECKOUT,
            stdin=subprocess.DEVNULL,
            output=output,
        )
        try:
            code = child.wait()
        finally:
            # Only after an interruption is there still something to end.
            child.terminate()
            child.wait()
    finally:
        os.close(output)
        lock.release()
    if code:
        raise EmbeddedError(f"The migrations failed:\n{logs.tail(log, since=offset)}")
