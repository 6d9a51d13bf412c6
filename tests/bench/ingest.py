"""Ingest of uploads, NDJSON to sealed batch, against COPY of the same rows into tables with the same
indexes.

Ours is the verb in this process, and the API under gunicorn: read, judged line by line, receipts,
subjects and parents resolved, content hashed, sealed, audited. The reference writes the finished
rows of the same three tables, each with all of its indexes, and does nothing else: no line is read,
no CHECK and no trigger holds there. All three take turns in rounds, and the median round counts.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import BinaryIO, Final

import httpx
from django.db import connection, transaction
from django.utils import timezone

from ledger.actor import Actor, system_actor
from licensing.access import keys
from licensing.access.models import Organisation, User
from licensing.catalog import holders, subjects
from licensing.catalog.models import Platform, Subject
from licensing.consent.models import ConsentCheck
from licensing.usage import ingest, uploads
from licensing.usage.models import Batch, Generation
from tests.licensing.builders import LONG_AGO, build_actor
from tests.licensing.usage.builders import make_check
from tests.servers import web_server

GENERATIONS: Final = {"small": 200_000, "medium": 1_000_000, "large": 10_000_000}
# Lines of one upload; subjects are cited in turn, a receipt by as many lines one after the other as
# it covers, and one line in ten is a remix.
UPLOAD: Final = 200_000
FEW: Final = 10_000
FEWEST_ROUNDS: Final = 3
A_RECEIPT: Final = 4
SUBJECTS: Final = 200
PIECE: Final = 256 * 1024
TABLES: Final = {
    "usage_generation": "SELECT * FROM usage_generation WHERE batch_id = %s ORDER BY id",
    "usage_generationsubject": "SELECT s.* FROM usage_generationsubject s"
    " JOIN usage_generation g ON g.id = s.generation_id WHERE g.batch_id = %s"
    " ORDER BY s.generation_id",
    "usage_generationparent": "SELECT p.* FROM usage_generationparent p"
    " JOIN usage_generation g ON g.id = p.generation_id WHERE g.batch_id = %s"
    " ORDER BY p.generation_id",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Seconds for an upload of so many lines: the verb's, the API's and the reference's. Peaks are
    megabytes of the web server's process after an upload of few lines and after all of them."""

    lines: int
    verb: float
    api: float
    reference: float
    peak_few: float
    peak_all: float

    @property
    def verb_ratio(self) -> float:
        """The verb's lines per second over the reference's."""
        return self.reference / self.verb

    @property
    def api_ratio(self) -> float:
        """The API's lines per second over the reference's; the aim is 0.5."""
        return self.reference / self.api


