"""The embedded PostgreSQL keeps what it acknowledged, and touches nothing that is not its own."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

import psycopg
import pytest

from config.embedded import homes, processes
from config.embedded.errors import EmbeddedError
from config.embedded.postgres import PostgresServer
from tests.config.embedded.conftest import eventually


def _ask(server: PostgresServer, question: str) -> object:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(question).fetchone()
        return row[0] if row and len(row) == 1 else row


def test_the_application_connects_as_a_role_without_special_powers(
    postgres: PostgresServer,
) -> None:
    role = _ask(
        postgres,
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, "
        "pg_get_userbyid(datdba) FROM pg_roles, pg_database "
        "WHERE rolname = current_user AND datname = current_database()",
    )
    assert role == ("assent", False, False, False, True, "assent")


def test_nothing_acknowledged_may_be_lost_and_nobody_connects_from_outside(
    postgres: PostgresServer,
) -> None:
    for setting, expected in {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "max_connections": "150",
    }.items():
        assert _ask(postgres, f"SHOW {setting}") == expected
    locale = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = current_database()"
    assert _ask(postgres, locale) == ("b", "C.UTF-8")
    sockets = homes.read_note(postgres.home, "socket-folder")
    assert sockets is not None
    assert stat.S_IMODE(os.stat(sockets).st_mode) == 0o700


def test_it_starts_again_where_it_stopped(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    postgres.stop()
    assert not postgres.alive()
    assert not postgres.ready()
    began = time.monotonic()
    postgres.start()
    assert time.monotonic() - began < 5
    assert _ask(postgres, "SELECT number FROM kept") == 7


@pytest.mark.faults
def test_no_acknowledged_row_is_lost_when_the_server_is_killed(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE promised (number bigint PRIMARY KEY)")
    acknowledged: list[int] = []
    for round_ in range(4):
        writer = threading.Thread(target=_write_until_cut, args=(postgres.url, acknowledged))
        writer.start()
        enough = len(acknowledged) + 200
        assert eventually(lambda enough=enough: len(acknowledged) >= enough)  # type: ignore[misc]
        if round_ % 2:
            postgres.kill()
        else:
            assert postgres.pid is not None
            os.kill(postgres.pid, signal.SIGKILL)
        writer.join(timeout=10)
        assert not writer.is_alive()
        postgres.start()
        with psycopg.connect(postgres.url) as connection:
            stored = {row[0] for row in connection.execute("SELECT number FROM promised")}
        assert not set(acknowledged) - stored


def _write_until_cut(url: str, acknowledged: list[int]) -> None:
    number = max(acknowledged, default=0) + 1000
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            while True:
                number += 1
                connection.execute("INSERT INTO promised VALUES (%s)", [number])
                acknowledged.append(number)
    except psycopg.OperationalError:
        return


def test_a_server_that_its_owner_left_behind_is_replaced(
    home: Path, postgres: PostgresServer
) -> None:
    orphan = postgres.pid
    successor = PostgresServer(home)
    successor.start()
    try:
        assert successor.pid not in (None, orphan)
        assert eventually(lambda: not postgres.alive())
    finally:
        successor.stop()


def test_a_stale_pid_file_never_gets_a_stranger_signalled(postgres: PostgresServer) -> None:
    postgres.stop()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (postgres.data / "postmaster.pid").write_text(f"{stranger.pid}\n{postgres.data}\n")
        postgres.start()
        assert stranger.poll() is None
        assert postgres.ready()
        stranger.kill()


def test_data_of_another_major_version_is_refused(postgres: PostgresServer) -> None:
    postgres.stop()
    (postgres.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedError, match="belongs to PostgreSQL 16; this is PostgreSQL 18"):
        postgres.start()
    assert processes.find("postgres", postgres.data) == []


def test_a_half_made_cluster_is_made_again(home: Path, postgres: PostgresServer) -> None:
    postgres.stop()
    unfinished = home / "postgres" / "data.new-1"
    postgres.data.rename(unfinished)
    postgres.start()
    assert _ask(postgres, "SELECT 1") == 1
    assert not unfinished.exists()


def test_a_server_that_cannot_start_says_why(postgres: PostgresServer) -> None:
    postgres.stop()
    with (postgres.data / "postgresql.auto.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")
    with pytest.raises(EmbeddedError, match="no_such_setting"):
        postgres.start()
