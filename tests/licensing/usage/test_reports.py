"""A platform reports what it generated, one by one and in batches."""

from __future__ import annotations

import hashlib
import json

import pytest

from licensing.access.models import AuditRecord
from licensing.usage import ingest
from licensing.usage.models import BatchState, Generation, GenerationParent
from licensing.usage.refusals import BadLines, BadReport, GenerationDiffers, NotAPlatform
from tests.licensing.builders import build_holder, build_platform
from tests.licensing.usage.builders import a_subject, build_receipt, report, rows, send, the, upload

pytestmark = pytest.mark.django_db


def test_a_single_report_joins_the_open_batch_of_its_platform() -> None:
    holder, clips, other = build_holder(), build_platform(), build_platform()
    luna = a_subject(holder)
    first = send(clips.actor, report(luna)).generation
    second = send(clips.actor, report(luna)).generation
    elsewhere = send(other.actor, report(luna)).generation
    assert first.batch == second.batch
    assert first.batch.state == BatchState.OPEN
    assert elsewhere.batch != first.batch
    assert AuditRecord.objects.filter(thing=first.shown_id).count() == 1


def test_a_report_keeps_what_was_said() -> None:
    holder, clips = build_holder(), build_platform()
    luna, milo = a_subject(holder), a_subject(holder)
    said = report(
        luna,
        external_id="G/1",
        occurred_at="2026-10-15T13:30:00.250+02:00",
        medium="video",
        seconds=8,
        territory="US",
        purpose="parody",
        resolution="1920x1080",
        model="x-2 «ü»",
        metadata={"b": ["tab\there", {"back": "\\slash"}], "a": 1.5},
        subjects=[{"id": milo.shown_id, "weight": 3}, {"id": luna.shown_id, "weight": 1}],
    )
    kept = Generation.objects.get(pk=send(clips.actor, said).generation.pk)
    assert (kept.external_id, kept.medium, kept.seconds) == ("G/1", "video", 8)
    assert kept.occurred_at.isoformat() == "2026-10-15T11:30:00.250000+00:00"
    assert (kept.territory, kept.purpose, kept.resolution) == ("US", "parody", "1920x1080")
    assert kept.model == "x-2 «ü»"
    assert kept.metadata == said["metadata"]
    weights = {one.subject_id: one.weight for one in kept.appearances.all()}
    assert weights == {milo.pk: 3, luna.pk: 1}


