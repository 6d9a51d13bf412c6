"""Taking in what platforms report: one set-based path for a single report and for a million lines."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg import errors as pg

from ledger import ids
from ledger.actor import Actor
from ledger.ids import new_id
from licensing.access import audit
from licensing.catalog.models import Platform
from licensing.usage import lineage, sealing
from licensing.usage.examining import LineRefused
from licensing.usage.judging import Judged, judge
from licensing.usage.lines import Reader
from licensing.usage.models import Batch, BatchOrigin, BatchState, Generation
from licensing.usage.reading import Slice, cited, read_one, slices
from licensing.usage.refusals import (
    LISTED,
    BadReport,
    Busy,
    Finding,
    GenerationDiffers,
    MalformedReport,
    NotAPlatform,
    Tally,
)
from licensing.usage.reports import Report
from licensing.usage.sieve import Sieve
from licensing.usage.writing import Writer

# For a million lines; what an ordinary request may take is far below that.
_PATIENCE: Final = "SET LOCAL statement_timeout = '120s'; SET LOCAL lock_timeout = '60s'"
_ATTEMPTS: Final = 4
# What is wrong with the syntax of a report, rather than with its meaning.
_SYNTAX: Final = frozenset({"unknown_field", "duplicate_key", "not_json", "too_deep", "bad_text"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A single report's generation, and whether it is new."""

    generation: Generation
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """An upload's sealed batch, and whether it is new."""

    batch: Batch
    created: bool


class _NotAsRead(Exception):
    """Some reports cannot stand; those in `tangled`, by their ids, because of their lineage."""

    def __init__(self, code: str = "", tangled: Set[int] = frozenset()) -> None:
        self.code = code
        self.tangled = tangled
        super().__init__(code)


class _UploadedBefore(Exception):
    """This very upload was taken in before, as `batch`."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        super().__init__(batch.shown_id)


def report_generation(*, actor: Actor, now: datetime, raw: bytes) -> Reported:
    """Takes in one report, a JSON object as a line of an upload has it, into the open batch.

    The same report again gives the same generation. Raises MalformedReport or BadReport for what it
    says, GenerationDiffers if its id was reported with other content.
    """
    platform = platform_of(actor)
    report = _read_one(raw, now=now)
    tally = Tally(lines=1)
    with _told_plainly(), transaction.atomic():
        writer = Writer(platform_id=platform.pk, mode=actor.mode, now=now)
        _take_in(
            writer,
            [report],
            tally,
            into=lambda: sealing.open_batch(platform_id=platform.pk, now=now),
        )
        if tally.different:
            raise GenerationDiffers(pointer="/external_id")
        if tally.refused:
            raise BadReport(tally.listed()[0].own_fault())
        generation = Generation.objects.get(pk=writer.find(report.external_id))
        if tally.kept:
            audit.record(
                actor=actor,
                now=now,
                verb="usage.report_generation",
                thing=generation.shown_id,
                detail={"batch": ids.show(Batch.PREFIX, generation.batch_id)},
            )
    return Reported(generation=generation, created=bool(tally.kept))


def upload_batch(
    *, actor: Actor, now: datetime, lines: Iterable[tuple[int, bytes]], partial: bool = False
) -> Uploaded:
    """Takes in numbered lines as one sealed batch: all of them, or with `partial` the good ones.

    The same upload again gives the same batch. Lines that were reported before, just so, count as
    repeated and have no second effect. Raises BadLines, listing the first hundred, or
    GenerationDiffers if ids were reported with other content; then nothing is stored.
    """
    platform = platform_of(actor)
    reader = Reader(now=now, first_id=new_id().int)
    tally = Tally()
    # What could not be read belongs to what was uploaded, too.
    unread = hashlib.sha256(b"partial" if partial else b"")
    try:
        with _told_plainly(), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_PATIENCE)
            batch = Batch.objects.create(
                platform=platform, origin=BatchOrigin.UPLOAD, state=BatchState.OPEN, opened_at=now
            )
            found = slices(lines, reader, unread, most=None if partial else LISTED)
            writer = Writer(platform_id=platform.pk, mode=actor.mode, now=now)
            _take_in_slices(writer, found, tally, batch_id=batch.pk)
            if tally.refused and (not partial or tally.refused == tally.lines):
                raise tally.refusal()
            content_hash = reader.digest.digest()
            batch.upload_hash = hashlib.sha256(content_hash + unread.digest()).digest()
            _refuse_second(platform, batch.upload_hash)
            batch.lines, batch.repeated, batch.refused = tally.lines, tally.repeated, tally.refused
            batch.refusals = [asdict(refused) for refused in tally.listed()]
            batch.save(update_fields=["upload_hash", "lines", "repeated", "refused", "refusals"])
            whole = tally.kept == reader.taken
            sealing.seal(batch_id=batch.pk, now=now, content_hash=content_hash if whole else None)
            batch.refresh_from_db()
            _record_upload(actor, now, batch)
    except _UploadedBefore as earlier:
        return Uploaded(batch=earlier.batch, created=False)
    return Uploaded(batch=batch, created=True)


def platform_of(actor: Actor) -> Platform:
    """The platform that `actor` reports for. Raises NotAPlatform."""
    platform = Platform.objects.filter(
        organisation_id=actor.tenant, organisation__mode=actor.mode
    ).first()
    if platform is None:
        raise NotAPlatform
    return platform


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Asks one of two who hold what the other one needs to come again."""
    try:
        yield
    except OperationalError as error:
        if isinstance(error.__cause__, pg.DeadlockDetected | pg.LockNotAvailable):
            raise Busy from None
        raise


