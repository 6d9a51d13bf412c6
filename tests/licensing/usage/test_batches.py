"""Batches are sealed by a sweep, and what is sealed never changes."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from ledger.ids import new_id
from licensing.access.models import AuditRecord
from licensing.usage import sealing, tasks
from licensing.usage.models import (
    BATCH_MOVES,
    Batch,
    BatchOrigin,
    BatchState,
    Generation,
    GenerationParent,
    GenerationSubject,
)
from tests.licensing.builders import Household, build_platform
from tests.licensing.usage.builders import NOW, a_subject, report, send, the, upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def clips() -> Household:
    return build_platform()


def test_an_open_batch_is_sealed_when_it_is_five_seconds_old(clips: Household) -> None:
    luna = a_subject()
    kept = [send(clips.actor, report(luna)).generation for _ in range(3)]
    batch = kept[0].batch
    assert sealing.close_batches(now=NOW + timedelta(seconds=4)) == 0
    assert sealing.close_batches(now=NOW + timedelta(seconds=5)) == 1
    assert sealing.close_batches(now=NOW + timedelta(seconds=5)) == 0
    later = NOW + timedelta(seconds=6)
    assert sealing.seal_next(now=later) == batch.pk
    assert sealing.seal_next(now=later) is None
    batch.refresh_from_db()
    assert (batch.state, batch.count, batch.sealed_at) == (BatchState.SEALED, 3, later)
    assert batch.first_occurred_at == kept[0].occurred_at
    content = b"".join(
        bytes(digest)
        for digest in Generation.objects.order_by("pk").values_list("content_digest", flat=True)
    )
    assert bytes(batch.content_hash or b"") == hashlib.sha256(content).digest()
    record = AuditRecord.objects.get(verb="usage.seal_batch")
    assert (record.thing, record.organisation_id) == (batch.shown_id, clips.organisation.pk)
    assert send(clips.actor, report(luna)).generation.batch != batch


def test_a_full_batch_is_sealed_before_its_time(
    clips: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "OPEN_UP_TO", 3)
    luna = a_subject()
    for _ in range(3):
        send(clips.actor, report(luna))
    assert sealing.close_batches(now=NOW) == 0
    send(clips.actor, report(luna))
    assert sealing.close_batches(now=NOW) == 1


def test_the_sweep_seals_what_is_due_and_a_second_one_finds_nothing(clips: Household) -> None:
    luna = a_subject()
    before = timezone.now() - timedelta(minutes=1)
    said = report(luna, occurred_at=(before - timedelta(minutes=1)).isoformat())
    send(clips.actor, said, now=before)
    send(build_platform().actor, said, now=before)
    assert tasks.seal_open_batches() == 2
    assert tasks.seal_open_batches() == 0
    assert set(Batch.objects.values_list("state", "count")) == {("sealed", 1)}


@pytest.mark.parametrize("after", BatchState.values)
@pytest.mark.parametrize("before", BatchState.values)
def test_the_database_knows_the_moves(clips: Household, before: str, after: str) -> None:
    batch = _batch(clips, before)
    if after in BATCH_MOVES[before] or (after == before and before != BatchState.SEALED):
        _move(batch, after)
        assert Batch.objects.get(pk=batch.pk).state == after
    else:
        with pytest.raises(IntegrityError, match=r"batch_sealed|batch_move"), transaction.atomic():
            _move(batch, after)


def _batch(clips: Household, state: str) -> Batch:
    sealed = state == BatchState.SEALED
    return Batch.objects.create(
        platform=the(clips),
        origin=BatchOrigin.REPORTS,
        state=state,
        opened_at=NOW,
        sealed_at=NOW if sealed else None,
        content_hash=bytes(32) if sealed else None,
    )


def _move(batch: Batch, state: str) -> None:
    sealed = state == BatchState.SEALED
    Batch.objects.filter(pk=batch.pk).update(
        state=state,
        sealed_at=NOW if sealed else None,
        content_hash=bytes(32) if sealed else None,
    )


def test_one_open_batch_a_platform(clips: Household) -> None:
    _batch(clips, "open")
    with pytest.raises(IntegrityError), transaction.atomic():
        _batch(clips, "open")


def test_what_was_reported_never_changes(clips: Household) -> None:
    luna = a_subject()
    upload(clips.actor, [report(luna, external_id="b", parents=["a"]), report(luna)])
    attempts = [
        "UPDATE usage_generation SET seconds = 9",
        "DELETE FROM usage_generation",
        "TRUNCATE usage_generation CASCADE",
        "UPDATE usage_generationsubject SET weight = 9",
        "DELETE FROM usage_generationsubject",
        "TRUNCATE usage_generationsubject",
        "UPDATE usage_generationparent SET parent_external_id = 'z'",
        "DELETE FROM usage_generationparent",
        "TRUNCATE usage_generationparent",
        "DELETE FROM usage_batch",
        "TRUNCATE usage_batch CASCADE",
        "UPDATE usage_batch SET count = 9",
    ]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for attempt in attempts:
        with (
            pytest.raises(IntegrityError, match="violates"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(attempt)


def test_a_known_parent_stays_the_one_it_is(clips: Household) -> None:
    luna = a_subject()
    upload(clips.actor, [report(luna, external_id="b", parents=["a"]), report(luna)])
    send(clips.actor, report(luna, external_id="a"))
    other = send(clips.actor, report(luna)).generation
    with pytest.raises(IntegrityError, match="append_only"), transaction.atomic():
        GenerationParent.objects.update(parent=other)


def test_a_sealed_batch_takes_nothing_more(clips: Household) -> None:
    luna, milo = (a_subject() for _ in range(2))
    batch = upload(clips.actor, [report(luna)]).batch
    kept = batch.generations.get()
    with pytest.raises(IntegrityError, match="batch_sealed"), transaction.atomic():
        Generation.objects.create(
            platform=the(clips),
            batch=batch,
            occurred_at=NOW,
            licensed=False,
            unlicensed_reason="no_receipt",
            medium="image",
            content_digest=bytes(32),
            external_id="late",
        )
    with pytest.raises(IntegrityError, match="batch_sealed"), transaction.atomic():
        GenerationSubject.objects.create(generation=kept, subject=milo, weight=1)
    with pytest.raises(IntegrityError, match="batch_sealed"), transaction.atomic():
        GenerationParent.objects.create(
            generation=kept, platform=the(clips), position=0, parent_external_id="p"
        )


def test_a_generation_stands_in_a_batch_of_its_platform_with_subjects_that_exist(
    clips: Household,
) -> None:
    luna = a_subject()
    kept = send(clips.actor, report(luna)).generation
    said = {
        "occurred_at": NOW,
        "licensed": False,
        "unlicensed_reason": "no_receipt",
        "medium": "image",
        "content_digest": bytes(32),
        "external_id": "other",
    }
    with pytest.raises(IntegrityError, match="batch_sealed"), transaction.atomic():
        Generation.objects.create(platform=the(build_platform()), batch=kept.batch, **said)
    with pytest.raises(IntegrityError, match="batch_sealed"), transaction.atomic():
        Generation.objects.create(platform=the(clips), batch_id=new_id(), **said)
    with pytest.raises(IntegrityError, match="unknown_subject"), transaction.atomic():
        GenerationSubject.objects.create(generation=kept, subject_id=new_id(), weight=1)
    with (
        pytest.raises(IntegrityError, match="generation_licensed_or_why_not"),
        transaction.atomic(),
    ):
        Generation.objects.create(
            platform=the(clips), batch=kept.batch, **{**said, "licensed": True}
        )
    with pytest.raises(IntegrityError, match="generation_external_id_once"), transaction.atomic():
        Generation.objects.create(
            platform=the(clips),
            batch=kept.batch,
            **{**said, "external_id": kept.external_id},
        )