def test_the_same_report_again_is_the_same_generation() -> None:
    holder, clips = build_holder(), build_platform()
    luna, milo = a_subject(holder), a_subject(holder)
    said = report([luna, milo], metadata={"a": 1, "b": 2})
    first = send(clips.actor, said)
    # Written otherwise, but saying the same.
    again = {
        **dict(reversed(said.items())),
        "occurred_at": "2026-10-15T11:59:00+00:00",
        "seconds": None,
        "subjects": [{"weight": 1, "id": milo.shown_id}, {"id": luna.shown_id}],
        "metadata": {"b": 2, "a": 1},
    }
    second = send(clips.actor, again)
    assert first.created
    assert not second.created
    assert second.generation == first.generation
    assert rows() == (1, 1, 2, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"occurred_at": "2026-10-15T11:59:01Z"},
        {"medium": "text"},
        {"seconds": 1},
        {"territory": "US"},
        {"purpose": "news"},
        {"resolution": "1x1"},
        {"model": "x"},
        {"metadata": {"a": 1}},
        {"parents": ["g-0"]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_same_id_with_other_content_is_refused(change: dict[str, object]) -> None:
    holder, clips = build_holder(), build_platform()
    said = report(a_subject(holder))
    send(clips.actor, said)
    before = rows()
    with pytest.raises(GenerationDiffers) as refused:
        send(clips.actor, {**said, **change})
    assert refused.value.faults[0].pointer == "/external_id"
    assert rows() == before


def test_another_platform_may_use_the_same_id() -> None:
    holder, clips, other = build_holder(), build_platform(), build_platform()
    said = report(a_subject(holder))
    assert send(clips.actor, said).created
    assert send(other.actor, said).created


def test_only_a_platform_reports() -> None:
    holder = build_holder()
    with pytest.raises(NotAPlatform):
        send(holder.actor, report(a_subject(holder)))


def test_a_subject_of_the_other_mode_does_not_exist() -> None:
    live, clips = build_holder(mode="live"), build_platform()
    with pytest.raises(BadReport) as refused:
        send(clips.actor, report(a_subject(live)))
    assert refused.value.code == "unknown_subject"
    assert refused.value.faults[0].pointer == "/subjects/0/id"
    assert rows() == (0, 0, 0, 0)


def test_an_upload_is_sealed_with_its_count_and_hash() -> None:
    holder, clips = build_holder(), build_platform()
    luna = a_subject(holder)
    reports = [report(luna, occurred_at=f"2026-10-15T11:5{n}:00Z") for n in range(5)]
    batch = upload(clips.actor, reports).batch
    batch.refresh_from_db()
    assert batch.state == BatchState.SEALED
    assert (batch.count, batch.lines, batch.repeated, batch.refused) == (5, 5, 0, 0)
    assert batch.first_occurred_at is not None
    assert batch.last_occurred_at is not None
    assert batch.first_occurred_at.minute == 50
    assert batch.last_occurred_at.minute == 54
    kept = list(batch.generations.order_by("pk"))
    assert [one.external_id for one in kept] == [said["external_id"] for said in reports]
    content = b"".join(bytes(one.content_digest) for one in kept)
    assert bytes(batch.content_hash or b"") == hashlib.sha256(content).digest()


def test_the_same_upload_again_is_the_same_batch() -> None:
    holder, clips = build_holder(), build_platform()
    luna = a_subject(holder)
    reports = [report(luna) for _ in range(3)]
    first = upload(clips.actor, reports)
    # Blank lines, CRLF and spaces say nothing.
    loose = b"\r\n\n" + b"\r\n \n".join(json.dumps(one, indent=None).encode() for one in reports)
    second = upload(clips.actor, loose)
    assert first.created
    assert not second.created
    assert second.batch == first.batch
    assert rows() == (1, 3, 3, 0)
    assert AuditRecord.objects.filter(verb="usage.upload_batch").count() == 1


def test_an_upload_with_lines_that_were_reported_before_takes_the_new_ones() -> None:
    holder, clips = build_holder(), build_platform()
    luna = a_subject(holder)
    reports = [report(luna) for _ in range(4)]
    send(clips.actor, reports[0])
    upload(clips.actor, reports[1:2])
    batch = upload(clips.actor, reports).batch
    assert (batch.count, batch.lines, batch.repeated) == (2, 4, 2)
    kept = list(batch.generations.order_by("pk"))
    content = b"".join(bytes(one.content_digest) for one in kept)
    assert bytes(batch.content_hash or b"") == hashlib.sha256(content).digest()
    nothing_new = upload(clips.actor, reports[:3]).batch
    assert (nothing_new.count, nothing_new.repeated, nothing_new.state) == (0, 3, "sealed")
    assert Generation.objects.count() == 4


def test_an_upload_with_one_line_altered_is_refused_and_names_the_line() -> None:
    holder, clips = build_holder(), build_platform()
    luna = a_subject(holder)
    reports = [report(luna) for _ in range(3)]
    upload(clips.actor, reports)
    reports[1] = {**reports[1], "medium": "text"}
    before = rows()
    with pytest.raises(GenerationDiffers) as refused:
        upload(clips.actor, [*reports, report(luna)])
    assert [fault.pointer for fault in refused.value.faults] == ["/2/external_id"]
    assert rows() == before


def test_one_bad_line_and_nothing_is_stored() -> None:
    holder, live, clips = build_holder(), build_holder(mode="live"), build_platform()
    luna = a_subject(holder)
    twice = report(luna)
    reports = [
        report(luna),
        report(luna, seconds=0),
        twice,
        report([luna, a_subject(live)]),
        twice,
    ]
    with pytest.raises(BadLines) as refused:
        upload(clips.actor, reports)
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [
        ("/2/seconds", "out_of_range"),
        ("/4/subjects/1/id", "unknown_subject"),
        ("/5/external_id", "duplicate_external_id"),
    ]
    assert rows() == (0, 0, 0, 0)


def test_no_more_than_a_hundred_bad_lines_are_listed() -> None:
    holder, live, clips = build_holder(), build_holder(mode="live"), build_platform()
    luna, other = a_subject(holder), a_subject(live)
    with pytest.raises(BadLines) as refused:
        upload(clips.actor, [report(luna, medium="smell") for _ in range(150)])
    assert len(refused.value.faults) == 100
    with pytest.raises(BadLines) as refused:
        upload(clips.actor, [report(other) for _ in range(150)] + [report(luna, seconds=-1)])
    assert [fault.pointer for fault in refused.value.faults][:2] == [
        "/1/subjects/0/id",
        "/2/subjects/0/id",
    ]
    assert len(refused.value.faults) == 100


def test_partial_mode_keeps_the_good_lines_and_tells_of_the_others() -> None:
    holder, live, clips = build_holder(), build_holder(mode="live"), build_platform()
    luna = a_subject(holder)
    first, differs = report(luna), report(luna)
    send(clips.actor, differs)
    reports = [
        first,
        report(luna, seconds=0),
        report(a_subject(live)),
        {**first, "medium": "text"},
        report(luna, external_id="a", parents=["b"]),
        report(luna, external_id="b", parents=["a"]),
        report(luna, external_id="c", parents=["a"]),
        {**differs, "medium": "text"},
        report(luna),
    ]
    uploaded = upload(clips.actor, reports, partial=True)
    batch = uploaded.batch
    assert [(line["line"], line["code"]) for line in batch.refusals] == [
        (2, "out_of_range"),
        (3, "unknown_subject"),
        (4, "duplicate_external_id"),
        (5, "lineage_cycle"),
        (6, "lineage_cycle"),
        (8, "generation_differs"),
    ]
    assert (batch.lines, batch.refused, batch.repeated, batch.count) == (9, 6, 0, 3)
    assert [one.external_id for one in batch.generations.order_by("pk")] == [
        first["external_id"],
        "c",
        reports[-1]["external_id"],
    ]
    again = upload(clips.actor, reports, partial=True)
    assert not again.created
    assert again.batch == batch


def test_partial_mode_with_no_good_line_at_all_stores_nothing() -> None:
    holder, clips = build_holder(), build_platform()
    luna = a_subject(holder)
    with pytest.raises(BadLines):
        upload(clips.actor, [report(luna, seconds=0), report(luna, seconds=-1)], partial=True)
    assert rows() == (0, 0, 0, 0)


def test_an_upload_cites_receipts_and_names_parents() -> None:
    holder, clips = build_holder(), build_platform()
    luna = a_subject(holder)
    receipt = build_receipt(the(clips), [luna])
    batch = upload(
        clips.actor,
        [
            report(luna, external_id="child", parents=["parent", "stranger"]),
            report(luna, external_id="parent", receipt=receipt),
        ],
    ).batch
    child, parent = batch.generations.order_by("pk")
    assert parent.licensed
    assert not child.licensed
    assert list(
        GenerationParent.objects.order_by("position").values_list(
            "generation_id", "parent_external_id", "parent_id"
        )
    ) == [(child.pk, "parent", parent.pk), (child.pk, "stranger", None)]


def test_lines_stand_for_the_mediums_there_are() -> None:
    holder, clips = build_holder(), build_platform()
    luna = a_subject(holder)
    for medium in ("image", "video", "voice", "text", "3d"):
        kept = send(clips.actor, report(luna, medium=medium, seconds=2)).generation
        assert kept.medium == medium
    with pytest.raises(BadReport) as refused:
        send(clips.actor, report(luna, medium="video"))
    assert refused.value.faults[0].pointer == "/seconds"


def test_a_verb_finds_its_platform() -> None:
    clips = build_platform()
    assert ingest.platform_of(clips.actor) == the(clips)
