"""Consent checks as a platform sends them: the most a server answers, and how long one waits.

Two processes of the web server with their connections as in production, and the senders beside
them on the same cores, over loopback: what a sender takes is missing to the server. Each check is
decided, signed and durable before it is answered. At a fixed rate a check counts from the moment it
was due, so that nobody profits from senders who wait.
"""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import quantiles
from typing import Final

from tests.bench.deciding import build_asking
from tests.servers import WebServer, web_server

PROCESSES: Final = "2"
# The rate that is aimed at, in checks a second, and how many senders there are.
AIM: Final = 500
SENDERS: Final = 8
# Seconds of each part. What is near the most cannot be borne: queues grow without end.
WARM: Final = 2.0
LASTING: Final = 6.0
BEARABLE: Final = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`most` checks a second, when every sender sends the next as soon as it has its answer; and
    at `rate` checks a second the seconds that half of them and 99 of 100 wait at most."""

    most: float
    rate: int
    p50: float
    p99: float


def measure() -> Measured:
    """Sends for some fifteen seconds. To be run on a database that is thrown away, and not in a
    transaction. At 500/s if the server can bear that, else at what it can."""
    key, body = build_asking()
    with web_server("--workers", PROCESSES, CONN_MAX_AGE="600") as server:
        _send(server, key, body, _at_once(WARM))
        waits = _send(server, key, body, _at_once(LASTING))
        most = len(waits) / LASTING
        rate = AIM if most * BEARABLE >= AIM else max(10, int(most * BEARABLE / 10) * 10)
        waits = _send(server, key, body, _at_rate(rate))
    cuts = quantiles(waits, n=100)
    return Measured(most=most, rate=rate, p50=cuts[49], p99=cuts[98])


Due = Callable[[], float | None]


def _at_once(seconds: float) -> Due:
    """Each is due when it is asked for, for so long."""
    end = time.perf_counter() + seconds

    def due() -> float | None:
        now = time.perf_counter()
        return now if now < end else None

    return due


def _at_rate(rate: int) -> Due:
    """So many are due a second, evenly."""
    begin = time.perf_counter() + 0.1
    number = itertools.count()

    def due() -> float | None:
        after = next(number) / rate
        return begin + after if after < LASTING else None

    return due


def _send(server: WebServer, key: str, body: bytes, due: Due) -> list[float]:
    """The seconds that each check waited, from when it was due until its answer was there."""
    waits: list[float] = []
    faults: list[str] = []

    def sender() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        while (moment := due()) is not None and not faults:
            time.sleep(max(0.0, moment - time.perf_counter()))
            connection.request("POST", "/api/v1/consent-checks", body, headers)
            answer = connection.getresponse()
            said = answer.read()
            waits.append(time.perf_counter() - moment)
            if answer.status != 201:
                faults.append(f"{answer.status}: {said[:500]!r}")
        connection.close()

    threads = [threading.Thread(target=sender) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise RuntimeError(faults[0])
    return waits
