"""The portal's page of members: who leads, who is led, and that somebody always does."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from licensing.access import people
from licensing.access.models import AuditRecord, Membership
from tests.licensing.builders import Household, build_actor, build_holder
from tests.licensing.portal.visiting import fill, queries, text, visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> Household:
    return build_holder("Lantern Studio")


def membership(username: str) -> Membership:
    return Membership.objects.current().get(user__username=username)


def test_a_member_is_added_promoted_and_let_go(studio: Household) -> None:
    client = visit(studio.actor)
    said = {"username": "grace", "role": "editor", "email": "grace@example.com"}
    fill(client, "/portal/members", said)
    page = text(client, "/portal/members")
    assert "grace is a member now" in page
    assert "grace@example.com" in page
    grace = membership("grace")
    assert grace.role == "editor"

    path = f"/portal/members/{grace.shown_id}"
    assert "End the membership of grace" in text(client, path)
    fill(client, path, {"role": "owner"})
    assert membership("grace").role == "owner"
    assert "grace is owner now" in text(client, "/portal/members")
    fill(client, f"/portal/members/{membership('grace').shown_id}", {"end": "yes"})
    page = text(client, "/portal/members")
    assert "grace is no longer a member" in page
    assert "Before" in page
    verbs = AuditRecord.objects.order_by("id").values_list("verb", flat=True)
    assert [verb for verb in verbs if verb.startswith("membership")] == [
        "membership.begin",
        "membership.end",
        "membership.begin",
        "membership.end",
    ]
    fill(client, path, {"end": "yes"})
    assert "This membership has ended already" in text(client, "/portal/members")


def test_the_same_role_again_changes_nothing(studio: Household) -> None:
    editor = build_actor(studio.organisation, "editor")
    before = membership(editor.label)
    again = people.change_role(
        actor=studio.actor, now=timezone.now(), membership=before, role="editor"
    )
    assert again == before
    assert Membership.objects.count() == 2


def test_the_last_owner_stays(studio: Household) -> None:
    client = visit(studio.actor)
    path = f"/portal/members/{membership(studio.actor.label).shown_id}"
    for said in ({"end": "yes"}, {"role": "editor"}):
        fill(client, path, said)
        assert "keeps at least one member who can invite others" in text(client, "/portal/members")
    for role in ("approver", "", "king"):
        fill(client, path, {"role": role})
        assert "Nothing was changed" in text(client, "/portal/members")
    assert membership(studio.actor.label).role == "owner"


def test_an_owner_who_steps_back_is_an_editor_at_once(studio: Household) -> None:
    build_actor(studio.organisation, "owner")
    client = visit(studio.actor)
    fill(client, f"/portal/members/{membership(studio.actor.label).shown_id}", {"role": "editor"})
    page = text(client, "/portal/members")
    assert "Your role may look but not change" in page
    assert "Add the member" not in page


@pytest.mark.parametrize(
    ("said", "status", "pointer"),
    [
        ({"username": ""}, 422, "-username"),
        ({"username": "a b"}, 422, "-username"),
        ({"username": "grаce"}, 422, "-username"),
        ({"username": "x\x00y"}, 422, "-username"),
        ({"username": "taken"}, 409, "-username"),
        ({"role": "approver"}, 422, "-role"),
        ({"role": ""}, 422, "-role"),
        ({"email": "not one"}, 422, "-email"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(
    studio: Household, said: dict[str, str], status: int, pointer: str
) -> None:
    other = build_holder("Other House")
    fill(visit(other.actor), "/portal/members", {"username": "taken", "role": "editor"})
    client = visit(studio.actor)
    body = {"username": "grace", "role": "editor", **said}
    page = fill(client, "/portal/members", body, status).content.decode()
    assert re.findall(r'class="fault" id="fault([^"]*)"', page) == [pointer]
    assert Membership.objects.filter(organisation=studio.organisation).count() == 1


def test_an_editor_looks_but_does_not_lead(studio: Household) -> None:
    editor = build_actor(studio.organisation, "editor")
    client = visit(editor)
    page = text(client, "/portal/members")
    assert studio.actor.label in page
    assert "Add a member" not in page
    fill(client, "/portal/members", {"username": "grace", "role": "owner"}, 403)
    path = f"/portal/members/{membership(editor.label).shown_id}"
    text(client, path, 403)
    fill(client, path, {"role": "owner"}, 403)
    assert membership(editor.label).role == "editor"


def test_others_members_are_not_there(studio: Household) -> None:
    other = build_holder("Other House")
    client = visit(studio.actor)
    assert other.actor.label not in text(client, "/portal/members")
    for shown in (membership(other.actor.label).shown_id, "mem_x", "1e3", "%00"):
        text(client, f"/portal/members/{shown}", 404)
        fill(client, f"/portal/members/{shown}", {"end": "yes"}, 404)
    assert membership(other.actor.label)


def test_the_page_costs_the_same_for_one_and_for_fifty(studio: Household) -> None:
    client = visit(studio.actor)
    build_actor(studio.organisation, "editor")
    once = queries(client, "/portal/members")
    for _ in range(49):
        build_actor(studio.organisation, "editor")
    assert queries(client, "/portal/members") == once
