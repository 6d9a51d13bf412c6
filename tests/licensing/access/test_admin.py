"""People, keys, the trail and the catalogue in the admin: found, read, and ended after a question."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ledger.actor import system_actor
from licensing.access import keys
from licensing.access.models import ApiKey, AuditRecord, Membership, Organisation, User
from tests.licensing.builders import (
    LONG_AGO,
    build_actor,
    build_holder,
    build_house,
    build_platform,
    build_property,
    build_subject,
)

pytestmark = pytest.mark.django_db
LISTS = (
    "access_user", "access_organisation", "access_membership", "access_apikey",
    "access_auditrecord", "catalog_rightsholder", "catalog_platform", "catalog_property",
    "catalog_subject", "catalog_ownershipstep",
)  # fmt: skip


@pytest.fixture
def admin() -> Client:
    user = User.objects.create(
        username="root", password=make_password(None), is_staff=True, is_superuser=True
    )
    client = Client()
    client.force_login(user)
    return client


def fill(now: datetime) -> ApiKey:
    holder = build_holder()
    assert holder.holder is not None
    build_platform()
    build_subject(holder.holder, property=build_property(holder.holder))
    return keys.issue(
        actor=system_actor(mode="test"), organisation=holder.organisation,
        user=User.objects.get(username=holder.actor.label), name="server",
        scopes=["catalog:read"], now=LONG_AGO,
    ).key  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_the_same_however_long_and_every_row_opens(
    admin: Client, now: datetime, name: str
) -> None:
    def look() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert admin.get(reverse(f"admin:{name}_changelist"), {"q": "a"}).status_code == 200
            assert admin.get(reverse(f"admin:{name}_changelist")).status_code == 200
        return len(queries)

    fill(now)
    look()
    few = look()
    for _ in range(4):
        fill(now)
    assert look() <= few
    app, label = name.split("_")
    row: Any = apps.get_model(app, label).objects.last()
    page = admin.get(reverse(f"admin:{name}_change", args=[row.pk]))
    assert page.status_code == 200
    if name != "access_user":
        assert admin.post(reverse(f"admin:{name}_change", args=[row.pk]), {}).status_code == 403
    assert admin.post(reverse(f"admin:{name}_delete", args=[row.pk]), {}).status_code == 403


def test_a_key_is_revoked_after_a_question(admin: Client, now: datetime) -> None:
    key = fill(now)
    url = reverse("admin:access_apikey_changelist")
    form = {"action": "revoke", "_selected_action": [str(key.pk)]}
    asked = admin.post(url, form)
    assert "Revoke these keys?" in asked.content.decode()
    assert ApiKey.objects.filter(pk=key.pk, revoked_at=None).exists()
    assert admin.post(url, {**form, "confirmed": "yes"}).status_code == 302
    assert ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=False).exists()
    record = AuditRecord.objects.get(verb="key.revoke")
    assert (record.thing, record.actor_label) == (key.shown_id, "root")


def test_a_membership_is_ended_after_a_question_but_the_last_owner_stays(
    admin: Client, now: datetime
) -> None:
    house = build_house(role="approver")
    auditor = build_actor(house.organisation, "auditor")
    chosen = Membership.objects.filter(organisation=house.organisation)
    url = reverse("admin:access_membership_changelist")
    form = {"action": "end", "_selected_action": [str(row.pk) for row in chosen]}
    assert "End these memberships?" in admin.post(url, form).content.decode()
    page = admin.post(url, {**form, "confirmed": "yes"}, follow=True).content.decode()
    assert "has ended" in page
    assert "at least one member" in page
    ended = [row.user.username for row in chosen.exclude(ended_at=None)]
    assert ended == [auditor.label]


def test_staff_without_the_permission_sees_no_action(now: datetime) -> None:
    key = fill(now)
    user = User.objects.create(username="clerk", password=make_password(None), is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    client = Client()
    client.force_login(user)
    url = reverse("admin:access_apikey_changelist")
    form = {"action": "revoke", "_selected_action": [str(key.pk)], "confirmed": "yes"}
    client.post(url, form)
    key.refresh_from_db()
    assert key.revoked_at is None
    assert client.get(reverse("admin:access_auditrecord_changelist")).status_code == 403


def test_a_house_is_set_up_from_nothing(admin: Client) -> None:
    url = reverse("admin:access_organisation_add")
    body = {"mode": "live", "kind": "house", "name": "Assent Ltd"}
    assert admin.get(url).status_code == 200
    assert admin.post(url, body).status_code == 302
    house = Organisation.objects.get(name="Assent Ltd")
    assert (house.kind, house.mode) == ("house", "live")
    url = reverse("admin:access_membership_add")
    assert admin.get(url).status_code == 200
    member = {"organisation": str(house.pk), "username": "grace", "role": "approver"}
    assert admin.post(url, member).status_code == 302
    assert Membership.objects.get(user__username="grace").role == "approver"
    refused = admin.post(url, {**member, "username": "ada", "role": "owner"}, follow=True)
    assert "does not exist in an organisation of this kind" in refused.content.decode()
    assert not User.objects.filter(username="ada").exists()
    assert list(AuditRecord.objects.order_by("id").values_list("verb", flat=True)) == [
        "organisation.create", "membership.begin",
    ]  # fmt: skip
