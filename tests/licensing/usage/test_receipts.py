"""What a receipt covers; and what it does not is kept as a fact, with the reason."""

from __future__ import annotations

import inspect
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from ledger.ids import new_id, show
from licensing.consent.engine.language import Action
from licensing.usage import covering, reading
from licensing.usage.models import Generation, Medium, Unlicensed
from licensing.usage.refusals import BadLines, BadReport, GenerationDiffers
from licensing.usage.writing import Writer
from tests.licensing.builders import Household, build_platform
from tests.licensing.usage.builders import (
    NOW,
    a_subject,
    build_check,
    build_receipt,
    jws,
    report,
    rows,
    send,
    the,
    upload,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def clips() -> Household:
    return build_platform()


def why(clips: Household, said: dict[str, object]) -> str:
    """Why the report is not licensed; empty if it is."""
    kept: Generation = send(clips.actor, said).generation
    assert kept.licensed == (kept.unlicensed_reason == "")
    return kept.unlicensed_reason


def test_a_receipt_licenses_what_it_was_given_for(clips: Household) -> None:
    luna, milo = (a_subject() for _ in range(2))
    check = build_check(the(clips), [milo, luna])
    kept = send(clips.actor, report([luna, milo], receipt=check.receipt)).generation
    assert kept.licensed
    assert kept.consent_check == check


@pytest.mark.parametrize("medium", Medium.values)
def test_a_receipt_for_each_medium(clips: Household, medium: str) -> None:
    luna = a_subject()
    receipt = build_receipt(the(clips), [luna], action=Action(f"generate_{medium}"))
    assert why(clips, report(luna, medium=medium, seconds=4, receipt=receipt)) == ""
    other = "text" if medium != "text" else "image"
    assert why(clips, report(luna, medium=other, receipt=receipt)) == Unlicensed.WRONG_ACTION


def test_a_receipt_for_a_remix_is_for_what_has_parents(clips: Household) -> None:
    luna = a_subject()
    receipt = build_receipt(the(clips), [luna], action="remix")
    assert why(clips, report(luna, receipt=receipt, parents=["g-before"])) == ""
    assert why(clips, report(luna, receipt=receipt)) == Unlicensed.WRONG_ACTION


def test_no_receipt(clips: Household) -> None:
    assert why(clips, report(a_subject())) == Unlicensed.NO_RECEIPT


def test_a_receipt_of_another_platform(clips: Household) -> None:
    luna = a_subject()
    check = build_check(the(build_platform()), [luna])
    kept = send(clips.actor, report(luna, receipt=check.receipt)).generation
    assert kept.unlicensed_reason == Unlicensed.OTHER_PLATFORM
    assert kept.consent_check == check


def test_a_receipt_that_we_did_not_sign(clips: Household) -> None:
    luna = a_subject()
    check = build_check(the(clips), [luna])
    head, payload, signature = str(check.receipt).split(".")
    for forged in (
        f"{head}.{payload}.{signature[::-1]}",
        jws({"jti": check.shown_id}),
        jws({"jti": "chk_06evgh4c2xskgjz3kq1v6t9m8p"}),
        jws({"jti": "somebody else's"}),
        # Knowing the id of another platform's denied check tells nothing about it.
        jws({"jti": build_check(the(build_platform()), [luna], outcome="deny").shown_id}),
    ):
        kept = send(clips.actor, report(luna, receipt=forged)).generation
        assert kept.unlicensed_reason == Unlicensed.UNKNOWN_RECEIPT
        assert kept.consent_check is None


@pytest.mark.parametrize("outcome", ["deny", "needs_approval"])
def test_a_check_that_was_not_allowed(clips: Household, outcome: str) -> None:
    luna = a_subject()
    denied = build_check(the(clips), [luna], outcome=outcome)
    kept = send(clips.actor, report(luna, receipt=jws({"jti": denied.shown_id}))).generation
    assert kept.unlicensed_reason == Unlicensed.DENIED
    assert kept.consent_check == denied


def test_other_subjects_fewer_or_more(clips: Household) -> None:
    luna, milo, nox = (a_subject() for _ in range(3))
    receipt = build_receipt(the(clips), [luna, milo])
    for subjects in ([luna], [luna, nox], [luna, milo, nox]):
        assert why(clips, report(subjects, receipt=receipt)) == Unlicensed.OTHER_SUBJECTS


def test_another_territory(clips: Household) -> None:
    luna = a_subject()
    receipt = build_receipt(the(clips), [luna], territory="FR")
    assert why(clips, report(luna, receipt=receipt, territory="FR")) == ""
    assert why(clips, report(luna, receipt=receipt, territory="DE")) == Unlicensed.OTHER_TERRITORY
    assert why(clips, report(luna, receipt=receipt)) == Unlicensed.OTHER_TERRITORY


def test_another_purpose(clips: Household) -> None:
    luna = a_subject()
    personal = build_receipt(the(clips), [luna], generations=2, purpose="personal")
    assert why(clips, report(luna, receipt=personal, purpose="personal")) == ""
    other = report(luna, receipt=personal, purpose="advertising")
    assert why(clips, other) == Unlicensed.OTHER_PURPOSE
    # Whoever says nothing has made it for what it asked for; a receipt that says nothing was given
    # whatever the purpose.
    assert why(clips, report(luna, receipt=personal)) == ""
    open_to_all = build_receipt(the(clips), [luna])
    assert why(clips, report(luna, receipt=open_to_all, purpose="advertising")) == ""


def test_longer_than_the_receipt_covers(clips: Household) -> None:
    luna = a_subject()
    video = {"action": "generate_video", "generations": 2}
    receipt = build_receipt(the(clips), [luna], **video, duration_seconds=8)
    for seconds, reason in ((7, ""), (8, ""), (9, Unlicensed.OVER_DURATION)):
        assert why(clips, report(luna, medium="video", seconds=seconds, receipt=receipt)) == reason
    any_length = build_receipt(the(clips), [luna], **video)
    assert why(clips, report(luna, medium="video", seconds=900, receipt=any_length)) == ""


def test_a_higher_resolution_than_the_receipt_covers(clips: Household) -> None:
    luna = a_subject()
    receipt = build_receipt(the(clips), [luna], generations=4, resolution=1080)
    for resolution in ("1920x1080", "1080x1920", "640x480", ""):
        said = {"resolution": resolution} if resolution else {}
        assert why(clips, report(luna, receipt=receipt, **said)) == ""
    for resolution in ("1921x1081", "2160x3840"):
        higher = report(luna, receipt=receipt, resolution=resolution)
        assert why(clips, higher) == Unlicensed.OVER_RESOLUTION


def test_a_receipt_covers_as_many_as_were_asked_for(clips: Household) -> None:
    luna = a_subject()
    receipt = build_receipt(the(clips), [luna], generations=3)
    # What it does not cover takes no unit of it.
    beside = [report(a_subject(), receipt=receipt), report(luna, receipt=receipt, medium="text")]
    assert all(why(clips, said) for said in beside)
    first = report(luna, receipt=receipt)
    assert why(clips, first) == ""
    upload(
        clips.actor,
        [
            report(luna, external_id="another-medium", receipt=receipt, medium="text"),
            report(luna, external_id="second", receipt=receipt),
            first,
            report(luna, external_id="without"),
            report(luna, external_id="third", receipt=receipt),
            report(luna, external_id="fourth", receipt=receipt),
        ],
    )
    assert units(clips) == {first["external_id"]: 1, "second": 2, "third": 3}
    fourth = Generation.objects.get(external_id="fourth")
    assert fourth.unlicensed_reason == Unlicensed.OVER_QUOTA
    assert fourth.consent_check is not None
    assert why(clips, report(luna, receipt=receipt)) == Unlicensed.OVER_QUOTA


def units(clips: Household) -> dict[str, int | None]:
    """Which unit of its receipt each licensed generation has."""
    licensed = Generation.objects.filter(platform=the(clips), licensed=True).order_by("pk")
    return {one.external_id: one.unit for one in licensed}


def test_the_same_report_again_takes_no_second_unit(clips: Household) -> None:
    luna = a_subject()
    receipt = build_receipt(the(clips), [luna], generations=2)
    said = report(luna, receipt=receipt)
    for _ in range(3):
        assert send(clips.actor, said).generation.unit == 1
        assert upload(clips.actor, [said, report(luna)], partial=True).batch.repeated == 1
    with pytest.raises(GenerationDiffers):
        send(clips.actor, {**said, "territory": "FR"})
    twice = report(luna, receipt=receipt)
    batch = upload(clips.actor, [twice, twice], partial=True).batch
    assert (batch.count, batch.refused) == (1, 1)
    assert list(units(clips).values()) == [1, 2]


def test_what_is_refused_takes_no_unit(clips: Household) -> None:
    luna = a_subject()
    receipt = build_receipt(the(clips), [luna])
    bad = report(luna, subjects=[{"id": show("chr", new_id())}])
    with pytest.raises(BadLines):
        upload(clips.actor, [report(luna, receipt=receipt), bad])
    assert why(clips, report(luna, receipt=receipt)) == ""


def test_a_receipt_from_before_one_could_say_covers_any_number(clips: Household) -> None:
    luna = a_subject()
    receipt = build_receipt(the(clips), [luna], generations=None)
    upload(clips.actor, [report(luna, receipt=receipt) for _ in range(150)])
    assert set(units(clips).values()) == {None}
    assert Generation.objects.filter(licensed=True).count() == 150


def test_units_go_on_through_the_slices_of_an_upload(
    clips: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LINES", 4)
    luna = a_subject()
    receipt = build_receipt(the(clips), [luna], generations=10)
    lines = [report(luna, receipt=receipt) for _ in range(13)]
    # Nor does one have to be judged a second time, which would hold the receipt.
    monkeypatch.delattr(Writer, "hold_receipts")
    upload(clips.actor, lines)
    assert units(clips) == {said["external_id"]: n + 1 for n, said in enumerate(lines[:10])}


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 100])
def test_what_is_sifted_out_of_a_slice_takes_no_unit_from_a_later_one(
    clips: Household, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Lines that were reported before, stand twice or are refused, among others under the same two
    receipts; of each, the units are given in the order of the lines that are kept."""
    monkeypatch.setattr(reading, "LINES", size)
    luna = a_subject()
    receipts = [build_receipt(the(clips), [luna], generations=7) for _ in range(2)]
    repeated = [report(luna, receipt=receipt) for receipt in receipts]
    for said in repeated:
        send(clips.actor, said)
    good = [report(luna, receipt=receipts[n // 2 % 2]) for n in range(18)]
    differs = {**repeated[0], "territory": "FR"}
    stranger = report(luna, receipt=receipts[1], subjects=[{"id": show("chr", new_id())}])
    lines = [*good[:2], repeated[0], *good[2:5], good[1], *good[5:9], differs, *good[9:11]]
    lines += [stranger, good[3], *good[11:15], repeated[1], *good[15:]]
    batch = upload(clips.actor, lines, partial=True).batch
    assert (batch.count, batch.repeated, batch.refused) == (18, 2, 4)
    given = units(clips)
    for place, receipt in enumerate(receipts):
        mine = [repeated[place], *(said for said in good if said["receipt"] == receipt)]
        expected = {said["external_id"]: n + 1 for n, said in enumerate(mine[:7])}
        assert {name: given.pop(name) for name in expected} == expected
    assert not given


def test_the_database_gives_no_unit_that_is_not_there(clips: Household) -> None:
    luna = a_subject()
    check = build_check(the(clips), [luna], generations=2)
    kept = send(clips.actor, report(luna, receipt=check.receipt)).generation

    def insert(number: int | None, *, licensed: bool = True) -> None:
        with transaction.atomic():
            Generation.objects.create(
                platform=the(clips),
                batch=kept.batch,
                consent_check=check,
                occurred_at=NOW,
                licensed=licensed,
                unlicensed_reason="" if licensed else "expired",
                unit=number,
                medium="image",
                content_digest=bytes(32),
                external_id=f"inserted-{number}",
            )

    for number, licensed, constraint in (
        (1, True, "generation_unit_once"),
        (0, True, "generation_unit_if_licensed"),
        (2, False, "generation_unit_if_licensed"),
        (3, True, "over_quota"),
        (None, True, "over_quota"),
    ):
        with pytest.raises(IntegrityError, match=constraint):
            insert(number, licensed=licensed)
    insert(2)


@pytest.mark.parametrize(
    ("minutes_after_issue", "reason"),
    [
        (-6, Unlicensed.NOT_YET_ISSUED),
        (-5, ""),
        (0, ""),
        (30, ""),
        (31, Unlicensed.EXPIRED),
    ],
)
def test_a_receipt_holds_from_its_issue_to_its_expiry(
    clips: Household, minutes_after_issue: int, reason: str
) -> None:
    luna = a_subject()
    issued = NOW - timedelta(hours=2)
    receipt = build_receipt(
        the(clips), [luna], issued_at=issued, expires_at=issued + timedelta(minutes=30)
    )
    at = (issued + timedelta(minutes=minutes_after_issue)).isoformat()
    assert why(clips, report(luna, receipt=receipt, occurred_at=at)) == reason


@pytest.mark.parametrize(
    "receipt",
    ["", "x", "a.b", "a.b.c", "a.b.c.d", "a..c", "é.é.é", "eyJ9.e30.c2ln", " " + jws({"jti": "x"}),
     jws([]), jws({"jti": 1}), jws("chk_x")],
)  # fmt: skip
def test_a_malformed_receipt_is_refused(clips: Household, receipt: str) -> None:
    luna = a_subject()
    with pytest.raises(BadReport) as refused:
        send(clips.actor, report(luna, receipt=receipt))
    assert refused.value.code == "receipt_malformed"
    assert rows() == (0, 0, 0, 0)


def test_every_reason_there_is_is_one_that_is_given() -> None:
    given = inspect.getsource(covering)
    assert all(f'"{reason}"' in given or f"\\t{reason}" in given for reason in Unlicensed.values)
