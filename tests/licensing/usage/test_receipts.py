"""What a receipt covers; and what it does not is kept as a fact, with the reason."""

from __future__ import annotations

from datetime import timedelta

import pytest

from licensing.consent.language import Action
from licensing.usage import staging
from licensing.usage.models import Generation, Medium, Unlicensed
from licensing.usage.refusals import BadReport
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


def test_every_reason_there_is_is_one_a_statement_gives() -> None:
    given = staging._INSERT_GENERATIONS
    assert all(f"'{reason}'" in given for reason in Unlicensed.values)
