"""The admin as finance sees it, in a real browser: found, looked at, approved by another person."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from django.contrib.admin import site
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from config.sandbox.management.commands.sandbox import fill
from config.sandbox.stage import Login, Stage, actor_named
from ledger.journal.models import Period
from licensing.catalog.models import Platform
from licensing.settlement import driving, runs
from licensing.settlement.models import Run
from licensing.usage import ingest, uploads
from tests.browser import DESKTOP, PHONE, overflow

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
# Where the pictures go, for somebody to look at: SCREENSHOTS=folder.
PICTURES = os.environ.get("SCREENSHOTS", "")


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"admin-{name}.png", full_page=True)


def sign_in(page: Page, login: Login) -> None:
    page.goto("/admin/")
    page.fill("input[name=username]", login.username)
    page.fill("input[name=password]", login.password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/admin/")


@pytest.fixture
def stage() -> Stage:
    return fill(now=timezone.now())


@pytest.fixture
def run(stage: Stage) -> Run:
    """A run in review: Petra started it over what Reelwright reported without a receipt."""
    platform = stage.platforms["Reelwright"][0]
    report(stage, platform)
    started = runs.start_run(
        actor=actor_named("petra"),
        now=timezone.now(),
        platform=platform,
        currency="USD",
        period=timezone.now().date().replace(day=1),
    )
    driving.drive(run_id=started.pk, clock=timezone.now)
    started.refresh_from_db()
    assert started.state == "in_review"
    return started


def report(stage: Stage, platform: Platform) -> None:
    moment = (timezone.now() - timedelta(minutes=1)).isoformat()
    marlow = stage.subjects["Captain Marlow"].shown_id
    lines = "".join(
        f'{{"external_id": "clip-{number}", "occurred_at": "{moment}", "medium": "image", '
        f'"subjects": [{{"id": "{marlow}"}}]}}\n'
        for number in range(100)
    )
    ingest.upload_batch(
        actor=actor_named("remy"),
        now=timezone.now(),
        lines=uploads.numbered_lines(iter([lines.encode()]), most_lines=1_000),
    )


def test_a_run_is_approved_by_a_second_person(chromium_page: Page, stage: Stage, run: Run) -> None:
    """Petra, who started it, is told who may; Anton sees what it comes to and approves it."""
    page = chromium_page
    petra, anton = stage.finance
    sign_in(page, petra)
    expect(page.get_by_text("settlement run to approve")).to_be_visible()
    picture(page, "home")
    page.goto(reverse("admin:settlement_run_change", args=[run.pk]))
    expect(page.get_by_text("Approve: anton")).to_be_visible()
    expect(page.get_by_role("link", name="Cancel")).to_be_visible()
    expect(page.get_by_role("link", name="Approve")).to_have_count(0)
    picture(page, "run")
    page.goto(reverse("admin:settlement_run_approve", args=[run.pk]))
    expect(page.get_by_text("This is not yours to do now.")).to_be_visible()
    expect(page.get_by_role("button", name="Approve it")).to_have_count(0)
    picture(page, "not-hers")
    run.refresh_from_db()
    assert run.state == "in_review"
    page.context.clear_cookies()
    sign_in(page, anton)
    page.goto(reverse("admin:settlement_run_approve", args=[run.pk]))
    # 100 stills at $0.01 each, for they were made without a receipt.
    expect(page.get_by_text("1.00 USD").first).to_be_visible()
    picture(page, "approve")
    page.get_by_role("button", name="Approve").click()
    page.wait_for_load_state()
    run.refresh_from_db()
    assert run.approved_by_label == "anton"
    assert run.state in ("approved", "posting", "posted")


def test_the_home_page_fits_a_phone_and_a_desk_in_light_and_dark(
    chromium_page: Page, stage: Stage, run: Run
) -> None:
    page = chromium_page
    sign_in(page, stage.finance[1])
    for size, viewport in (("phone", PHONE), ("desktop", DESKTOP)):
        for scheme in ("light", "dark"):
            page.set_viewport_size(viewport)
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.goto("/admin/")
            expect(page.get_by_role("heading", name="Waiting for an answer")).to_be_visible()
            assert overflow(page) <= 0, size
            picture(page, f"home-{size}-{scheme}")


def test_every_list_opens_for_finance_and_the_books_are_read_only(stage: Stage, run: Run) -> None:
    """Every page of the admin, by its own registry: no 500, nothing to add or delete in the books."""
    client = Client()
    anton = stage.finance[1]
    assert client.login(username=anton.username, password=anton.password)
    for model, page in site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        answer = client.get(reverse(f"admin:{name}_changelist"))
        assert answer.status_code == 200, name
        if model._meta.app_label in ("journal", "settlement", "payouts", "statements", "usage"):
            for verb in ("add", "delete"):
                request = answer.wsgi_request
                assert not getattr(page, f"has_{verb}_permission")(request), (name, verb)
        first = model._default_manager.first()
        if first is not None:
            shown = client.get(reverse(f"admin:{name}_change", args=[first.pk]))
            assert shown.status_code == 200, name


def test_no_list_asks_more_of_the_database_for_more_rows(stage: Stage, run: Run) -> None:
    """Every list with one row a page and with all of them: the same number of queries."""
    client = Client()
    anton = stage.finance[1]
    assert client.login(username=anton.username, password=anton.password)
    for model, page in site._registry.items():
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        counts = []
        for rows in (1, 100):
            with (
                mock.patch.object(page, "list_per_page", rows),
                CaptureQueriesContext(connection) as queries,
            ):
                assert client.get(address).status_code == 200
            counts.append(len(queries))
        assert counts[1] <= counts[0], (address, counts)


def test_the_approver_closes_the_month_after_seeing_it_and_the_preparer_may_not(
    chromium_page: Page, stage: Stage, run: Run
) -> None:
    page = chromium_page
    petra, anton = stage.finance
    runs.approve_run(
        actor=actor_named("anton"),
        now=timezone.now(),
        run=run,
        content_hash=bytes(run.content_hash or b"").hex(),
    )
    driving.drive(run_id=run.pk, clock=timezone.now)
    period = Period.objects.get()
    closing = reverse("admin:journal_period_close_month", args=[period.pk])
    sign_in(page, petra)
    refused = page.goto(closing)
    assert refused is not None
    assert refused.status == 403
    page.context.clear_cookies()
    sign_in(page, anton)
    page.goto(closing)
    expect(page.get_by_text("0.85").first).to_be_visible()
    picture(page, "close-month")


def test_the_front_page_shows_each_user_a_door(chromium_page: Page) -> None:
    page = chromium_page
    page.goto("/")
    for door, address in (
        ("Open the portal", "/portal/"),
        ("Read the API", "/api/docs/"),
        ("Open the books", "/admin/"),
    ):
        expect(page.get_by_role("link", name=door)).to_have_attribute("href", address)
    picture(page, "front")
    missing = page.goto("/no-such-page")
    assert missing is not None
    assert missing.status == 404
    expect(page.get_by_role("heading", name="Not here")).to_be_visible()
    page.goto("/api/docs/")
    expect(
        page.get_by_text("Ask whether a generation").or_(page.get_by_text("consent-checks")).first
    ).to_be_visible()
