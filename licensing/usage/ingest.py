"""Taking in what platforms report: one set-based path for a single report and for a million lines."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import Final
from uuid import UUID

import msgspec
from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg import errors as pg

from ledger import ids
from ledger.actor import Actor
from ledger.errors import Fault
from ledger.ids import new_id
from licensing.access import audit
from licensing.catalog.models import Platform
from licensing.usage import lineage, sealing
from licensing.usage.ahead import ahead
from licensing.usage.lines import LINE_BYTES, LineRefused, Reader
from licensing.usage.models import Batch, BatchOrigin, BatchState, Generation
from licensing.usage.refusals import (
    LISTED,
    BadReport,
    Busy,
    GenerationDiffers,
    MalformedReport,
    NotAPlatform,
    Tally,
)
from licensing.usage.staging import Staging

# For a million lines; what an ordinary request may take is far below that.
_PATIENCE: Final = "SET LOCAL statement_timeout = '120s'; SET LOCAL lock_timeout = '60s'"
_ATTEMPTS: Final = 4
# An upload is taken in by slices, so that the next one is read while one is written.
_BLOCK_LINES: Final = 500
_SLICE_BLOCKS: Final = 20
# What is wrong with the syntax of a report, rather than with its meaning.
_SYNTAX: Final = frozenset({"unknown_field", "duplicate_key", "not_json", "too_deep", "bad_text"})
_TOO_LONG: Final = Fault(
    pointer="", code="line_too_long", detail=f"A line has at most {LINE_BYTES // 1024} KB."
)


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


class _NotAsStaged(Exception):
    """Some staged lines cannot stand; those in `tangled` because of their lineage."""

    def __init__(self, code: str = "", tangled: list[int] | None = None) -> None:
        self.code = code
        self.tangled = tangled or []
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
    row = _read_one(raw, now=now)
    tally = Tally(lines=1)
    with _told_plainly(), transaction.atomic():
        staging = Staging(platform_id=platform.pk, mode=actor.mode, now=now)
        staging.fill([row])
        _take_in(
            staging,
            tally,
            platform=platform,
            now=now,
            into=lambda: sealing.open_batch(platform_id=platform.pk, now=now),
        )
        if tally.different:
            raise GenerationDiffers(pointer="/external_id")
        if tally.refused:
            raise BadReport(tally.listed()[0].own_fault())
        generation = Generation.objects.get(
            pk=staging.find(msgspec.json.decode(raw)["external_id"])
        )
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
            blocks = _blocks(lines, reader, tally, unread, most=None if partial else LISTED)
            _take_in_slices(blocks, tally, actor=actor, platform=platform, now=now, batch=batch)
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


def _read_one(raw: bytes, *, now: datetime) -> str:
    try:
        if len(raw) > LINE_BYTES:
            raise LineRefused("", _TOO_LONG.code, _TOO_LONG.detail)
        return Reader(now=now, first_id=new_id().int).read(1, raw)
    except LineRefused as refused:
        if refused.fault.code in _SYNTAX:
            raise MalformedReport(refused.fault) from None
        raise BadReport(refused.fault) from None


def _blocks(
    lines: Iterable[tuple[int, bytes]],
    reader: Reader,
    tally: Tally,
    unread: hashlib._Hash,
    *,
    most: int | None,
) -> Iterator[str]:
    """The rows of the lines that can be read, in blocks; ends after `most` that cannot."""
    read = reader.read
    rows: list[str] = []
    unreadable = 0
    for number, raw in lines:
        tally.lines += 1
        try:
            if len(raw) > LINE_BYTES:
                raise LineRefused("", _TOO_LONG.code, _TOO_LONG.detail)
            rows.append(read(number, raw))
        except LineRefused as refused:
            unread.update(b"%d\n%d\n" % (number, len(raw)))
            unread.update(raw)
            tally.refuse(number, refused.fault)
            unreadable += 1
            if unreadable == most:
                break
        if len(rows) == _BLOCK_LINES:
            yield "".join(rows)
            rows.clear()
    if rows:
        yield "".join(rows)


def _take_in_slices(
    blocks: Iterator[str],
    tally: Tally,
    *,
    actor: Actor,
    platform: Platform,
    now: datetime,
    batch: Batch,
) -> None:
    """Writes all that the blocks hold, one slice after another: as good as at once, for a line
    finds those of earlier slices as it finds those of its own."""
    staging = Staging(platform_id=platform.pk, mode=actor.mode, now=now)
    first = True
    with closing(ahead(blocks, most=_SLICE_BLOCKS)) as coming:
        while filled := staging.fill(islice(coming, _SLICE_BLOCKS)):
            if first and filled > 1:
                staging.analyze()
            first = False
            _take_in(
                staging,
                tally,
                platform=platform,
                now=now,
                into=lambda: batch.pk,
                upload=batch.pk,
            )
            staging.clear()


def _take_in(
    staging: Staging,
    tally: Tally,
    *,
    platform: Platform,
    now: datetime,
    into: Callable[[], UUID],
    upload: UUID | None = None,
) -> None:
    """Writes the staged lines that are good and new into the batch that `into` gives.

    Hopes for the best, for lines mostly are: only if they do not all fit in as they are, they are
    looked at for what is wrong with them, and the others are written. So too with the receipts they
    cite: only a single report, which costs nothing then, counts on company from the beginning.
    """
    for attempt in range(_ATTEMPTS):
        lines, appearances, remixes = staging.count()
        if not lines:
            return
        try:
            if attempt or upload is None:
                staging.hold_receipts()
            with transaction.atomic():
                staging.insert_generations(into())
                if staging.insert_appearances() != appearances:
                    raise _NotAsStaged
                if remixes:
                    staging.insert_parents()
                lineage.resolve_staged(platform_id=platform.pk, now=now)
                code, tangled = lineage.find_faults() if remixes else ("", [])
                if tangled:
                    raise _NotAsStaged(code, tangled)
        except IntegrityError as error:
            if not isinstance(error.__cause__, pg.UniqueViolation):
                raise
            _weed(staging, tally, upload)
        except _NotAsStaged as found:
            if found.tangled:
                tally.add(staging.take_out(found.code, found.tangled))
            _weed(staging, tally, upload)
        else:
            tally.kept += lines
            return
    raise Busy


def _weed(staging: Staging, tally: Tally, upload: UUID | None) -> None:
    """Takes out of the staging table what is wrong and what is there already."""
    tally.add(staging.take_out_unknown())
    for duplicates in staging.take_out_duplicates(upload):
        tally.add(duplicates)
    tally.add(staging.take_out_different())
    tally.repeated += staging.take_out_repeated()


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