def measure(*, generations: int, receipts: bool = True) -> Measured:
    """Uploads at least so many lines in both ways. To be run on a database that is thrown away, and not in a
    transaction, because the web server has to see what is prepared."""
    stage = _Stage(receipts=receipts)
    lines = min(UPLOAD, generations)
    rounds: list[tuple[float, float, float]] = []
    with web_server() as server, tempfile.TemporaryFile() as body:
        base, process = server.base, server.workers()[0]
        stage.write(body, FEW)
        _post(base, stage.key, body)
        peak_few = _peak(process)
        for _ in range(max(FEWEST_ROUNDS, generations // UPLOAD)):
            stage.write(body, lines)
            start = time.perf_counter()
            batch = ingest.upload_batch(
                actor=stage.actor,
                now=timezone.now(),
                lines=uploads.numbered_lines(
                    uploads.pieces(body, packed=False, most_bytes=2**40), most_lines=UPLOAD
                ),
            ).batch
            verb = time.perf_counter() - start
            reference = _copy_again(batch)
            stage.write(body, lines)
            start = time.perf_counter()
            _post(base, stage.key, body)
            rounds.append((verb, time.perf_counter() - start, reference))
        peak_all = _peak(process)
    if receipts and Generation.objects.filter(licensed=False).exists():
        raise RuntimeError("not every generation is covered by its receipt")
    return Measured(
        lines=lines,
        verb=median(verb for verb, _, _ in rounds),
        api=median(api for _, api, _ in rounds),
        reference=median(reference for _, _, reference in rounds),
        peak_few=peak_few,
        peak_all=peak_all,
    )


class _Stage:
    """A platform with a key, subjects, and receipts for them."""

    def __init__(self, *, receipts: bool) -> None:
        self._moment = f"{timezone.now():%Y-%m-%d %H:%M:%S.%f}"
        self._now: datetime = timezone.now()
        self._sent = 0
        system = system_actor(mode="test")
        with transaction.atomic():
            organisation = Organisation.objects.create(
                kind="platform", mode="test", name=f"Clips {self._moment}", created_at=LONG_AGO
            )
            platform = Platform.objects.create(
                organisation=organisation, name=organisation.name, created_at=LONG_AGO
            )
            self.actor: Actor = build_actor(organisation, "engineer")
            assert self.actor.person_id is not None
            self.key = keys.issue(
                actor=self.actor,
                organisation=organisation,
                user=User.objects.get(pk=self.actor.person_id),
                name="bench",
                scopes=["usage:write"],
                now=self._now,
            ).secret
            holder = holders.register_holder(
                actor=system, now=LONG_AGO, name=f"Studio {self._moment}"
            )
            self._cast: list[Subject] = [
                subjects.register_subject(
                    actor=system,
                    now=LONG_AGO,
                    holder=holder,
                    name=f"Character {number} of {self._moment}",
                    kind="character",
                )
                for number in range(SUBJECTS)
            ]
        self._platform, self._with_receipts = platform, receipts

    def _subject_of(self, number: int) -> Subject:
        """Who appears in a line."""
        return self._cast[number // A_RECEIPT % SUBJECTS]

    def _receipts(self, lines: int) -> list[str]:
        """New receipts for so many lines from the next one on."""
        first = self._sent // A_RECEIPT
        checks = [
            make_check(
                self._platform,
                [self._subject_of(number * A_RECEIPT)],
                action="generate_video",
                territory="US",
                generations=A_RECEIPT,
                issued_at=self._now - timedelta(hours=1),
                expires_at=self._now + timedelta(hours=5),
                purpose="personal",
                duration_seconds=8,
            )
            for number in range(first, first + -(-lines // A_RECEIPT))
        ]
        ConsentCheck.objects.bulk_create(checks, batch_size=1_000)
        return [str(check.receipt) for check in checks]

    def write(self, body: BinaryIO, lines: int) -> None:
        """So many new lines into the file, from its beginning."""
        body.seek(0)
        body.truncate()
        receipts = self._receipts(lines) if self._with_receipts else []
        for number in range(self._sent, self._sent + lines):
            said = {
                "external_id": f"{self._moment[-12:]}-{number:09d}".replace(" ", ""),
                "occurred_at": self._now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "medium": "video",
                "seconds": 8,
                "territory": "US",
                "subjects": [{"id": self._subject_of(number).shown_id, "weight": 1}],
                "model": "x-2",
                "metadata": {},
            }
            if receipts:
                said["receipt"] = receipts[(number - self._sent) // A_RECEIPT]
            if number % 10 == 9:
                said["parents"] = [f"{self._moment[-12:]}-{number - 1:09d}"]
            body.write(json.dumps(said).encode() + b"\n")
        self._sent += lines
        body.seek(0)


def _copy_again(batch: Batch) -> float:
    """Seconds to COPY the batch's rows into tables that have the same indexes and nothing else."""
    seconds = 0.0
    with connection.cursor() as cursor, tempfile.TemporaryFile() as rows:
        cursor.execute("SET statement_timeout = 0")
        for table, select in TABLES.items():
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS bench_{table} (LIKE {table} INCLUDING INDEXES)"
            )
            rows.seek(0)
            rows.truncate()
            with cursor.copy(f"COPY ({select}) TO STDOUT", [batch.pk]) as out:
                for piece in out:
                    rows.write(piece)
            rows.seek(0)
            start = time.perf_counter()
            with transaction.atomic(), cursor.copy(f"COPY bench_{table} FROM STDIN") as into:
                while piece := rows.read(PIECE):
                    into.write(piece)
            seconds += time.perf_counter() - start
    return seconds


def _post(base: str, key: str, body: BinaryIO) -> None:
    size = body.seek(0, os.SEEK_END)
    body.seek(0)
    response = httpx.post(
        f"{base}/api/v1/generation-batches",
        content=iter(lambda: body.read(PIECE), b""),
        headers={
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/x-ndjson",
            "Content-Length": str(size),
        },
        timeout=300,
    )
    if response.status_code != 201:
        raise RuntimeError(f"{response.status_code}: {response.text[:500]}")


def _peak(process: int) -> float:
    """The most memory the process has ever had, in megabytes."""
    status = Path(f"/proc/{process}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
