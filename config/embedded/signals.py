"""Signals as events: they end a start-up at once, and are read one by one while something runs."""

from __future__ import annotations

import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A stop signal arrived while nothing was there to hand it to."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


class Signals:
    """Owns this process's stop signals, and SIGCHLD so that a child's end wakes a wait."""

    def __enter__(self) -> Signals:
        self._raising = True
        self.received: signal.Signals | None = None
        self._receiver, self._sender = socket.socketpair()
        for end in (self._receiver, self._sender):
            end.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        self._before = {
            number: signal.signal(number, self._handle) for number in (*_STOPPING, signal.SIGCHLD)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._receiver.close()
        self._sender.close()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Within this, signals wait for `next` instead of raising Interrupted."""
        before, self._raising = self._raising, False
        try:
            yield
        finally:
            self._raising = before

    def next(self, timeout: float) -> signal.Signals | None:
        """The next stop signal; or None at the timeout, or earlier when a child ended."""
        select.select([self._receiver], [], [], timeout)
        try:
            # One byte at a time: a second signal stays for the next call.
            number = signal.Signals(self._receiver.recv(1)[0])
        except BlockingIOError:
            return None
        return number if number in _STOPPING else None

    def forget(self) -> None:
        """Drop what arrived so far, so that `next` returns only what comes from now on."""
        with suppress(BlockingIOError):
            while self._receiver.recv(4096):
                pass

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number not in _STOPPING:
            return
        self.received = signal.Signals(number)
        if self._raising:
            self.forget()
            self._raising = False
            raise Interrupted(number)
