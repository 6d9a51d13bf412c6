"""One Valkey server on one data folder, reached over loopback with a password.

TCP and not a socket file, because redis-py, Celery and limits each spell socket URLs differently.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from config.embedded import binaries, homes, logs, processes
from config.embedded.errors import EmbeddedError

_HOST = "127.0.0.1"
# Below the ports that the kernel hands to outgoing connections, so that ours is free again later.
_PORTS = range(20000, 32000)
_START_TIMEOUT = 60.0
_STOP = ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0))
_CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
protected-mode yes
daemonize no
logfile ""
set-proc-title no
always-show-logo no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""


class ValkeyServer:
    """The server of one home. Locks are the caller's business: one starter per home at a time."""

    name = "Valkey"
    key = "valkey"

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "valkey"
        self.log = home / "log" / "valkey.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_offset = 0

    @property
    def url(self) -> str:
        return f"redis://:{self._read('password')}@{_HOST}:{self._read('port')}/0"

    @property
    def port(self) -> int:
        return int(self._read("port"))

    @property
    def pid(self) -> int | None:
        """The server's pid, whoever started it."""
        return next((process.pid for process in self._processes()), None)

    def start(self) -> None:
        """Start the server and return when it answers; the port and password stay the same."""
        _, self._account = homes.server_folder(self.home, self.key)
        self._binary = binaries.valkey_server(self.home, self._account)
        self.clear_leftovers()
        if homes.read_note(self.home, "valkey-password") is None:
            homes.write_note(self.home, "valkey-password", secrets.token_hex(24))
        for _ in range(5):
            homes.write_note(self.home, "valkey-port", str(self._free_port()))
            self._launch()
            if self._becomes_ready():
                return
            # Another process may have taken the port in the meantime.
            if not _taken(self.port):
                break
        raise EmbeddedError(f"Valkey did not start:\n{logs.tail(self.log, since=self._log_offset)}")

    def stop(self) -> None:
        """Ask the server to write its log out and end; escalated when it does not."""
        processes.stop(self._processes(), _STOP)
        self._reap()

    def kill(self) -> None:
        """End it at once, as a crash would. For tests of faults."""
        processes.stop(self._processes(), ((signal.SIGKILL, 10.0),))
        self._reap()

    def alive(self) -> bool:
        """Whether the process this object started is running."""
        return self._process is not None and self._process.poll() is None

    def ready(self) -> bool:
        """Whether our server answers PING; a stranger on the port refuses our password."""
        try:
            with socket.create_connection((_HOST, self.port), timeout=2) as channel:
                channel.sendall(f"AUTH {self._read('password')}\r\nPING\r\n".encode())
                with channel.makefile("rb") as answers:
                    return answers.readline() == b"+OK\r\n" and answers.readline() == b"+PONG\r\n"
        except (OSError, EmbeddedError):
            return False

    def clear_leftovers(self) -> None:
        """Stop what an earlier owner left running."""
        self.stop()

    def _processes(self) -> list[processes.Process]:
        return processes.find("valkey-server", self.folder)

    def _free_port(self) -> int:
        """The remembered port, so that clients find a restarted server; else a free one."""
        remembered = [self.port] if homes.read_note(self.home, "valkey-port") else []
        for port in (*remembered, *random.sample(_PORTS, 50)):
            if not _taken(port):
                return port
        raise EmbeddedError(f"No free port on {_HOST} for Valkey. Set REDIS_URL instead.")

    def _launch(self) -> None:
        settings = _CONFIGURATION.format(
            host=_HOST, port=self.port, password=self._read("password")
        )
        output = logs.open_log(self.log)
        self._log_offset = logs.size(self.log)
        try:
            self._process = processes.spawn(
                # The configuration comes from stdin: every user can read a command line.
                [self._binary, "-", "--dir", self.folder],
                death_signal=signal.SIGTERM,
                account=self._account,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                cwd=self.folder,
                stdin=subprocess.PIPE,
                output=output,
            )
        finally:
            os.close(output)
        if self._process.stdin:
            with suppress(BrokenPipeError), self._process.stdin as stream:
                stream.write(settings.encode())

    def _becomes_ready(self) -> bool:
        deadline = time.monotonic() + _START_TIMEOUT
        while self.alive() and time.monotonic() < deadline:
            if self.ready():
                return True
            time.sleep(0.01)
        self.stop()
        return False

    def _read(self, name: str) -> str:
        text = homes.read_note(self.home, f"valkey-{name}")
        if text is None:
            raise EmbeddedError(f"Valkey has never been started in {self.home}.")
        return text

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait(timeout=10)
            self._process = None


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return True
    return False
