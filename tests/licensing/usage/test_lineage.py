"""Remixes: parents in any order, pending until they come; no cycle, no endless depth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from ledger.actor import Actor
from licensing.catalog.models import Subject
from licensing.usage import lineage, sieve, writing
from licensing.usage.ingest import platform_of
from licensing.usage.models import Generation, GenerationParent
from licensing.usage.refusals import BadLines, BadReport
from tests.licensing.builders import build_platform
from tests.licensing.usage.builders import NOW, a_subject, report, rows, send, upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def luna() -> Subject:
    return a_subject()


@pytest.fixture
def clips() -> Actor:
    return build_platform().actor


def lines() -> list[str]:
    """The lineage as text: child <- parent, or child <- (parent) while it is pending."""
    return [
        f"{edge.generation.external_id} <- "
        + (edge.parent.external_id if edge.parent else f"({edge.parent_external_id})")
        for edge in GenerationParent.objects.select_related("generation", "parent").order_by(
            "generation__external_id", "position"
        )
    ]


def test_parents_in_the_same_upload_in_any_order(luna: Subject, clips: Actor) -> None:
    upload(
        clips,
        [
            report(luna, external_id="c", parents=["b", "a"]),
            report(luna, external_id="a"),
            report(luna, external_id="b", parents=["a"]),
        ],
    )
    assert lines() == ["b <- a", "c <- b", "c <- a"]


def test_a_parent_reported_later_is_found_when_it_comes(luna: Subject, clips: Actor) -> None:
    send(clips, report(luna, external_id="b", parents=["a"]))
    upload(clips, [report(luna, external_id="c", parents=["a", "b"])])
    assert lines() == ["b <- (a)", "c <- (a)", "c <- b"]
    later = NOW + timedelta(days=1)
    send(clips, report(luna, external_id="a"), now=later)
    assert lines() == ["b <- a", "c <- a", "c <- b"]
    found = GenerationParent.objects.filter(parent__external_id="a")
    assert {edge.resolved_at for edge in found} == {later}


def test_a_parent_is_one_of_the_same_platform(luna: Subject, clips: Actor) -> None:
    other = build_platform().actor
    send(other, report(luna, external_id="a"))
    send(clips, report(luna, external_id="b", parents=["a"]))
    assert lines() == ["b <- (a)"]
    send(other, report(luna, external_id="aa"))
    assert lines() == ["b <- (a)"]


def test_sixteen_parents_and_no_more(luna: Subject, clips: Actor) -> None:
    send(clips, report(luna, parents=[f"p-{n}" for n in range(16)]))
    assert len(lines()) == 16
    with pytest.raises(BadReport):
        send(clips, report(luna, parents=[f"p-{n}" for n in range(17)]))


@pytest.mark.parametrize(
    ("parents", "code"),
    [(["g"], "lineage_cycle"), (["a", "a"], "duplicate_parent"), (["a", ""], "out_of_range"),
     (["a b"], "invalid"), (["\x07"], "invalid"), ([1], "invalid"), ("a", "invalid")],
)  # fmt: skip
def test_parents_that_make_no_sense(
    luna: Subject, clips: Actor, parents: object, code: str
) -> None:
    with pytest.raises(BadReport) as refused:
        send(clips, report(luna, external_id="g", parents=parents))
    assert refused.value.code == code
    assert rows() == (0, 0, 0, 0)


def test_awkward_names_are_names(luna: Subject, clips: Actor) -> None:
    names = ['"', "\\", "a,b", "{}", "NULL", "null", '\\"', "'", "\\N", "%s", "\\t"]
    upload(
        clips,
        [report(luna, external_id=name) for name in names]
        + [report(luna, external_id="child", parents=names)],
    )
    edges = GenerationParent.objects.order_by("position").select_related("parent")
    assert [edge.parent.external_id for edge in edges if edge.parent] == names


def test_a_cycle_inside_an_upload_is_refused(luna: Subject, clips: Actor) -> None:
    with pytest.raises(BadLines) as refused:
        upload(
            clips,
            [
                report(luna, external_id="root"),
                report(luna, external_id="a", parents=["c", "root"]),
                report(luna, external_id="b", parents=["a"]),
                report(luna, external_id="c", parents=["b"]),
                report(luna, external_id="under", parents=["c"]),
            ],
        )
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [
        ("/2/parents", "lineage_cycle"),
        ("/3/parents", "lineage_cycle"),
        ("/4/parents", "lineage_cycle"),
    ]
    assert rows() == (0, 0, 0, 0)


def test_a_report_that_would_close_a_cycle_is_refused(luna: Subject, clips: Actor) -> None:
    send(clips, report(luna, external_id="b", parents=["a"]))
    send(clips, report(luna, external_id="c", parents=["b"]))
    before = rows()
    with pytest.raises(BadReport) as refused:
        send(clips, report(luna, external_id="a", parents=["c"]))
    assert refused.value.code == "lineage_cycle"
    assert rows() == before
    assert lines() == ["b <- (a)", "c <- b"]
    send(clips, report(luna, external_id="a", parents=["z"]))
    assert lines() == ["a <- (z)", "b <- a", "c <- b"]


def test_a_diamond_is_no_cycle(luna: Subject, clips: Actor) -> None:
    upload(
        clips,
        [
            report(luna, external_id="d", parents=["b", "c"]),
            report(luna, external_id="b", parents=["a"]),
            report(luna, external_id="c", parents=["a"]),
            report(luna, external_id="a"),
        ],
    )
    assert lines() == ["b <- a", "c <- a", "d <- b", "d <- c"]


def test_a_lineage_may_be_64_deep(luna: Subject, clips: Actor) -> None:
    chain = [report(luna, external_id="n-0")] + [
        report(luna, external_id=f"n-{n}", parents=[f"n-{n - 1}"]) for n in range(1, 65)
    ]
    upload(clips, chain)
    assert len(lines()) == 64
    before = rows()
    with pytest.raises(BadReport) as refused:
        send(clips, report(luna, external_id="n-65", parents=["n-64"]))
    assert refused.value.code == "lineage_too_deep"
    assert rows() == before
    with pytest.raises(BadLines) as lines_refused:
        upload(
            clips,
            [report(luna, external_id="n-66", parents=["n-64"]), report(luna, parents=["n-63"])],
        )
    assert [fault.pointer for fault in lines_refused.value.faults] == ["/1/parents"]


def test_child_and_parent_reported_side_by_side_are_joined_by_the_sweep(
    luna: Subject, clips: Actor
) -> None:
    send(clips, report(luna, external_id="b", parents=["a"]))
    # As if neither had seen the other.
    parent = send(clips, report(luna, external_id="x")).generation
    assert lineage.resolve_missed(now=NOW) == 0
    child = Generation.objects.get(external_id="b")
    GenerationParent.objects.create(
        generation=child, platform=child.platform, position=1, parent_external_id="x"
    )
    assert lineage.resolve_missed(now=NOW) == 1
    assert lineage.resolve_missed(now=NOW) == 0
    assert lines() == ["b <- (a)", "b <- x"]
    assert parent.remixes.get().generation == child


def test_no_statement_reads_a_platforms_whole_history(luna: Subject, clips: Actor) -> None:
    """Were the statistics never so stale: an id is looked up by the ids' own index."""
    upload(clips, [report(luna, parents=[f"p{n}"]) for n in range(50)])
    platform = platform_of(clips).pk
    asked: Sequence[tuple[str, dict[str, Any]]] = (
        (writing._INSERT_PARENTS, {"children": "{}", "places": [], "names": ["p"], "now": NOW}),
        (writing._FIND, {"external_id": "g"}),
        (sieve._TAKE_OUT_LATER, {"upload": platform, "listed": 1}),
        (sieve._TAKE_OUT_DIFFERENT, {"listed": 1}),
        (sieve._TAKE_OUT_REPEATED, {}),
    )
    with connection.cursor() as cursor:
        sieve.Sieve(platform_id=platform, mode="test", reports=[])
        cursor.execute("SET LOCAL enable_seqscan = off")
        for statement, terms in asked:
            cursor.execute(f"EXPLAIN {statement}", {"platform": platform, **terms})
            plan = "\n".join(row for (row,) in cursor.fetchall())
            assert "generation_external_id_once" in plan, plan
            assert "generation_newest" not in plan, plan
