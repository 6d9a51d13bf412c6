"""Running one command in the foreground while the servers are looked after."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from config.embedded import processes
from config.embedded.signals import Signals

_TICK = 0.2


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    signals: Signals,
    tick: Callable[[], None],
) -> int:
    """Run the command to its end, hand on the signals it would miss, return its exit code."""
    with signals.quiet():
        # In our own process group, so that it keeps the terminal.
        child = processes.spawn(command, death_signal=signal.SIGTERM, env=env, session=False)
        while child.poll() is None:
            number = signals.next(_TICK)
            if number and not (number == signal.SIGINT and _terminal_is_ours()):
                _send(child, number)
            tick()
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _terminal_is_ours() -> bool:
    """Whether Ctrl-C reaches the command by itself, because the terminal sends it to our group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _send(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        child.send_signal(number)
