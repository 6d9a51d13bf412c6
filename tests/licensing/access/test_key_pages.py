"""The portal's page of API keys: a secret once, no more than the role, and an end that holds."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from licensing.access import keys
from licensing.access.key_pages import SCOPES
from licensing.access.models import ApiKey, User
from licensing.access.roles import ROLES_OF_KIND, SCOPES_OF_ROLE, OrganisationKind
from tests.licensing.builders import Household, build_actor, build_holder
from tests.licensing.portal.visiting import fill, queries, text, visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> Household:
    return build_holder("Lantern Studio")


def secret_in(page: bytes) -> str:
    """The secret that a page shows."""
    found = re.search(r'<input id="secret" value="(ak_test_[^"]+)" readonly', page.decode())
    assert found is not None
    return found.group(1)


def answered(secret: str, path: str = "/api/v1/me") -> int:
    """What the API answers to a key."""
    return Client().get(path, headers={"Authorization": f"Bearer {secret}"}).status_code


def made(client: Client, **said: Any) -> tuple[ApiKey, str]:
    body = {"name": "export", "scopes": ["catalog:read"], "lives": "90", **said}
    page = fill(client, "/portal/keys/new", body, 200)
    assert "no-store" in page["Cache-Control"]
    return ApiKey.objects.latest("id"), secret_in(page.content)


def test_a_key_is_made_and_its_secret_shown_once(studio: Household) -> None:
    client = visit(studio.actor)
    key, secret = made(client, name=" Catalogue <b>export</b> ")
    assert answered(secret) == 200
    assert answered(secret, "/api/v1/subjects") == 200
    assert answered(secret, "/api/v1/consent-rules") == 403
    assert key.expires_at is not None
    assert abs(key.expires_at - timezone.now() - timedelta(days=90)) < timedelta(minutes=5)
    page = text(client, "/portal/keys")
    assert secret not in page
    assert key.hint in page
    assert "Catalogue &lt;b&gt;export&lt;/b&gt;" in page
    assert "last used" in page
    assert made(client, lives="never")[0].expires_at is None


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"name": ""}, "-name"),
        ({"name": "x" * 101}, "-name"),
        ({"name": "a\x00b"}, "-name"),
        ({"name": "a\tb"}, "-name"),
        ({"scopes": []}, "-scopes"),
        ({"scopes": ["payouts:approve"]}, "-scopes"),
        ({"scopes": ["nothing:known"]}, "-scopes"),
        ({"scopes": ["catalog:read", "catalog:read"]}, "-scopes"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(
    studio: Household, said: dict[str, Any], pointer: str
) -> None:
    body = {"name": "export", "scopes": ["catalog:read"], "lives": "90", **said}
    page = fill(visit(studio.actor), "/portal/keys/new", body, 422).content.decode()
    assert re.findall(r'class="fault" id="fault([^"]*)"', page) == [pointer]
    assert f'aria-describedby="fault{pointer}' in page or f'fault{pointer}"' in page
    assert not ApiKey.objects.exists()


def test_a_role_is_offered_its_own_scopes(studio: Household) -> None:
    for role in ROLES_OF_KIND[OrganisationKind.HOLDER]:
        actor = build_actor(studio.organisation, role)
        page = text(visit(actor), "/portal/keys/new")
        offered = set(re.findall(r'name="scopes" value="([^"]+)"', page))
        assert offered == SCOPES_OF_ROLE[role]
        assert offered <= set(SCOPES)
        said = {"name": "x", "scopes": ["members:write"], "lives": "30"}
        status = 200 if role == "owner" else 422
        fill(visit(actor), "/portal/keys/new", said, status)


def test_a_key_is_replaced_with_an_overlap(studio: Household) -> None:
    client = visit(studio.actor)
    key, old = made(client)
    page = fill(client, f"/portal/keys/{key.shown_id}/rotate", {"overlap": "day"}, 200)
    new = secret_in(page.content)
    assert "The old key goes on until" in page.content.decode()
    assert (answered(old), answered(new)) == (200, 200)
    fill(client, f"/portal/keys/{key.shown_id}/rotate", {"overlap": "day"})
    assert "has a successor already" in text(client, "/portal/keys")
    key.refresh_from_db()
    successor = ApiKey.objects.get(replaces=key)
    fill(client, f"/portal/keys/{key.shown_id}/revoke", {})
    page = fill(client, f"/portal/keys/{successor.shown_id}/rotate", {"overlap": "none"}, 200)
    assert "The old key has ended" in page.content.decode()
    assert (answered(old), answered(new), answered(secret_in(page.content))) == (401, 401, 200)


def test_a_revoked_key_fails_at_the_next_request(studio: Household) -> None:
    client = visit(studio.actor)
    key, secret = made(client)
    path = f"/portal/keys/{key.shown_id}/revoke"
    assert "Revoke “export”?" in text(client, path)
    assert answered(secret) == 200
    fill(client, path, {})
    assert answered(secret) == 401
    page = text(client, "/portal/keys")
    assert "You have no key in force" in page
    assert "revoked" in page
    fill(client, path, {})
    fill(client, f"/portal/keys/{key.shown_id}/rotate", {})
    assert "Nothing was changed" in text(client, "/portal/keys")


def test_a_colleagues_key_is_revoked_by_owners_alone(studio: Household) -> None:
    editor = build_actor(studio.organisation, "editor")
    theirs, secret = made(visit(editor))
    mine, _ = made(visit(studio.actor))
    path = f"/portal/keys/{mine.shown_id}/revoke"
    text(visit(editor), path, 403)
    fill(visit(editor), path, {}, 403)
    assert path not in text(visit(editor), "/portal/keys")
    owner = visit(studio.actor)
    text(owner, f"/portal/keys/{theirs.shown_id}/rotate", 403)
    fill(owner, f"/portal/keys/{theirs.shown_id}/rotate", {}, 403)
    page = text(owner, "/portal/keys")
    assert f"/portal/keys/{theirs.shown_id}/rotate" not in page
    assert f"/portal/keys/{theirs.shown_id}/revoke" in page
    fill(owner, f"/portal/keys/{theirs.shown_id}/revoke", {})
    assert answered(secret) == 401


def test_anothers_key_is_not_there(studio: Household) -> None:
    other = build_holder("Other House")
    key, _ = made(visit(other.actor), name="their key")
    client = visit(studio.actor)
    assert "their key" not in text(client, "/portal/keys")
    for shown in (key.shown_id, "key_x", "1e3", "%00"):
        for act in ("rotate", "revoke"):
            text(client, f"/portal/keys/{shown}/{act}", 404)
            fill(client, f"/portal/keys/{shown}/{act}", {}, 404)


def test_the_page_costs_the_same_for_one_and_for_fifty(studio: Household) -> None:
    client = visit(studio.actor)
    people = [studio.actor, build_actor(studio.organisation, "editor")]

    def make(count: int) -> None:
        for actor in people:
            for _ in range(count):
                for ended in (False, True):
                    issued = keys.issue(
                        actor=actor,
                        organisation=studio.organisation,
                        user=User.objects.get(username=actor.label),
                        name="k",
                        scopes=["catalog:read"],
                        now=timezone.now(),
                    )
                    if ended:
                        keys.revoke(actor=actor, now=timezone.now(), key=issued.key)

    make(1)
    once = queries(client, "/portal/keys")
    make(25)
    assert queries(client, "/portal/keys") == once
