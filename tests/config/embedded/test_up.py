"""`up` keeps its children running, and leaves none behind."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded import processes, up
from config.embedded.errors import EmbeddedError
from config.embedded.postgres import PostgresServer
from config.embedded.registry import Registry
from config.embedded.valkey import ValkeyServer
from tests.config.embedded.conftest import Terminal, eventually

_STUB = "tests.config.embedded.stub_application"
pytestmark = pytest.mark.faults


class Running:
    """An `up` that said where it is."""

    def __init__(self, terminal: Terminal) -> None:
        self.home = terminal.home
        self.process = terminal.start("--", "echo", "ready", module=_STUB)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        (entry,) = [it for it in Registry(self.home).others() if it.process.pid == self.process.pid]
        self.port = int(entry.address.rpartition(":")[2])

    def children(self) -> dict[str, int]:
        entries = Registry(self.home).others()
        return {name: child.pid for it in entries for name, child in it.children.items()}

    def page(self) -> str | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().read().decode()
        except OSError:
            return None
        finally:
            connection.close()


@pytest.fixture
def running(terminal: Terminal) -> Iterator[Running]:
    started = Running(terminal)
    yield started
    if started.process.poll() is None:
        started.process.terminate()
        started.process.communicate(timeout=60)


def _children_of(home: Path) -> set[int]:
    """The stub's children and grandchildren, whoever is their parent by now."""
    found = set()
    for process in processes.find_marked("ASSENT_HOME", str(home)):
        if (Path("/proc") / str(process.pid) / "cmdline").read_bytes().split(b"\0")[1:2] == [b"-c"]:
            found.add(process.pid)
    return found


def test_once_ends_with_the_command(terminal: Terminal) -> None:
    done = terminal.run("--once", "--", "sh", "-c", "echo $ASSENT_BASE_URL; exit 5", module=_STUB)
    assert done.returncode == 5, done.stderr
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", done.stdout)
    assert PostgresServer(terminal.home).pid is None
    assert Registry(terminal.home).others() == []


def test_every_child_has_the_secrets_that_other_commands_have(
    running: Running, terminal: Terminal
) -> None:
    shown = terminal.run("exec", "--", "sh", "-c", "echo $SECRET_KEY; echo $RECEIPT_KEY_SECRET")
    key, receipts = shown.stdout.encode().split()
    pids = list(running.children().values())
    found = [(Path("/proc") / str(pid) / "environ").read_bytes().split(b"\0") for pid in pids]
    for environment in found:
        assert b"SECRET_KEY=" + key in environment
        assert b"RECEIPT_KEY_SECRET=" + receipts in environment
    assert len(found) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything(running: Running, terminal: Terminal, number: int) -> None:
    assert _children_of(running.home)
    running.process.send_signal(number)
    assert running.process.wait(timeout=30) == 0
    assert _children_of(running.home) == set()
    assert PostgresServer(terminal.home).pid is None
    assert ValkeyServer(terminal.home).pid is None


def test_a_killed_child_is_started_again_without_its_orphans(running: Running) -> None:
    before = _children_of(running.home)
    assert len(before) == 3
    for name, pid in running.children().items():
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda n=name, p=pid: running.children().get(n) != p)  # type: ignore[misc]
    assert eventually(running.page)
    assert eventually(lambda: len(_children_of(running.home)) == 3)
    assert not before & _children_of(running.home)


def test_killed_servers_are_started_again(running: Running, terminal: Terminal) -> None:
    for server in (PostgresServer(terminal.home), ValkeyServer(terminal.home)):
        before = server.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        assert eventually(lambda s=server, b=before: s.pid not in (None, b) and s.ready())  # type: ignore[misc]
    assert running.process.poll() is None


def test_nothing_outlives_a_killed_supervisor(running: Running, terminal: Terminal) -> None:
    running.process.kill()
    running.process.communicate()
    assert eventually(lambda: PostgresServer(terminal.home).pid is None)
    again = Running(terminal)
    assert again.page()
    assert len(_children_of(again.home)) == 3
    again.process.terminate()
    assert again.process.wait(timeout=30) == 0
    assert eventually(lambda: not _children_of(again.home))


def test_it_attaches_to_servers_that_run_already(terminal: Terminal) -> None:
    owner = terminal.start("exec", "--", "sh", "-c", "echo ready; exec sleep 60")
    assert owner.stdout is not None
    owner.stdout.readline()
    before = PostgresServer(terminal.home).pid
    done = terminal.run("--once", "--", "true", module=_STUB)
    assert done.returncode == 0, done.stderr
    assert PostgresServer(terminal.home).pid == before
    owner.terminate()
    owner.communicate(timeout=20)


def test_two_run_side_by_side(running: Running, terminal: Terminal) -> None:
    done = terminal.run("--once", "--", "sh", "-c", "echo $ASSENT_BASE_URL", module=_STUB)
    assert done.returncode == 0, done.stderr
    assert not done.stdout.endswith(f":{running.port}\n")


def test_a_child_that_does_not_start_shows_its_last_words(terminal: Terminal) -> None:
    done = terminal.run("--once", "--", "true", module=_STUB, STUB_BROKEN="worker")
    assert done.returncode == 1
    assert "worker did not start (exit code 1):\nthis child is broken" in done.stderr


def test_a_taken_port_is_refused_when_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        monkeypatch.setenv("ASSENT_PORT", str(taken))
        with pytest.raises(EmbeddedError, match=f"Port {taken} is taken by another program"):
            up.choose_port()
        monkeypatch.delenv("ASSENT_PORT")
        monkeypatch.setattr(up, "_FIRST_PORT", taken)
        assert up.choose_port() > taken


def test_a_stranger_with_an_old_pid_is_left_alone(terminal: Terminal) -> None:
    (terminal.home / "processes").mkdir()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        crashed = {
            "process": [999_999_999, "1"],
            "command": "up",
            "children": {"web": [stranger.pid, "1"]},
            "address": "",
        }
        (terminal.home / "processes" / "999999999.json").write_text(json.dumps(crashed))
        assert terminal.run("exec", "--", "true").returncode == 0
        assert stranger.poll() is None
        stranger.kill()
    assert list((terminal.home / "processes").iterdir()) == []
