"""Consent in the admin: found and read, and nothing else."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.admin.utils import quote
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from licensing.access.models import User
from licensing.consent import rules, switches
from licensing.consent.models import ConsentCheck, SigningKey
from tests.licensing.builders import build_subject
from tests.licensing.consent.builders import (
    NOW,
    ask,
    build_generator,
    build_studio,
    publish_rule,
)

pytestmark = pytest.mark.django_db
LISTS = (
    "consentrule",
    "ruleversion",
    "consentcheck",
    "approvalrequest",
    "killswitch",
    "signingkey",
)


@pytest.fixture
def admin() -> Client:
    user = User.objects.create(
        username="root", password=make_password(None), is_staff=True, is_superuser=True
    )
    client = Client()
    client.force_login(user)
    return client


def happen() -> ConsentCheck:
    """A little of everything that consent knows; returns an allowed check."""
    studio, generator = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    publish_rule(studio, subject=hero)
    allowed = ask(generator, hero)
    publish_rule(studio, effect="needs_approval")
    ask(generator, hero)
    scope = rules.Scope(subject=hero)
    switches.throw(actor=studio.actor, now=NOW, holder=studio.holder, scope=scope)
    return allowed


@pytest.mark.parametrize("name", LISTS)
def test_a_list_opens_and_takes_no_more_queries_for_more_rows(admin: Client, name: str) -> None:
    path = reverse(f"admin:consent_{name}_changelist")
    happen()
    # The first look fills what the admin remembers of itself.
    assert admin.get(path).status_code == 200
    with CaptureQueriesContext(connection) as few:
        admin.get(path)
    for _ in range(3):
        happen()
    with CaptureQueriesContext(connection) as many:
        answer = admin.get(path)
    assert answer.status_code == 200
    assert len(many) <= len(few)


@pytest.mark.parametrize("name", LISTS)
def test_a_row_is_read_only(admin: Client, name: str) -> None:
    happen()
    row = apps.get_model("consent", name)._default_manager.first()
    assert row is not None
    path = reverse(f"admin:consent_{name}_change", args=[row.pk])
    assert admin.get(path).status_code == 200
    assert admin.post(path, {}).status_code == 403
    assert admin.post(reverse(f"admin:consent_{name}_delete", args=[row.pk])).status_code == 403
    assert admin.get(reverse(f"admin:consent_{name}_add")).status_code == 403


def test_a_check_is_found_by_the_id_it_is_shown_with(admin: Client) -> None:
    wanted, other = happen(), happen()
    path = reverse("admin:consent_consentcheck_changelist")
    page = admin.get(path, {"q": wanted.shown_id}).content.decode()
    assert wanted.shown_id in page
    assert other.shown_id not in page
    by_name = admin.get(path, {"q": other.platform.name}).content.decode()
    assert other.shown_id in by_name


def test_the_private_half_of_a_key_is_not_shown(admin: Client) -> None:
    happen()
    key = SigningKey.objects.get(state="current")
    page = admin.get(
        reverse("admin:consent_signingkey_change", args=[quote(key.pk)])
    ).content.decode()
    assert key.public_x in page
    assert "private" not in page.lower()


def test_what_was_said_is_escaped_on_the_page(admin: Client) -> None:
    script = "<script>alert(1)</script>"
    rule = publish_rule(build_studio(), obligations={"attribution": script})
    page = admin.get(reverse("admin:consent_consentrule_change", args=[rule.pk])).content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert script not in page
