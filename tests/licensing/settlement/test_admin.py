"""Settlement in the admin: the effect in money before each step, and never one's own approval."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ledger.actor import Actor
from licensing.access.models import Membership, User
from licensing.settlement.admin import STEPS
from licensing.settlement.models import Run, RunPart
from tests.licensing.commerce.builders import build_agreement
from tests.licensing.settlement.builders import (
    Made,
    Studio,
    build_batch,
    forward,
    review,
    settle,
    start,
)

pytestmark = pytest.mark.django_db

LISTS = ["run", "runpart", "royaltyline", "runshare"]


@pytest.fixture
def studio() -> Studio:
    studio = Studio()
    build_agreement(studio.platform, studio.owner)
    return studio


def at_the_admin(actor: Actor) -> Client:
    """This person of the house, signed in."""
    user = User.objects.get(pk=str(actor.person_id))
    user.is_staff = True
    user.save()
    client = Client()
    client.force_login(user)
    return client


def in_review(studio: Studio) -> Run:
    build_batch(studio.platform, [Made(subjects=studio.character("Luna"), licensed=True)] * 3)
    return review(studio)


def path(run: Run, act: str) -> str:
    return f"/admin/settlement/run/{run.pk}/{act}/"


def seen(run: Run) -> dict[str, str]:
    return {"content_hash": run.content_hash_hex}


def test_a_run_is_approved_after_its_effect_in_money(studio: Studio) -> None:
    run = in_review(studio)
    client = at_the_admin(studio.finance.approver)
    asked = client.get(path(run, "approve")).content.decode()
    for words in ("0.006 USD", "0.0051 USD", "0.0009 USD", studio.owner.name, run.content_hash_hex):
        assert words in asked
    run.refresh_from_db()
    assert run.state == "in_review"
    assert client.post(path(run, "approve"), seen(run)).status_code == 302
    assert forward(run).state == "posted"
    page = client.get(f"/admin/settlement/run/{run.pk}/change/").content.decode()
    assert "0.006 USD" in page
    assert studio.finance.approver.label in page


def test_ones_own_run_is_refused_with_a_sentence(studio: Studio) -> None:
    run = in_review(studio)
    Membership.objects.filter(user__username=studio.finance.preparer.label).update(role="approver")
    answer = at_the_admin(studio.finance.preparer).post(path(run, "approve"), seen(run))
    assert answer.status_code == 403
    assert "You started this run. Somebody else has to approve it." in answer.content.decode()


def test_a_run_that_was_not_seen_is_not_approved(studio: Studio) -> None:
    run = in_review(studio)
    client = at_the_admin(studio.finance.approver)
    answer = client.post(path(run, "approve"), {"content_hash": "0" * 64})
    assert (answer.status_code, "has another hash" in answer.content.decode()) == (409, True)


def test_without_the_role_the_step_is_refused(studio: Studio) -> None:
    run = in_review(studio)
    answer = at_the_admin(studio.finance.preparer).post(path(run, "approve"), seen(run))
    assert (answer.status_code, "settlement:approve" in answer.content.decode()) == (403, True)


def test_a_run_is_cancelled_by_who_prepares(studio: Studio) -> None:
    run = in_review(studio)
    client = at_the_admin(studio.finance.preparer)
    assert client.post(path(run, "cancel"), seen(run)).status_code == 302
    run.refresh_from_db()
    assert run.state == "cancelled"


def test_steps_are_offered_when_they_are_possible_to_those_who_may_take_them(
    studio: Studio,
) -> None:
    preparer, approver = map(at_the_admin, (studio.finance.preparer, studio.finance.approver))
    run = start(studio)
    page = f"/admin/settlement/run/{run.pk}/change/"

    def offered(client: Client) -> set[str]:
        shown = client.get(page).content.decode()
        return {act for act in STEPS if path(run, act) in shown}

    assert (offered(preparer), offered(approver)) == ({"cancel"}, set())
    forward(run)
    assert (offered(preparer), offered(approver)) == ({"cancel"}, {"approve"})
    assert f"Approve: {studio.finance.approver.label}" in preparer.get(page).content.decode()


def test_who_started_a_run_is_told_that_nobody_else_may_approve_it(studio: Studio) -> None:
    run = in_review(studio)
    Membership.objects.filter(user__username=studio.finance.preparer.label).update(role="approver")
    Membership.objects.filter(user__username=studio.finance.approver.label).update(role="auditor")
    client = at_the_admin(studio.finance.preparer)
    page = client.get(f"/admin/settlement/run/{run.pk}/change/").content.decode()
    assert path(run, "approve") not in page
    assert "Approve: nobody at present" in page


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_read_only_count_nothing_and_do_not_grow_queries_with_rows(
    studio: Studio, name: str
) -> None:
    client = at_the_admin(studio.finance.preparer)
    page = f"/admin/settlement/{name}/"
    counts = []
    for _ in range(2):
        for _ in range(3):
            other = Studio(finance=studio.finance)
            build_agreement(other.platform, other.owner)
            build_batch(other.platform, [Made(subjects=other.character(), licensed=True)])
            settle(other)
        client.get(page)
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(page)
        assert answer.status_code == 200
        counts.append(len(queries))
        table = f'FROM "settlement_{name}"'
        assert not [
            query
            for query in queries
            if query["sql"].startswith("SELECT COUNT(*)") and table in query["sql"]
        ]
    assert counts[0] == counts[1]
    assert client.get(f"{page}add/").status_code == 403


def test_each_thing_has_its_page(studio: Studio) -> None:
    build_batch(studio.platform, [Made(subjects=studio.character(), licensed=True)])
    run = settle(studio)
    client = at_the_admin(studio.finance.preparer)
    things = {
        "run": run,
        "runpart": RunPart.objects.filter(run=run).first(),
        "royaltyline": run.lines.get(),
        "runshare": run.shares.first(),
    }
    for name, thing in things.items():
        assert thing is not None
        assert client.get(f"/admin/settlement/{name}/{thing.pk}/change/").status_code == 200


def test_a_stranger_to_the_house_sees_no_settlement() -> None:
    user = User.objects.create_user(username="stranger", password=None, is_staff=True)
    client = Client()
    client.force_login(user)
    for name in LISTS:
        assert client.get(f"/admin/settlement/{name}/").status_code == 403


@pytest.mark.parametrize(
    "unreadable",
    ["state__exact=%00", "period__year=99999999"],
)
def test_a_filter_that_cannot_be_read_leads_to_the_whole_list(unreadable: str) -> None:
    client = at_the_admin(Studio().finance.preparer)
    path = "/admin/settlement/run/"
    answer = client.get(f"{path}?{unreadable}")
    assert (answer.status_code, answer["Location"]) == (302, f"{path}?e=1")
    assert client.get(answer["Location"]).status_code == 200
