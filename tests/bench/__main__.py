"""`python -m tests.bench --size small|medium|large`: runs every benchmark on databases of its own."""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import django
from rich.console import Console

SIZES: Final = ("small", "medium", "large")
GENERATIONS: Final = {"small": 100_000, "medium": 1_000_000, "large": 10_000_000}


def main() -> int:
    """Runs them, prints a table, writes JSON; with --strict fails if an aim is missed."""
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--only", help="a part of a benchmark's name")
    parser.add_argument("--json", type=Path, default=Path("bench-results.json"))
    parser.add_argument("--strict", action="store_true")
    chosen = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("CONN_MAX_AGE", "600")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    os.environ["STATEMENT_TIMEOUT"] = "0"
    # The benchmarks measure the API, not its limits.
    os.environ["RATE_LIMIT"] = "100000000/minute"
    django.setup()
    from tests.bench.figures import Figure, show, write

    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    figures: list[Figure] = []
    with _template() as template:
        for name, measure in _benchmarks(chosen.size):
            if chosen.only and chosen.only not in name:
                continue
            with console.status(f"{name} ..."), _database(template):
                figures += measure()
    show(figures, console)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console.print(f"Peak memory of the benchmarks' own process: {peak:,.0f} MB")
    write(figures, chosen.json)
    return int(chosen.strict and not all(each.met for each in figures))


def _benchmarks(size: str) -> Sequence[tuple[str, Callable[[], list]]]:  # type: ignore[type-arg]
    from tests.bench import (
        cedar,
        deciding,
        ingest,
        posting,
        rating,
        serving,
        simulating,
        verifying,
    )
    from tests.bench.figures import Figure

    generations = GENERATIONS[size]

    def ingesting() -> list[Figure]:
        found = ingest.measure(generations=generations)
        return [
            Figure(
                name="ingest, NDJSON over HTTP to sealed batch",
                rows=found.lines,
                ours=found.api,
                reference=found.reference,
                aim=0.5,
                peak=found.peak_all,
            ),
            Figure(
                name="ingest, the verb alone",
                rows=found.lines,
                ours=found.verb,
                reference=found.reference,
            ),
        ]

    def rating_runs() -> list[Figure]:
        found = rating.measure(generations=generations)
        return [
            Figure(
                name="rating and allocation",
                rows=found.generations,
                ours=found.ours,
                reference=found.reference,
                aim=0.5,
            )
        ]

    def checking() -> list[Figure]:
        found = deciding.measure(checks=1_000)
        return [
            Figure(
                name="consent check over the API",
                rows=1,
                ours=found.check,
                reference=found.reference,
                aim=0.7,
            ),
        ]

    def serving_checks() -> list[Figure]:
        found = serving.measure()
        return [
            Figure(
                name="consent checks over HTTP, the most, to 500 a second",
                rows=1,
                ours=1 / found.most,
                reference=1 / serving.AIM,
                aim=1,
            ),
            Figure(
                name=f"the same at {found.rate} a second, the longest wait of 99 in 100, to 15 ms",
                rows=1,
                ours=found.p99,
                reference=0.015,
                aim=1,
            ),
            Figure(
                name=f"the same at {found.rate} a second, the wait of half of them, to 15 ms",
                rows=1,
                ours=found.p50,
                reference=0.015,
            ),
        ]

    def comparing() -> list[Figure]:
        mixed, simple = cedar.compare(*cedar.mixed()), cedar.compare(*cedar.simple())
        few, many = cedar.growing()
        return [
            Figure(
                name="decide, 200 rules in force, to Cedar's",
                rows=1,
                ours=mixed.ours,
                reference=mixed.cedar,
                aim=20,
            ),
            Figure(
                name="the same, to Cedar's in one batch",
                rows=1,
                ours=mixed.ours,
                reference=mixed.batch,
            ),
            Figure(
                name="the same with reading the request, to Cedar's",
                rows=1,
                ours=mixed.reading,
                reference=mixed.cedar,
            ),
            Figure(
                name="the smallest changes of a refusal, besides",
                rows=1,
                ours=mixed.changes,
            ),
            Figure(
                name="decide beside 10,000 rules of others, to beside 10",
                rows=1,
                ours=many,
                reference=few,
                aim=0.85,
            ),
            Figure(
                name="decide, a simple allow, to 10 microseconds",
                rows=1,
                ours=simple.ours,
                reference=10e-6,
                aim=1,
            ),
        ]

    def simulating_drafts() -> list[Figure]:
        found = simulating.measure(requests=100_000)
        return [
            Figure(
                name=f"simulation, {found.distinct:,} of them distinct, to reading them",
                rows=found.requests,
                ours=found.ours,
                reference=found.reference,
                peak=found.peak,
            ),
            Figure(
                name="simulation, in the processor's seconds, to 10 seconds",
                rows=found.requests,
                ours=found.processor,
                reference=10,
                aim=1,
            ),
        ]

    return (
        ("consent checks", checking),
        ("consent checks served", serving_checks),
        ("decisions", comparing),
        ("simulation", simulating_drafts),
        ("posting", posting.measure),
        ("verifying", verifying.measure),
        ("ingest", ingesting),
        ("rating", rating_runs),
    )


@contextmanager
def _template() -> Iterator[str]:
    """A migrated database that the others are copied from."""
    from django.db import connection

    name = f"bench_template_{os.getpid()}"
    connection.settings_dict["TEST"] = {**connection.settings_dict["TEST"], "NAME": name}
    original = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    connection.close()
    try:
        yield name
    finally:
        connection.settings_dict["NAME"] = name
        connection.creation.destroy_test_db(original, verbosity=0)


@contextmanager
def _database(template: str) -> Iterator[None]:
    """A fresh database for one benchmark, thrown away afterwards."""
    from django.db import connection

    name = f"{template}_copy"
    connection.close()
    with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = template
        _drop(name)


def _drop(name: str) -> None:
    """Drops a database as soon as the last session of a stopped server has left it.

    Without FORCE, which a role that is no superuser may not use while autovacuum is at work there.
    """
    from django.db import OperationalError, connection

    for attempt in range(10):
        try:
            with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
                cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
        except OperationalError:
            if attempt == 9:
                raise
            time.sleep(1)
        else:
            return


if __name__ == "__main__":
    raise SystemExit(main())
