"""The whole of a good day: a rule written, tried, weighed, published, and stopped, by a person in a
browser; and after each step what a platform is answered."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from licensing.catalog.models import Subject
from licensing.consent.models import ConsentCheck, RuleVersion
from licensing.simulation import working
from licensing.simulation.models import Simulation
from licensing.simulation.states import SimulationState
from tests.browser import looks
from tests.client import ApiClient
from tests.licensing.builders import build_property, build_subject
from tests.licensing.consent.builders import build_generator
from tests.licensing.portal.builders import build_empty_studio
from tests.licensing.portal.visiting import enter

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def asks(platform: ApiClient, fox: Subject, territory: str, **said: Any) -> dict[str, Any]:
    """What the platform is answered to a personal clip."""
    body = {
        "subjects": [fox.shown_id],
        "action": "generate_video",
        "territory": territory,
        "purpose": "personal",
        "content": {"violence": "mild", "codes": []},
        "co_subjects": [],
        **said,
    }
    answer = platform.post("/consent-checks", body)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_from_the_first_rule_to_the_kill_switch(chromium_page: Page) -> None:
    page, studio, reel = (
        chromium_page,
        build_empty_studio("Lantern Studio"),
        build_generator("Reelmaker"),
    )
    holder = studio.household.holder
    assert holder is not None
    saga = build_property(holder, "Tales of the North")
    fox = build_subject(holder, "Fox of the North", property=saga)
    platform = ApiClient(reel.actor)
    for territory in ("US", "US", "FR", "DE"):
        assert asks(platform, fox, territory)["outcome"] == "deny"
    asks(platform, fox, "US", purpose="advertising")

    # Writes a rule.
    enter(page, studio.username, "/portal/rules")
    page.get_by_role("link", name="Write a rule").click()
    page.get_by_label("What is it about?").select_option(label="Fox of the North")
    page.get_by_label("Name for yourself").fill("Gentle clips of Fox")
    page.locator("#clause-actions summary").click()
    page.get_by_label("images", exact=True).uncheck()
    page.get_by_label("video", exact=True).check()
    page.locator("#clause-territories summary").click()
    page.get_by_label("Worldwide except in these").check()
    page.get_by_label("Find a country").fill("germany")
    page.get_by_label("Germany").check()
    page.locator("#clause-purposes summary").click()
    page.get_by_label("personal use").check()
    page.locator("#clause-content summary").click()
    page.get_by_role("group", name="Violence").get_by_label("mild").check()
    page.locator("#clause-price summary").click()
    page.get_by_label("For each generation").check()
    page.get_by_label("Amount").fill("0.002")
    page.get_by_label("Currency").fill("USD")
    expect(page.locator("#reads .saying")).to_have_text(
        "Allow video on any platform, worldwide except Germany, for personal use, "
        "violence up to mild, for $0.002 per generation."
    )
    page.get_by_role("button", name="Save draft").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Gentle clips of Fox")

    # Tries it, as if it were published: nothing of that is recorded.
    page.locator(".tabs").get_by_role("link", name="Try it").click()
    answer = page.locator("#tried")
    # What is put into a live region is read out; a region that is put anew itself is silent.
    region = page.locator("[aria-live=polite]:has(#tried)").element_handle()
    page.locator("summary", has_text="How strong").click()
    page.get_by_role("group", name="Violence").get_by_label("mild").check()
    expect(answer).to_contain_text("Gentle clips of Fox allows it.")
    expect(answer).to_contain_text("$0.002 per generation")
    page.get_by_label("Where").select_option("Germany")
    expect(answer).to_contain_text("Allowed if the territory were not Germany.")
    assert region is not None
    assert "Allowed if the territory were not Germany." in region.inner_text()
    page.get_by_label("By which rules").select_option("The rules in force")
    expect(answer).to_contain_text("No rule allows it")
    assert ConsentCheck.objects.count() == 5

    # Sees what it would have changed.
    page.goto("/portal/rules")
    page.get_by_role("link", name="Gentle clips of Fox").click()
    page.get_by_role("link", name="What would change").click()
    page.get_by_label("Replay what platforms asked").fill("7")
    page.get_by_role("button", name="See what would change").click()
    expect(page.locator("#replayed")).to_contain_text("Waiting for its turn")
    looks(page, "change-waiting")
    # It is put anew every second, and whoever is on the way to its button stays there.
    stop = page.get_by_role("button", name="Stop it")
    stop.focus()
    with page.expect_response("**was=queued"):
        pass
    expect(stop).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#replayed")).to_contain_text("stopped before its end")
    expect(page.get_by_role("status")).to_have_text("The replay was stopped.")
    assert Simulation.objects.get().state == SimulationState.CANCELLED
    looks(page, "change-stopped")
    page.get_by_role("button", name="See what would change").click()
    expect(page.get_by_role("status")).to_have_text("The replay waits for its turn.")
    simulation = Simulation.objects.latest("pk")
    while working.work(simulation_id=simulation.pk, clock=timezone.now):
        pass
    expect(page.locator("#replayed")).to_contain_text("3 of 5 requests would be answered otherwise")
    expect(page.locator(".streams")).to_contain_text("0.006")
    expect(page.get_by_role("status")).to_contain_text("is done: 3 of 5 requests")
    looks(page, "change-told")

    # Publishes; the platform's next check gets that answer.
    assert asks(platform, fox, "US")["outcome"] == "deny"
    page.locator(".deeds").get_by_role("link", name="Publish…").click()
    page.get_by_role("button", name="Publish version 1").click()
    expect(page.get_by_role("status")).to_contain_text("Version 1 is in force")
    allowed = asks(platform, fox, "US")
    assert allowed["outcome"] == "allow"
    assert allowed["receipt"].count(".") == 2
    assert allowed["price"]["parts"] == [
        {"amount": "0.002", "currency": "USD", "per": "generation"}
    ]
    assert allowed["rule_versions"] == [RuleVersion.objects.get().shown_id]
    refused = asks(platform, fox, "DE")
    assert refused["would_allow"][0]["sentence"] == "Allowed if the territory were not Germany."

    # Pulls the kill switch; the next check is refused.
    page.get_by_role("link", name="Stop", exact=True).click()
    page.get_by_label("What").select_option(label="Fox of the North")
    page.get_by_role("button", name="See what this stops").click()
    page.get_by_role("button", name="Stop Fox of the North now").click()
    expect(page.get_by_role("status")).to_contain_text("Fox of the North is stopped")
    stopped = asks(platform, fox, "US")
    assert stopped["outcome"] == "deny"
    assert [reason["code"] for reason in stopped["reasons"]] == ["kill_switch"]
    page.goto(f"/portal/rules/subjects/{fox.shown_id}")
    expect(page.locator(".outcomes")).to_contain_text("Stopped")
    looks(page, "policy-stopped")
