"""Keeps a few children running: starts them, starts them again when they end, stops them in order."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded import display, logs, processes
from config.embedded.backoff import STORM, Backoff
from config.embedded.errors import EmbeddedError
from config.embedded.processes import Process

_KILLED = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """A child's command, how many seconds its clean end may take, and variables of its own, which
    the caller's environment overrides."""

    name: str
    command: Sequence[str]
    patience: float
    environment: Mapping[str, str] = field(default_factory=dict)


class Child:
    """One child in a session of its own, with its log."""

    def __init__(self, spec: ChildSpec, log: Path) -> None:
        self.name = spec.name
        self.log = log
        self._spec = spec
        self._running: subprocess.Popen[bytes] | None = None
        self._log_offset = 0
        self.process: Process | None = None
        self.backoff = Backoff()
        self.start_at = 0.0

    def start(self, environment: Mapping[str, str], folder: Path) -> None:
        output = logs.open_log(self.log)
        self._log_offset = logs.size(self.log)
        try:
            self._running = processes.spawn(
                self._spec.command,
                death_signal=signal.SIGTERM,
                env={**self._spec.environment, **environment},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                output=output,
            )
        finally:
            os.close(output)
        self.process = processes.identify(self._running.pid)

    @property
    def running(self) -> bool:
        return self._running is not None

    def ended(self) -> str | None:
        """How the child ended, once, or None while it runs."""
        if self._running is None or not self._is_over(self._running):
            return None
        self._kill_group(self._running)
        code = self._running.wait()
        self._running = None
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def stop(self, hurry: Callable[[], bool]) -> None:
        """Ask the child to end, and kill it when that takes too long or somebody is in a hurry."""
        if self._running is None:
            return
        self._running.terminate()
        deadline = time.monotonic() + self._spec.patience
        while not self._is_over(self._running) and time.monotonic() < deadline and not hurry():
            pass  # `hurry` waits a moment for its answer.
        self._kill_group(self._running)
        self._running.wait(timeout=_KILLED)
        self._running = None

    def last_lines(self) -> str:
        return logs.tail(self.log, since=self._log_offset)

    @staticmethod
    def _is_over(child: subprocess.Popen[bytes]) -> bool:
        if child.returncode is not None or not hasattr(os, "waitid"):
            return child.poll() is not None
        # Left unreaped: until `wait`, neither its pid nor its group can become somebody else's.
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, child.pid, flags) is not None

    @staticmethod
    def _kill_group(child: subprocess.Popen[bytes]) -> None:
        """A killed Celery worker or web server must not leave its own children behind."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)


def _unhurried() -> bool:
    time.sleep(0.05)
    return False


class Supervisor:
    """The children of one `up`, in the order in which they are stopped."""

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        *,
        log_folder: Path,
        folder: Path,
        environment: Callable[[], Mapping[str, str]],
        on_change: Callable[[Mapping[str, Process]], None],
    ) -> None:
        self._children = [Child(spec, log_folder / f"{spec.name}.log") for spec in specs]
        self._folder = folder
        self._environment = environment
        self._started_with: Mapping[str, str] = {}
        self._on_change = on_change
        self._strict = True

    def start(self) -> None:
        """Start every child. Until `forgive`, one that ends is an error."""
        self._start(self._children)

    def forgive(self) -> None:
        """From now on, start children again when they end."""
        self._strict = False

    def tick(self) -> None:
        """Look after the children once."""
        for child in self._children:
            if how := child.ended():
                self._handle_end(child, how)
        if self._environment() != self._started_with:
            display.warn("A server's address has changed; starting the children again.")
            self.stop(_unhurried)
        now = time.monotonic()
        self._start([it for it in self._children if not it.running and it.start_at <= now])

    def stop(self, hurry: Callable[[], bool]) -> None:
        for child in self._children:
            child.stop(hurry)

    def _start(self, children: Sequence[Child]) -> None:
        if not children:
            return
        self._started_with = self._environment()
        for child in children:
            child.start(self._started_with, self._folder)
        self._on_change({it.name: it.process for it in self._children if it.process})

    def _handle_end(self, child: Child, how: str) -> None:
        if self._strict:
            raise EmbeddedError(f"{child.name} did not start ({how}):\n{child.last_lines()}")
        delay = child.backoff.next_delay()
        child.start_at = time.monotonic() + delay
        if child.backoff.storm:
            display.fail(f"{child.name} ended {STORM} times in a minute:\n{child.last_lines()}")
        display.warn(f"{child.name} ended ({how}); starting it again in {delay:.1f} s.")
