"""PostgreSQL killed again and again under posting load: nothing acknowledged lost or doubled."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from config.embedded.homes import temporary_home
from config.embedded.postgres import PostgresServer
from tests.faults.posting_load import LINES

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

KILLS = 6
CLERKS = 3
ROOT = Path(__file__).parents[2]
OPENING = """
from datetime import UTC, datetime
from ledger.journal import books, parties
now = datetime(2026, 10, 1, tzinfo=UTC)
book = books.house_book(mode="test", now=now)
parties.ensure(mode="test", ref="ada", kind="holder", name="Ada", now=now)
parties.ensure(mode="test", ref="reel", kind="platform", name="Reel", now=now)
print(book.pk)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clerk:
    """A process that posts, and the page it writes its acknowledged entries on."""

    process: subprocess.Popen[bytes]
    page: Path

    def acknowledged(self) -> list[str]:
        return self.page.read_text().split()


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with temporary_home() as home:
        server = PostgresServer(home)
        server.start()
        yield server
        server.stop()


def manage(server: PostgresServer, *arguments: str, check: bool = True) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(server),
        check=False,
        capture_output=True,
        text=True,
    )
    assert not check or done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def environment(server: PostgresServer) -> dict[str, str]:
    return {**os.environ, "DATABASE_URL": server.url, "LOG_LEVEL": "CRITICAL"}


@contextmanager
def clerks(server: PostgresServer, book: str, folder: Path) -> Iterator[list[Clerk]]:
    """Three processes that post into one book."""
    started = []
    try:
        for number in range(CLERKS):
            page = folder / f"clerk-{number}"
            with page.open("wb") as stream:
                process = subprocess.Popen(
                    [sys.executable, "-m", "tests.faults.posting_load", f"clerk-{number}", book],
                    cwd=ROOT,
                    env=environment(server),
                    stdout=stream,
                )
            started.append(Clerk(process=process, page=page))
        yield started
    finally:
        for clerk in started:
            clerk.process.kill()
            clerk.process.wait()


def wait_for_more(found: list[Clerk], *, than: list[int], patience: float = 60) -> None:
    """Until every clerk has been told of more entries than before."""
    until = time.monotonic() + patience
    while any(
        len(clerk.acknowledged()) <= before for clerk, before in zip(found, than, strict=True)
    ):
        assert time.monotonic() < until, "the clerks stand still"
        assert all(clerk.process.poll() is None for clerk in found), "a clerk gave up"
        time.sleep(0.05)


def test_every_acknowledged_entry_stands_once(server: PostgresServer, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**9)
    chance = random.Random(seed)
    print(f"seed {seed}")
    manage(server, "migrate", "--verbosity", "0")
    book = manage(server, "shell", "--no-imports", "--command", OPENING).split()[-1]
    with clerks(server, book, tmp_path) as found:
        wait_for_more(found, than=[0] * CLERKS)
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.1, 1.5))
            server.kill()
            before = [len(clerk.acknowledged()) for clerk in found]
            server.start()
            wait_for_more(found, than=before)
    acknowledged = [key for clerk in found for key in clerk.acknowledged()]
    assert len(acknowledged) > KILLS * CLERKS
    _require_once(server, acknowledged)
    verified = json.loads(manage(server, "verify_books", "--json"))
    assert verified["sound"], verified["findings"]


def _require_once(server: PostgresServer, acknowledged: list[str]) -> None:
    """Each key once and whole; at most one more per clerk, whose answer was on its way."""
    with psycopg.connect(server.url) as connection:
        entries = connection.execute(
            "SELECT e.key, e.line_count, count(t.line) FROM journal_entry e"
            " LEFT JOIN journal_transfer t ON t.entry_id = e.id GROUP BY e.id"
        ).fetchall()
        balances = connection.execute(
            "SELECT sum(debits), sum(credits) FROM journal_balance"
        ).fetchone()
    keys = [key for key, _, _ in entries]
    assert len(keys) == len(set(keys))
    assert set(acknowledged) <= set(keys)
    assert len(keys) - len(acknowledged) <= CLERKS
    assert {(count, lines) for _, count, lines in entries} == {(LINES, LINES)}
    assert balances is not None
    debits, credits_ = balances
    assert debits == credits_
    assert debits * 10_000 == len(keys) * LINES * 4
