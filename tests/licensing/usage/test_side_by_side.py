"""The same report, or the same upload, twice at the same moment has one effect."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from ledger.errors import DomainError
from licensing.catalog.models import Subject
from licensing.consent.models import ConsentCheck
from licensing.usage import lineage, sealing
from licensing.usage.models import Batch, Generation, GenerationParent
from licensing.usage.refusals import Busy, GenerationDiffers
from tests.licensing.builders import Household, build_platform
from tests.licensing.usage.builders import (
    NOW,
    a_subject,
    build_receipt,
    report,
    rows,
    send,
    the,
    upload,
)

pytestmark = pytest.mark.django_db(transaction=True)


def together(*works: Callable[[], Any]) -> list[Any]:
    """What each of the works gives or raises, all of them begun at one moment."""
    start = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(place: int, work: Callable[[], Any]) -> None:
        try:
            start.wait(10)
            results[place] = work()
        except DomainError as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place, work)) for place, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return results


@pytest.fixture
def luna() -> Subject:
    with transaction.atomic():
        return a_subject()


@pytest.fixture
def clips() -> Household:
    return build_platform()


def test_the_same_report_five_times_at_once(luna: Subject, clips: Household) -> None:
    for _ in range(3):
        said = report(luna)
        results = together(*[partial(send, clips.actor, said)] * 5)
        assert sorted(result.created for result in results) == [False] * 4 + [True]
        assert len({result.generation.pk for result in results}) == 1
    assert rows()[1:] == (3, 3, 0)


def test_one_id_with_two_contents_at_once(luna: Subject, clips: Household) -> None:
    for _ in range(5):
        said = report(luna)
        results = together(
            partial(send, clips.actor, said),
            partial(send, clips.actor, {**said, "territory": "FR"}),
        )
        assert sum(isinstance(result, GenerationDiffers) for result in results) == 1
    assert Generation.objects.count() == 5


def test_reporters_side_by_side_share_one_open_batch(luna: Subject, clips: Household) -> None:
    results = together(*[lambda: send(clips.actor, report(luna))] * 6)
    assert len({result.generation.batch_id for result in results}) == 1
    assert rows()[:2] == (1, 6)


def test_the_same_upload_three_times_at_once(luna: Subject, clips: Household) -> None:
    reports = [report(luna) for _ in range(300)]
    results = together(*[lambda: upload(clips.actor, reports)] * 3)
    assert sorted(result.created for result in results) == [False, False, True]
    assert len({result.batch.pk for result in results}) == 1
    assert rows() == (1, 300, 300, 0)


def test_two_uploads_that_overlap_at_once(luna: Subject, clips: Household) -> None:
    reports = [report(luna) for _ in range(300)]
    results = together(
        lambda: upload(clips.actor, reports[:200]), lambda: upload(clips.actor, reports[100:])
    )
    assert sum(result.batch.count for result in results) == 300
    assert sum(result.batch.repeated for result in results) == 100
    assert Generation.objects.count() == 300


def test_many_reports_race_for_the_last_units_of_a_receipt(luna: Subject, clips: Household) -> None:
    for _ in range(3):
        receipt = build_receipt(the(clips), [luna], generations=5)
        results = together(
            *[partial(send, clips.actor, report(luna, receipt=receipt)) for _ in range(12)]
        )
        kept = [result.generation for result in results]
        assert {one.unit for one in kept if one.licensed} == {1, 2, 3, 4, 5}
        assert [one.unlicensed_reason for one in kept if not one.licensed] == ["over_quota"] * 7


def test_reports_and_uploads_race_for_the_last_units_of_receipts(
    luna: Subject, clips: Household
) -> None:
    """Each cites receipts in an order of its own, and half of all is reported twice."""
    for turn in range(3):
        receipts = [build_receipt(the(clips), [luna], generations=3) for _ in range(4)]
        single = [report(luna, receipt=receipt) for receipt in receipts]
        batches = [
            [report(luna, receipt=receipt) for receipt in receipts[place:] + receipts[:place]]
            for place in range(4)
        ]
        works = [partial(patiently, send, clips.actor, said) for said in single]
        works += [partial(patiently, upload, clips.actor, lines) for lines in batches]
        works += [partial(patiently, upload, clips.actor, batches[turn] + single[:2])]
        together(*works)
        found = Generation.objects.filter(external_id__in=[one["external_id"] for one in single])
        assert found.count() == 4
        for receipt in receipts:
            check = ConsentCheck.objects.get(receipt=receipt)
            units = check.cited_by.filter(licensed=True).values_list("unit", flat=True)
            assert list(units.order_by("unit")) == [1, 2, 3]
            over = check.cited_by.filter(licensed=False)
            assert set(over.values_list("unlicensed_reason", flat=True)) == {"over_quota"}
            assert over.count() == 2


def patiently(work: Callable[..., Any], *what: Any) -> Any:
    """As a platform does that is told to try again."""
    for _ in range(20):
        try:
            return work(*what)
        except Busy:
            continue
    raise AssertionError("busy for good")


def test_two_sweeps_seal_each_batch_once(luna: Subject) -> None:
    for _ in range(6):
        send(build_platform().actor, report(luna))
    later = NOW + timedelta(minutes=1)

    def sweep() -> int:
        sealing.close_batches(now=later)
        sealed = 0
        while sealing.seal_next(now=later) is not None:
            sealed += 1
        return sealed

    sealed = sum(together(sweep, sweep, sweep))
    assert sealed + sweep() == 6
    assert set(Batch.objects.values_list("state", "count")) == {("sealed", 1)}


def test_a_seal_waits_for_a_report_under_way_and_misses_none(
    luna: Subject, clips: Household
) -> None:
    """A report that has joined the batch holds off its seal; the next one opens another."""
    send(clips.actor, report(luna))
    joined, finish = threading.Event(), threading.Event()

    def report_slowly() -> None:
        try:
            with transaction.atomic():
                send(clips.actor, report(luna))
                joined.set()
                finish.wait(30)
        finally:
            connection.close()

    slow = threading.Thread(target=report_slowly)
    slow.start()
    assert joined.wait(10)
    later = NOW + timedelta(minutes=1)
    assert sealing.close_batches(now=later) == 1
    assert sealing.seal_next(now=later) is None
    meanwhile = send(clips.actor, report(luna), now=later).generation
    finish.set()
    slow.join(30)
    sealed = sealing.seal_next(now=later)
    assert sealed is not None
    assert Batch.objects.get(pk=sealed).count == 2
    assert meanwhile.batch_id != sealed


def test_reports_under_a_busy_sweep_are_all_sealed_once(luna: Subject, clips: Household) -> None:
    later = NOW + timedelta(minutes=1)
    stop = threading.Event()

    def reporter() -> int:
        for _ in range(15):
            send(clips.actor, report(luna))
        return 15

    def sweeper() -> int:
        while not stop.is_set():
            sealing.close_batches(now=later)
            sealing.seal_next(now=later)
        return 0

    def reporters() -> int:
        try:
            return sum(together(reporter, reporter))
        finally:
            stop.set()

    assert sum(together(reporters, sweeper)) == 30
    sealing.close_batches(now=later)
    while sealing.seal_next(now=later) is not None:
        pass
    counts = Batch.objects.values_list("count", flat=True)
    assert sum(counts) == 30
    assert set(Batch.objects.values_list("state", flat=True)) == {"sealed"}


def test_child_and_parent_at_once_find_each_other_in_the_end(
    luna: Subject, clips: Household
) -> None:
    for turn in range(5):
        results = together(
            partial(send, clips.actor, report(luna, external_id=f"p{turn}")),
            partial(send, clips.actor, report(luna, external_id=f"c{turn}", parents=[f"p{turn}"])),
        )
        assert all(result.created for result in results)
    lineage.resolve_missed(now=NOW)
    assert not GenerationParent.objects.filter(parent=None).exists()


def test_two_halves_of_a_cycle_at_once_never_close_it(luna: Subject, clips: Household) -> None:
    for turn in range(5):
        together(
            partial(send, clips.actor, report(luna, external_id=f"a{turn}", parents=[f"b{turn}"])),
            partial(send, clips.actor, report(luna, external_id=f"b{turn}", parents=[f"a{turn}"])),
        )
    together(*[lambda: lineage.resolve_missed(now=NOW)] * 2)
    known = set(
        GenerationParent.objects.exclude(parent=None).values_list("generation_id", "parent_id")
    )
    assert not {(child, parent) for child, parent in known if (parent, child) in known}
