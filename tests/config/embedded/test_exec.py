"""`exec` runs a command with servers that are there, whoever else runs or dies."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.embedded import homes
from config.embedded.postgres import PostgresServer
from config.embedded.registry import Registry
from config.embedded.valkey import ValkeyServer
from tests.config.embedded.conftest import Terminal, eventually

_PYTHON = sys.executable
_QUERY = """
import os, sys, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    print(connection.execute(sys.argv[1]).fetchone()[0], flush=True)
"""
_STARTED = "SELECT pg_postmaster_start_time()"


@pytest.fixture
def short_home() -> Iterator[Path]:
    with homes.temporary_home() as made:
        yield made


def _query(question: str) -> list[str]:
    return ["exec", "--", _PYTHON, "-c", _QUERY, question]


def _wait_for(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == line


def _all_dead(home: Path) -> bool:
    return PostgresServer(home).pid is None and ValkeyServer(home).pid is None


def test_the_command_gets_both_servers_and_keeps_its_exit_code(terminal: Terminal) -> None:
    program = (
        "import os, sys, psycopg, redis\n"
        "psycopg.connect(os.environ['DATABASE_URL']).close()\n"
        "with redis.Redis.from_url(os.environ['REDIS_URL']) as client: print(client.ping())\n"
        "sys.exit(7)"
    )
    done = terminal.run("exec", "--", _PYTHON, "-c", program)
    assert (done.returncode, done.stdout) == (7, "True\n"), done.stderr
    assert _all_dead(terminal.home)


def test_stdout_belongs_to_the_command(terminal: Terminal) -> None:
    done = terminal.run("exec", "--", "echo", "{}")
    assert done.stdout == "{}\n"
    assert "PostgreSQL and Valkey started" in done.stderr


def test_nothing_is_started_when_both_servers_are_named(terminal: Terminal) -> None:
    done = terminal.run(
        "exec", "--", "sh", "-c", "echo $REDIS_URL", DATABASE_URL="x", REDIS_URL="y"
    )
    assert (done.stdout, done.stderr) == ("y\n", "")
    assert not (terminal.home / "postgres").exists()
    assert not (terminal.home / "valkey").exists()


def test_only_the_missing_server_is_started(terminal: Terminal) -> None:
    done = terminal.run(
        "exec", "--", "sh", "-c", "echo $DATABASE_URL; echo $REDIS_URL", DATABASE_URL="x"
    )
    assert done.stdout.startswith("x\nredis://:"), done.stderr
    assert not (terminal.home / "postgres").exists()


_SECRETS = ("exec", "--", "sh", "-c", "echo $SECRET_KEY; echo $RECEIPT_KEY_SECRET")
_NAMED = {"DATABASE_URL": "x", "REDIS_URL": "y"}


def test_secrets_are_made_once_and_kept_to_oneself(terminal: Terminal) -> None:
    first = terminal.run(*_SECRETS, **_NAMED)
    assert (first.returncode, first.stderr) == (0, "")
    key, receipts = first.stdout.split()
    assert len({key, receipts}) == 2
    assert min(len(key), len(receipts)) >= 64
    # With the embedded servers as with others, and whatever the home's other notes are.
    assert terminal.run(*_SECRETS).stdout == first.stdout
    assert terminal.run(*_SECRETS, **_NAMED).stdout == first.stdout
    notes = terminal.home / "notes"
    assert stat.S_IMODE(notes.stat().st_mode) == 0o700
    for name in ("secret_key", "receipt_key_secret"):
        assert stat.S_IMODE((notes / name).stat().st_mode) == 0o600
    assert sorted(path.name for path in notes.iterdir() if "new" in path.name) == []


def test_another_installation_has_other_secrets(terminal: Terminal, short_home: Path) -> None:
    own = terminal.run(*_SECRETS, **_NAMED).stdout
    other = terminal.run(*_SECRETS, **_NAMED, ASSENT_HOME=str(short_home)).stdout
    assert not set(own.split()) & set(other.split())


def test_a_secret_that_is_given_stands_alone(terminal: Terminal) -> None:
    assert terminal.run(*_SECRETS, **_NAMED, SECRET_KEY="given").stdout == "given\n\n"
    assert not (terminal.home / "notes").exists()
    one = terminal.run(*_SECRETS, **_NAMED, RECEIPT_KEY_SECRET="given").stdout.split()
    assert one[1] == "given"
    assert one[0] == terminal.run(*_SECRETS, **_NAMED).stdout.split()[0]


def test_of_two_first_commands_at_once_both_get_the_same_secret(home: Path) -> None:
    homes.prepare_home(home)
    together = threading.Barrier(16)

    def keep(number: int) -> str:
        together.wait()
        return homes.keep_note(home, "secret", str(number))

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(keep, range(16)))) == 1


def test_errors_are_sentences(terminal: Terminal) -> None:
    done = terminal.run("exec", "--", "no-such-command")
    assert done.returncode == 127
    assert "cannot run no-such-command: No such file or directory" in done.stderr
    done = terminal.run("exec", "--", "true", ASSENT_HOME="/proc/nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("✗ /proc/nowhere cannot be used")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_the_command(terminal: Terminal, number: signal.Signals) -> None:
    program = f"trap 'echo caught; exit 9' {number.name.removeprefix('SIG')}; echo ready; sleep 30 >&- 2>&- & wait"
    running = terminal.start("exec", "--", "sh", "-c", program)
    _wait_for(running, "ready")
    running.send_signal(number)
    _wait_for(running, "caught")
    assert running.wait(timeout=20) == 9
    assert _all_dead(terminal.home)


@pytest.mark.faults
def test_concurrent_cold_starts_share_one_server(terminal: Terminal) -> None:
    running = [terminal.start(*_query(f"{_STARTED} FROM pg_sleep(1)")) for _ in range(4)]
    outputs = [process.communicate(timeout=90) for process in running]
    assert [process.returncode for process in running] == [0] * 4, outputs
    assert len({output for output, _ in outputs}) == 1
    assert _all_dead(terminal.home)


@pytest.mark.faults
def test_the_owner_waits_for_those_who_attached(terminal: Terminal) -> None:
    owner = terminal.start("exec", "--", "sh", "-c", "echo ready; sleep 2")
    _wait_for(owner, "ready")
    attached = terminal.run(*_query("SELECT 'still here' FROM pg_sleep(4)"))
    assert attached.stdout == "still here\n"
    _, errors = owner.communicate(timeout=20)
    assert owner.returncode == 0
    assert "Servers still in use by exec -- " in errors
    assert _all_dead(terminal.home)


@pytest.mark.faults
def test_a_killed_owner_takes_everything_along_and_the_next_one_starts(terminal: Terminal) -> None:
    owner = terminal.start("exec", "--", "sh", "-c", "echo $$; exec sleep 60")
    assert owner.stdout is not None
    command = int(owner.stdout.readline())
    owner.kill()
    assert eventually(lambda: _all_dead(terminal.home))
    assert eventually(lambda: not Path(f"/proc/{command}/exe").exists())
    assert terminal.run(*_query("SELECT 1")).stdout == "1\n"


@pytest.mark.faults
def test_after_a_kill_of_everything_at_once_the_next_one_starts(terminal: Terminal) -> None:
    owner = terminal.start("exec", "--", "sh", "-c", "echo ready; exec sleep 60")
    _wait_for(owner, "ready")
    servers = PostgresServer(terminal.home), ValkeyServer(terminal.home)
    for pid in (servers[0].pid, owner.pid, servers[1].pid):
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    owner.communicate()
    assert terminal.run(*_query("SELECT 1")).stdout == "1\n"


@pytest.mark.faults
def test_an_attached_command_takes_over_from_a_killed_owner(terminal: Terminal) -> None:
    owner = terminal.start("exec", "--", "sh", "-c", "echo ready; exec sleep 60")
    _wait_for(owner, "ready")
    attached = terminal.start("exec", "--", "sh", "-c", "echo ready; exec sleep 60")
    _wait_for(attached, "ready")
    server, before = PostgresServer(terminal.home), PostgresServer(terminal.home).pid
    owner.kill()
    assert eventually(lambda: server.pid not in (None, before) and server.ready())
    attached.terminate()
    assert attached.wait(timeout=20) == 128 + signal.SIGTERM
    assert _all_dead(terminal.home)


@pytest.mark.faults
def test_the_owner_starts_dead_servers_again(terminal: Terminal) -> None:
    owner = terminal.start("exec", "--", "sh", "-c", "echo ready; exec sleep 60")
    _wait_for(owner, "ready")
    for server in (PostgresServer(terminal.home), ValkeyServer(terminal.home)):
        before = server.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        assert eventually(lambda s=server, b=before: s.pid not in (None, b) and s.ready())  # type: ignore[misc]
    owner.terminate()
    assert owner.wait(timeout=20) == 128 + signal.SIGTERM


@pytest.mark.faults
def test_stop_ends_all_and_reset_deletes_all(terminal: Terminal) -> None:
    owner = terminal.start("exec", "--", "sh", "-c", "echo ready; exec sleep 60")
    _wait_for(owner, "ready")
    attached = terminal.start("exec", "--", "sh", "-c", "echo ready; exec sleep 60")
    _wait_for(attached, "ready")
    shown = terminal.run("status")
    assert (shown.returncode, shown.stdout.count(" ready ")) == (0, 2), shown
    refused = terminal.run("reset", "--yes")
    assert refused.returncode == 1
    assert "is in use by exec -- sh" in refused.stderr
    assert terminal.run("stop").returncode == 0
    owner.wait(timeout=10)
    attached.wait(timeout=10)
    assert _all_dead(terminal.home)
    assert Registry(terminal.home).others() == []
    assert terminal.run("reset").returncode == 1
    assert terminal.home.exists()
    assert terminal.run("reset", "--yes").returncode == 0
    assert not terminal.home.exists()


@pytest.mark.faults
def test_concurrent_cold_starts_may_both_migrate(terminal: Terminal) -> None:
    count = "SELECT count(*) > 10 FROM django_migrations"
    query = ["exec", "--migrate", *_query(count)[1:]]
    running = [terminal.start(*query) for _ in range(2)]
    for process in running:
        output, errors = process.communicate(timeout=90)
        assert (process.returncode, output) == (0, "True\n"), errors
