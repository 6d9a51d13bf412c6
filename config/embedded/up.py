"""The command `up`: servers, web, worker and beat on one machine, supervised."""

from __future__ import annotations

import http.client
import os
import shlex
import shutil
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.embedded import display, foreground, homes
from config.embedded.errors import EmbeddedError
from config.embedded.migrations import MIGRATE, migrate
from config.embedded.session import Session, open_session
from config.embedded.supervisor import ChildSpec, Supervisor

_HOST = "127.0.0.1"
_FIRST_PORT = 8000
_PORTS_TO_TRY = 100
_READY_TIMEOUT = 90.0
_TICK = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What `up` runs: the command before, the children for a home and port, the page to wait for."""

    migrate: Sequence[str]
    children: Callable[[Path, int], Sequence[ChildSpec]]
    ready_path: str


def _children(home: Path, port: int) -> list[ChildSpec]:
    # fmt: off
    web = [
        sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn",
        "--bind", f"{_HOST}:{port}",
    ]
    # No pid files: a stale one would keep the next run from starting.
    celery = [sys.executable, "-m", "celery", "--app", "config"]
    beat = [*celery, "beat", "--pidfile=", "--schedule", str(home / "celery" / f"beat-{port}")]
    worker = [
        *celery, "worker", "--pool", "prefork", "--concurrency", "2", "--pidfile=",
        "--hostname", f"worker-{port}@%h", "--loglevel", "INFO",
    ]
    # fmt: on
    served = {"CONN_MAX_AGE": "600", "PROMETHEUS_MULTIPROC_DIR": str(_metrics(home, port))}
    worked = {"CONN_MAX_AGE": "600", "STATEMENT_TIMEOUT": "45s"}
    return [
        ChildSpec(name="web", command=web, patience=25.0, environment=served),
        ChildSpec(name="beat", command=beat, patience=10.0),
        ChildSpec(name="worker", command=worker, patience=60.0, environment=worked),
    ]


def _metrics(home: Path, port: int) -> Path:
    """An empty folder in which the web's processes share their figures."""
    folder = home / "metrics" / str(port)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


ASSENT = Application(
    migrate=MIGRATE,
    children=_children,
    ready_path="/readyz",
)


def run(command: Sequence[str], *, once: bool, application: Application = ASSENT) -> int:
    """Run everything until a signal; or, with `once`, until the command ends."""
    with open_session(shlex.join(["up", *(["--", *command] if command else [])])) as session:
        port = choose_port()
        address = f"http://{_HOST}:{port}"
        display.say("Migrating the database ...")
        migrate(session, application.migrate)
        supervisor = Supervisor(
            application.children(session.home, port),
            log_folder=session.home / "log",
            folder=homes.CHECKOUT,
            environment=lambda: _environment(session, address) | session.registry.marked(),
            on_change=lambda children: session.registry.update(children=children, address=address),
        )
        try:
            display.say("Starting web, worker and beat ...")
            supervisor.start()
            _wait_until_ready(port, application.ready_path, supervisor)
            supervisor.forgive()
            display.done(f"Assent is up at {address}")
            with session.signals.quiet():
                return _stay(session, supervisor, command, once=once, address=address)
        finally:
            _stop(session, supervisor)


def choose_port() -> int:
    """`ASSENT_PORT`, which must be free; or the first free one from 8000."""
    chosen = os.environ.get("ASSENT_PORT")
    if chosen:
        if not chosen.isascii() or not chosen.isdigit() or not 0 < int(chosen) < 65536:
            raise EmbeddedError(f"ASSENT_PORT is '{chosen}', which is not a port.")
        if not _is_free(int(chosen)):
            raise EmbeddedError(
                f"Port {chosen} is taken by another program. Set ASSENT_PORT to a free one, or "
                "unset it to have one picked."
            )
        return int(chosen)
    for port in range(_FIRST_PORT, _FIRST_PORT + _PORTS_TO_TRY):
        if _is_free(port):
            if port != _FIRST_PORT:
                display.say(f"Port {_FIRST_PORT} is taken; using {port}.")
            return port
    raise EmbeddedError(f"No free port from {_FIRST_PORT} on. Set ASSENT_PORT.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


def _environment(session: Session, address: str) -> dict[str, str]:
    return {
        "BASE_URL": address,
        **session.environment(),
        "ASSENT_BASE_URL": address,
        "PYTHONUNBUFFERED": "1",
    }


def _wait_until_ready(port: int, path: str, supervisor: Supervisor) -> None:
    deadline, answer = time.monotonic() + _READY_TIMEOUT, "no answer"
    while time.monotonic() < deadline:
        supervisor.tick()
        answer = _ask(port, path)
        if answer.startswith("200"):
            return
        time.sleep(0.1)
    raise EmbeddedError(f"{path} did not become ready within {_READY_TIMEOUT:.0f} s: {answer}")


def _ask(port: int, path: str) -> str:
    """The status and the beginning of the body, in one line."""
    connection = http.client.HTTPConnection(_HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return f"{response.status} {response.read(300).decode(errors='replace')}"
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    finally:
        connection.close()


def _stay(
    session: Session, supervisor: Supervisor, command: Sequence[str], *, once: bool, address: str
) -> int:
    """Run the command in the foreground if there is one; then stay, unless `once`."""

    def tick() -> None:
        session.servers.tick()
        supervisor.tick()

    code = 0
    if command:
        code = foreground.run(
            command, env=_environment(session, address), signals=session.signals, tick=tick
        )
        if once:
            return code
        if code and not session.signals.received:
            display.warn(f"{command[0]} ended with exit code {code}.")
    if not session.signals.received:
        display.say(f"Logs are in {session.home / 'log'}. Ctrl-C stops everything.")
    while not session.signals.received:
        session.signals.next(_TICK)
        tick()
    return 0


def _stop(session: Session, supervisor: Supervisor) -> None:
    with session.signals.quiet():
        display.say("Stopping ...")
        session.signals.forget()
        supervisor.stop(lambda: session.signals.next(0.05) is not None)
