"""Working ahead: one thread makes what another one uses, never more than a little too early."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import Any, Final, TypeVar

Thing = TypeVar("Thing")

_TICK: Final = 0.2


def ahead(things: Iterable[Thing], *, most: int) -> Generator[Thing, None, None]:
    """The same things in the same order, made by a thread of their own, at most `most` ahead of
    their use. What making them raises is raised here. Close it, or use it up, and the thread ends.
    """
    made: queue.Queue[tuple[bool, Any]] = queue.Queue(most)
    unwanted = threading.Event()

    def put(item: tuple[bool, Any]) -> bool:
        while not unwanted.is_set():
            try:
                made.put(item, timeout=_TICK)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for thing in things:
                if not put((True, thing)):
                    return
        except BaseException as error:
            put((False, error))
        else:
            put((False, None))

    maker = threading.Thread(target=make, name="ahead", daemon=True)
    maker.start()
    try:
        while True:
            more, thing = made.get()
            if more:
                yield thing
            elif thing is None:
                return
            else:
                raise thing
    finally:
        unwanted.set()
        maker.join()
