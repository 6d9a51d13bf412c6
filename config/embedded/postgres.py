"""One PostgreSQL server on one data folder: made once, started, probed, stopped, recovered.

Authentication is `trust` over a socket in a 0700 folder and nothing else: no TCP. Whoever may enter
the folder is root or the account that owns the data files themselves, so a password would guard
nothing. The application still connects as a role without superuser or BYPASSRLS.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from config.embedded import binaries, homes, logs, processes
from config.embedded.errors import EmbeddedError

APPLICATION = "assent"
_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "150",
    "shared_buffers": "256MB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_checkpoints": "off",
    "lc_messages": "C",
}
# SQLSTATE of a server that is starting, stopping or recovering.
_CANNOT_CONNECT_NOW = "57P03"
_START_TIMEOUT = 120.0
# Fast shutdown first, always; the rest only for a server that does not answer.
_STOP = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
_ORPHANS = ((signal.SIGTERM, 1.0), (signal.SIGKILL, 5.0))


class PostgresServer:
    """The server of one home. Locks are the caller's business: one starter per home at a time."""

    name = "PostgreSQL"
    key = "postgres"

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "postgres"
        self.data = self.folder / "data"
        self.log = home / "log" / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._log_offset = 0

    @property
    def url(self) -> str:
        return f"postgresql://{APPLICATION}@/{APPLICATION}?host={quote(self._sockets)}&port=5432"

    @property
    def pid(self) -> int | None:
        """The postmaster's pid, whoever started it."""
        postmaster = self._postmaster(self._processes())
        return postmaster.pid if postmaster else None

    def start(self) -> None:
        """Start the server and return when it takes connections; recovers from any crash."""
        _, self._account = homes.server_folder(self.home, self.key)
        self._refuse_other_version()
        self._binaries = binaries.postgres_folder(self.home, self._account)
        self.clear_leftovers()
        if not self.data.exists():
            self._create_cluster()
        self._launch()
        self._wait_until_ready()

    def stop(self) -> None:
        """Fast shutdown, escalated only when the server does not end."""
        found = self._processes()
        postmaster = self._postmaster(found)
        if postmaster:
            processes.stop([postmaster], _STOP)
        # Without a postmaster, backends end by themselves or hold the shared memory for ever.
        processes.stop(self._processes(), _ORPHANS)
        self._reap()

    def kill(self) -> None:
        """End every process at once, as a crash would. For tests of faults."""
        processes.stop(self._processes(), ((signal.SIGKILL, 10.0),))
        self._reap()

    def alive(self) -> bool:
        """Whether the process this object started is running."""
        return self._process is not None and self._process.poll() is None

    def ready(self) -> bool:
        """Whether a session of the application's role opens, asked in the wire protocol."""
        try:
            with socket.socket(socket.AF_UNIX) as channel:
                channel.settimeout(2)
                channel.connect(f"{self._sockets}/{homes.SOCKET_NAME}")
                return _opens_session(channel)
        except (OSError, EmbeddedError):
            return False

    def clear_leftovers(self) -> None:
        """Stop what an earlier owner left running, and remove its pid, socket and lock files."""
        self.stop()
        sockets = homes.socket_folder(self.home, self._account)
        homes.write_note(self.home, "socket-folder", str(sockets))
        # No process of this folder is alive: whatever pid the file names belongs to someone else.
        for stale in (self.data / "postmaster.pid", *sockets.glob(f"{homes.SOCKET_NAME}*")):
            stale.unlink(missing_ok=True)
        for unfinished in self.folder.glob("data.new-*"):
            shutil.rmtree(unfinished, ignore_errors=True)

    @property
    def _sockets(self) -> str:
        folder = homes.read_note(self.home, "socket-folder")
        if folder is None:
            raise EmbeddedError(f"PostgreSQL has never been started in {self.home}.")
        return folder

    def _processes(self) -> list[processes.Process]:
        return processes.find("postgres", self.data)

    def _postmaster(self, found: list[processes.Process]) -> processes.Process | None:
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        return next((process for process in found if process.pid == pid), None)

    def _refuse_other_version(self) -> None:
        version = self.data / "PG_VERSION"
        if not self.data.exists():
            return
        found = version.read_text().strip() if version.exists() else "an unknown version"
        if found != str(binaries.POSTGRES_MAJOR):
            raise EmbeddedError(
                f"The data in {self.data} belongs to PostgreSQL {found}; this is PostgreSQL "
                f"{binaries.POSTGRES_MAJOR}. Dump it with its own version, or set ASSENT_HOME to "
                "start elsewhere."
            )

    def _create_cluster(self) -> None:
        """Make the cluster, the role and the database under another name, then rename it."""
        incoming = self.folder / f"data.new-{os.getpid()}"
        # fmt: off
        self._run([
            self._binaries / "initdb", "-D", incoming, "--username=postgres", "--auth=trust",
            "--data-checksums", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", "--no-instructions",
        ])
        # fmt: on
        # CREATEDB lets the tests make their own databases.
        self._run(
            [self._binaries / "postgres", "--single", "-D", incoming, "postgres"],
            f"CREATE ROLE {APPLICATION} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE CREATEDB;\n"
            f"CREATE DATABASE {APPLICATION} OWNER {APPLICATION};\n",
        )
        incoming.rename(self.data)

    def _run(self, command: list[str | Path], statements: str = "") -> None:
        """Run one of PostgreSQL's programs to its end, its output in the log."""
        offset, output = logs.size(self.log), logs.open_log(self.log)
        try:
            child = processes.spawn(
                command,
                death_signal=signal.SIGKILL,
                account=self._account,
                env=self._environment(),
                cwd=self.folder,
                stdin=subprocess.PIPE,
                output=output,
            )
            child.communicate(statements.encode(), timeout=_START_TIMEOUT)
        finally:
            os.close(output)
        shown = logs.tail(self.log, since=offset)
        # The single-user server reports a failed statement but exits with 0.
        if child.returncode or "ERROR:" in shown or "FATAL:" in shown:
            raise EmbeddedError(f"{Path(command[0]).name} failed:\n{shown}")

    def _launch(self) -> None:
        settings = dict(_SETTINGS)
        # Quoted, because a comma would otherwise separate two folders.
        sockets = self._sockets.replace('"', '""')
        settings["unix_socket_directories"] = f'"{sockets}"'
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        output = logs.open_log(self.log)
        self._log_offset = logs.size(self.log)
        try:
            self._process = processes.spawn(
                [self._binaries / "postgres", "-D", self.data, *options],
                death_signal=signal.SIGINT,
                account=self._account,
                env=self._environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                output=output,
            )
        finally:
            os.close(output)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            if self.ready():
                return
            if not self.alive():
                raise EmbeddedError(f"PostgreSQL did not start:\n{self._recent_log()}")
            time.sleep(0.02)
        self.stop()
        raise EmbeddedError(
            f"PostgreSQL was not ready within {_START_TIMEOUT:.0f} s:\n{self._recent_log()}"
        )

    def _recent_log(self) -> str:
        return logs.tail(self.log, since=self._log_offset)

    def _environment(self) -> dict[str, str]:
        """Nothing of ours: no PG* variable and no locale may change what the server does."""
        return {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(self.folder)}

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait(timeout=10)
            self._process = None


def _opens_session(channel: socket.socket) -> bool:
    """Speak the start of the protocol (version 3.0) until the server is ready or refuses."""
    who = f"user\0{APPLICATION}\0database\0{APPLICATION}\0\0".encode()
    channel.sendall(struct.pack("!ii", 8 + len(who), 196608) + who)
    with channel.makefile("rb") as stream:
        while header := stream.read(5):
            kind, length = header[:1], struct.unpack("!i", header[1:])[0]
            body = stream.read(length - 4)
            if kind == b"Z":
                channel.sendall(b"X\0\0\0\4")
                return True
            if kind == b"E":
                # Any other refusal, such as too many connections, comes from a working server.
                return f"\0C{_CANNOT_CONNECT_NOW}\0".encode() not in b"\0" + body
    return False
