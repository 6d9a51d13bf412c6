"""A real Celery worker beside the story: a process of its own that can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import redis
from celery import Celery
from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 60.0


class Worker:
    """`celery worker` on this story's database, with two processes unless said otherwise."""

    def __init__(self, shop: Workshop, *, processes: int) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the worker is ended
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "celery",
                "-A",
                "config",
                "worker",
                f"--concurrency={processes}",
                "--loglevel=INFO",
                "--without-gossip",
                "--without-mingle",
                "--without-heartbeat",
                f"--hostname=story-{uuid.uuid4().hex}@localhost",
            ],
            cwd=ROOT,
            env=shop.environment(),
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def group(self) -> int:
        """The process group of the worker and its children."""
        return self._process.pid

    def log(self) -> str:
        """What it has said so far."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def is_up(self) -> bool:
        """Whether it takes work. Raises if it died instead."""
        if self._process.poll() is not None:
            raise AssertionError(f"the worker ended by itself:\n{self.log()}")
        return " ready." in self.log()

    def kill(self) -> None:
        """kill -9, of the worker and its children at once."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE)

    def end(self) -> None:
        """Ends it if it still runs. What it was doing does not matter: it may be killed anywhere."""
        if self._process.poll() is None:
            self.kill()
        self._log.close()


class Workshop:
    """A broker's corner of its own, with the workers of one story."""

    def __init__(self) -> None:
        self.prefix = f"story-{uuid.uuid4().hex}:"
        self.workers: list[Worker] = []

    def environment(self) -> dict[str, str]:
        """What makes a process a part of this story."""
        known = connection.settings_dict
        who = quote(str(known["USER"] or ""))
        if known["PASSWORD"]:
            who += f":{quote(str(known['PASSWORD']))}"
        where = f"?host={quote(str(known['HOST']), safe='')}" if known["HOST"] else ""
        if known["PORT"]:
            where += f"{'&' if where else '?'}port={known['PORT']}"
        return {
            **os.environ,
            "DATABASE_URL": f"postgresql://{who}@/{known['NAME']}{where}",
            "CELERY_KEY_PREFIX": self.prefix,
            "STATEMENT_TIMEOUT": "45s",
            "PYTHONWARNINGS": "default",
        }

    def start_worker(self, *, processes: int = 2) -> Worker:
        """A worker that is ready."""
        worker = Worker(self, processes=processes)
        self.workers.append(worker)
        wait_until(worker.is_up)
        return worker

    def send(self, task: str, *args: str, times: int = 1) -> None:
        """Puts messages where the workers find them."""
        app = Celery("story", set_as_current=False)
        app.conf.update(
            broker_url=settings.CELERY_BROKER_URL,
            broker_transport_options={
                **settings.CELERY_BROKER_TRANSPORT_OPTIONS,
                "global_keyprefix": self.prefix,
            },
            task_ignore_result=True,
        )
        with app.connection_for_write() as broker:
            for _ in range(times):
                app.send_task(task, args, connection=broker)
        app.close()

    def close(self) -> None:
        """Ends every worker and forgets the messages."""
        for worker in self.workers:
            worker.end()
        with redis.Redis.from_url(settings.CELERY_BROKER_URL) as broker:
            for key in broker.scan_iter(f"{self.prefix}*"):
                broker.delete(key)


@contextmanager
def workshop() -> Iterator[Workshop]:
    """A workshop that is cleared away."""
    shop = Workshop()
    try:
        yield shop
    finally:
        shop.close()


def wait_until(
    holds: Callable[[], bool],
    *,
    meanwhile: Callable[[], None] = lambda: None,
    every: float = 0.05,
    patience: float = PATIENCE,
) -> None:
    """Waits for something to hold, doing something each second; fails after `patience` seconds."""
    end = time.monotonic() + patience
    again = time.monotonic() + 1
    while not holds():
        now = time.monotonic()
        if now > end:
            raise AssertionError(f"this did not come to hold in {patience} seconds")
        if now > again:
            meanwhile()
            again = now + 1
        time.sleep(every)