def _read_one(raw: bytes, *, now: datetime) -> Report:
    try:
        return read_one(Reader(now=now, first_id=new_id().int), 1, raw)
    except LineRefused as refused:
        if refused.fault.code in _SYNTAX:
            raise MalformedReport(refused.fault) from None
        raise BadReport(refused.fault) from None


def _take_in_slices(
    writer: Writer, all_slices: Iterator[Slice], tally: Tally, *, batch_id: UUID
) -> None:
    """Writes all that the slices hold, one after another: as good as at once, for a line finds those
    of earlier slices as it finds those of its own.

    While one is written here, a thread judges the next one and reads the one after. A slice is
    judged by receipts as they were before the one that is being written; where both cite the same
    one, it goes on from there. If what is written had to be sifted, that is void, and judged again.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="ingest")

    def read() -> Future[Slice | None]:
        return thread.submit(next, all_slices, None)

    def judged(found: Slice, before: Future[Judged] | None) -> Future[Judged] | None:
        """The slice's judgement, to be; it has one if there is anything to write in it."""
        if not found.reports:
            return None
        receipts = writer.read_receipts(found.checks)
        return thread.submit(
            _judge_after, before, found.reports, receipts, writer.platform_id, batch_id
        )

    try:
        current, coming = read().result(), read()
        judgement = judged(current, None) if current else None
        while current:
            after = coming.result()
            next_judgement = judged(after, judgement) if after else None
            coming = read()
            tally.lines += current.lines
            for number, fault in current.faults:
                tally.refuse(number, fault)
            if judgement:
                as_judged = _take_in(
                    writer,
                    current.reports,
                    tally,
                    into=lambda: batch_id,
                    upload=batch_id,
                    judged=judgement.result(),
                )
                if not as_judged and after:
                    next_judgement = judged(after, None)
            current, judgement = after, next_judgement
    finally:
        thread.shutdown(cancel_futures=True)


def _judge_after(
    before: Future[Judged] | None, reports: list[Report], receipts: str, platform: UUID, batch: UUID
) -> Judged:
    """Runs in the thread that judged what was before."""
    known = before.result().receipts if before else None
    return judge(reports, receipts, platform_id=platform, batch_id=batch, before=known)


def _take_in(
    writer: Writer,
    reports: list[Report],
    tally: Tally,
    *,
    into: Callable[[], UUID],
    upload: UUID | None = None,
    judged: Judged | None = None,
) -> bool:
    """Writes the reports that are good and new into the batch that `into` gives. Whether they are
    just those that were given, as they were `judged`.

    Hopes for the best, for reports mostly are: only if they do not all fit in as they are, they are
    sifted, and the others are judged again and written. So too with the receipts they cite: only a
    single report, which costs nothing then, counts on company from the beginning.
    """
    for attempt in range(_ATTEMPTS):
        if not reports:
            return False
        try:
            if attempt or judged is None:
                checks = cited(reports)
                writer.hold_receipts(checks)
                judged = None
            with transaction.atomic():
                batch_id = into()
                _write(
                    writer,
                    judged
                    or judge(
                        reports,
                        writer.read_receipts(checks),
                        platform_id=writer.platform_id,
                        batch_id=batch_id,
                    ),
                    batch_id=batch_id,
                )
        except IntegrityError as error:
            if not isinstance(error.__cause__, pg.UniqueViolation):
                raise
        except _NotAsRead as found:
            if found.tangled:
                tangled = [report for report in reports if report.id in found.tangled]
                tally.add(Finding.of(found.code, [report.number for report in tangled]))
                reports = [report for report in reports if report.id not in found.tangled]
        else:
            tally.kept += len(reports)
            return judged is not None
        reports = _weed(writer, reports, tally, upload=upload)
    raise Busy


def _write(writer: Writer, judged: Judged, *, batch_id: UUID) -> None:
    if not writer.all_known(judged.subjects):
        raise _NotAsRead
    writer.write(judged)
    lineage.resolve_fresh(
        platform_id=writer.platform_id,
        batch_id=batch_id,
        first=judged.first,
        last=judged.last,
        now=writer.now,
    )
    if judged.remixes:
        code, tangled = lineage.find_faults(judged.remixes)
        if tangled:
            raise _NotAsRead(code, tangled)


def _weed(
    writer: Writer, reports: list[Report], tally: Tally, *, upload: UUID | None
) -> list[Report]:
    """Those that are good and new."""
    sieve = Sieve(platform_id=writer.platform_id, mode=writer.mode, reports=reports)
    tally.add(sieve.take_out_unknown())
    for duplicates in sieve.take_out_duplicates(upload):
        tally.add(duplicates)
    tally.add(sieve.take_out_different())
    tally.repeated += sieve.take_out_repeated()
    return sieve.kept()


def _refuse_second(platform: Platform, upload_hash: bytes) -> None:
    """Raises _UploadedBefore if there is a batch of this very upload. Waits for one that is under
    way at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"usage_upload:{platform.pk}:{upload_hash.hex()}"],
        )
    earlier = Batch.objects.filter(platform=platform, upload_hash=upload_hash).first()
    if earlier is not None:
        raise _UploadedBefore(earlier)


def _record_upload(actor: Actor, now: datetime, batch: Batch) -> None:
    audit.record(
        actor=actor,
        now=now,
        verb="usage.upload_batch",
        thing=batch.shown_id,
        detail={
            "count": batch.count,
            "repeated": batch.repeated,
            "refused": batch.refused,
            "content_hash": bytes(batch.content_hash or b"").hex(),
        },
    )
