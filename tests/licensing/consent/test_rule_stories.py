"""A rights holder writes rules in a real browser: sentences that follow the fields, on every width."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, ViewportSize, expect

from licensing.catalog.models import Platform
from licensing.consent import rules, switches
from licensing.consent.models import ConsentRule, RuleVersion
from licensing.consent.pages import rule_clauses
from tests.browser import DESKTOP, PHONE, looks, lost
from tests.licensing.builders import (
    build_actor,
    build_holder,
    build_platform,
    build_property,
    build_subject,
)
from tests.licensing.consent.builders import draft_rule, publish_rule
from tests.licensing.portal.builders import Studio, build_empty_studio
from tests.licensing.portal.visiting import enter

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def studio() -> Studio:
    """A studio with a property, a few characters and a likeness, and three platforms about."""
    studio = build_empty_studio("Lantern Studio")
    holder = studio.household.holder
    assert holder is not None
    saga = build_property(holder, "Tales of the North")
    build_subject(holder, "Fox of the North", property=saga)
    build_subject(holder, "Owl Who Remembers", property=saga)
    build_subject(holder, "Mara Quill", kind="likeness")
    for name in ("Reelmaker", "Loom & Light", "Pixelwright"):
        build_platform(name)
    return studio


def clause(page: Page, title: str) -> None:
    """Opens one of the editor's clauses."""
    page.locator("summary", has=page.get_by_text(title, exact=True)).click()


def test_the_sentence_follows_the_fields(chromium_page: Page, studio: Studio) -> None:
    page = chromium_page
    enter(page, studio.username)
    page.goto("/portal/rules")
    expect(page.get_by_role("heading", name="Nobody may use anything yet")).to_be_visible()
    looks(page, "rules-empty")
    page.get_by_role("link", name="Personal clips anywhere").click()
    reads = page.locator("#reads .saying")
    expect(reads).to_contain_text("Allow images, video and remixes on any platform, worldwide")

    clause(page, "Territories")
    page.get_by_label("Worldwide except in these").check()
    page.get_by_label("Find a country").fill("germ")
    page.get_by_label("Germany").check()
    expect(reads).to_contain_text("worldwide except Germany")
    page.get_by_role("button", name="+ Oceania").click()
    expect(reads).to_contain_text("worldwide except Oceania and Germany")
    expect(page.locator("#says-territories")).to_contain_text("Oceania and Germany")
    clause(page, "Price")
    page.get_by_label("For each generation").check()
    page.get_by_label("Amount").fill("a lot")
    page.get_by_label("Currency").fill("usd")
    expect(page.locator("#wrong-price-amount")).to_contain_text("an amount such as 0.002")
    expect(page.get_by_label("Amount")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Amount").fill("0.002")
    expect(reads).to_contain_text("for $0.002 per generation.")
    expect(page.locator("#wrong-price-amount")).to_be_empty()
    clause(page, "Company")
    page.locator(".company-never_with").get_by_label("Owl Who Remembers").check()
    expect(reads).to_contain_text("never with Owl Who Remembers")
    # What is said leads to the field that says it, by the keyboard too.
    page.locator("#reads a", has_text="Allow").focus()
    page.locator("#reads a", has_text="personal use").press("Enter")
    expect(page.locator("#clause-purposes")).to_have_attribute("open", "")
    page.get_by_label("parody", exact=True).uncheck()
    expect(reads).to_contain_text("for personal use, violence up to mild")
    looks(page, "rule-new")

    page.get_by_role("button", name="Save draft").last.click()
    expect(page.get_by_role("status")).to_contain_text("It says nothing until it is published")
    body = RuleVersion.objects.get().body
    assert body["price"] == {"amount": "0.002", "currency": "USD", "per": "generation"}
    assert {"DE", "AU"} <= set(body["territories"]["except"])


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_rule_is_written_by_the_keyboard_alone(
    chromium_page: Page, studio: Studio, size: ViewportSize
) -> None:
    page = chromium_page
    page.set_viewport_size(size)
    enter(page, studio.username, "/portal/rules/new")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.keyboard.press("Enter")
    reached: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        assert not (fault := lost(page)), fault
        at = page.evaluate("document.activeElement.closest('details')?.id ?? ''")
        if at == "clause-actions" and at not in reached:
            # Opens it, and exchanges the first action for the second.
            for key in ("Enter", "Tab", "Space", "Tab", "Space"):
                page.keyboard.press(key)
        reached.append(at)
        if page.evaluate("document.activeElement.value") == "save":
            break
    assert {f"clause-{field}" for field in rule_clauses.TITLES} - set(reached) == {
        "clause-over",
        "clause-name",
        "clause-effect",
    }
    expect(page.locator("#reads .saying")).to_contain_text("Allow video on any platform")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("It says nothing until it is published")
    assert RuleVersion.objects.get().body["actions"] == ["generate_video"]


def test_a_rule_goes_through_its_life(chromium_page: Page, studio: Studio) -> None:
    page = chromium_page
    household = studio.household
    rule = publish_rule(
        household,
        actions=["generate_image", "generate_video"],
        purposes=["personal"],
        now=timezone.now(),
    )
    enter(page, studio.username)
    page.goto(f"/portal/rules/{rule.shown_id}")
    clause(page, "Remixes")
    page.get_by_label("Remixes: at most").fill("2")
    clause(page, "How strong")
    page.get_by_role("group", name="Violence").get_by_label("mild").check()
    expect(page.locator("#reads")).to_contain_text("violence up to mild, remixed at most 2 times")
    page.get_by_text("Against what is in force").click()
    expect(page.locator(".against ins")).to_contain_text("violence up to mild")
    looks(page, "rule-edited")
    page.get_by_role("button", name="Save and publish…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Publish this rule?")
    looks(page, "rule-publish")
    page.get_by_role("button", name="Publish version 2").click()
    expect(page.get_by_role("status")).to_contain_text("Version 2 is in force")
    page.get_by_role("link", name="History").click()
    expect(page.locator(".compared ins")).to_contain_text("violence up to mild")
    looks(page, "rule-history")
    page.get_by_role("link", name="What it says").click()
    page.get_by_role("link", name="Revoke…").click()
    looks(page, "rule-revoke")
    page.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_role("status")).to_contain_text("Revoked.")
    assert ConsentRule.objects.get().versions.get(number=2).state == "revoked"


def test_every_rule_is_seen_at_a_glance(chromium_page: Page, studio: Studio) -> None:
    page, household = chromium_page, studio.household
    assert household.holder is not None
    saga = household.holder.properties.get()
    fox = household.holder.subjects.get(name="Fox of the North")
    publish_rule(household, effect="deny", purposes=["political"], now=timezone.now())
    publish_rule(
        household,
        actions=["generate_image", "generate_video"],
        property=saga,
        territories={"except": ["DE", "AT"]},
        content={"violence": "mild", "sexual": "none"},
        price={"amount": "0.002", "currency": "USD", "per": "generation"},
        quotas=[{"count": 5000, "per": "day", "of": "platform"}],
        obligations={"watermark": True},
        now=timezone.now(),
    )
    publish_rule(
        household,
        effect="needs_approval",
        purposes=["advertising"],
        subject=fox,
        now=timezone.now(),
    )
    draft = draft_rule(household, subject=fox, actions=["merchandise"], now=timezone.now())
    enter(page, studio.username)
    page.goto("/portal/rules")
    expect(page.locator(".rule-item")).to_have_count(4)
    looks(page, "rules")

    # Two people at one draft: the later one is told what differs.
    page.goto(f"/portal/rules/{draft.shown_id}")
    colleague = build_actor(household.organisation, "editor")
    rules.edit_draft(
        actor=colleague,
        now=timezone.now(),
        rule=draft,
        seen=rules.etag_of(draft.versions.get()),
        body={"effect": "allow", "actions": ["merchandise"], "territories": {"only": ["US"]}},
    )
    clause(page, "Resolution")
    page.get_by_label("Resolution: at most").fill("much")
    page.get_by_role("button", name="Save draft").last.click()
    faults = page.get_by_role("alert")
    expect(faults).to_contain_text("One thing needs another look")
    expect(faults).to_be_focused()
    looks(page, "rule-faults")
    page.get_by_label("Resolution: at most").fill("1080")
    page.get_by_role("button", name="Save draft").last.click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody changed this rule")
    looks(page, "rule-stale")


def test_a_request_is_tried_while_one_edits(chromium_page: Page, studio: Studio) -> None:
    page, household = chromium_page, studio.household
    now = timezone.now()
    publish_rule(
        household,
        actions=["generate_image", "generate_video"],
        territories={"except": ["DE"]},
        purposes=["personal"],
        content={"violence": "mild"},
        price={"amount": "0.002", "currency": "USD", "per": "generation"},
        obligations={"watermark": True, "report_within_hours": 24},
        now=now,
    )
    enter(page, studio.username)
    page.goto("/portal/try-it")
    answer = page.locator("#tried")
    expect(answer).to_contain_text("has to be told the level of violence")
    looks(page, "try-refused")
    page.get_by_label("Where").select_option("Germany")
    expect(answer).to_contain_text("Allowed if the territory were not Germany")
    page.get_by_label("Where").select_option("France")
    clause(page, "How strong")
    page.get_by_role("group", name="Violence").get_by_label("mild").check()
    expect(answer).to_contain_text("Allowed")
    expect(answer).to_contain_text("$0.002 per generation")
    clause(page, "Size and ages")
    page.get_by_label("How many").fill("none")
    expect(answer).to_contain_text("Not a request yet")
    expect(page.locator("#wrong-generations")).to_contain_text("whole number")
    page.get_by_label("How many").fill("50")
    expect(answer).to_contain_text("$0.10 in all")
    looks(page, "try-allowed")


def test_all_that_applies_to_a_character_is_on_one_page(
    chromium_page: Page, studio: Studio
) -> None:
    page, household, now = chromium_page, studio.household, timezone.now()
    holder = household.holder
    assert holder is not None
    partner = build_holder("Quiet Partner").holder
    assert partner is not None
    saga = holder.properties.get()
    owners = {holder: 2, partner: 1}
    pair = build_subject(holder, "Ferrow and Finch", property=saga, owners=owners)
    said: dict[str, dict[str, Any]] = {
        "Nothing political": {"effect": "deny", "purposes": ["political"]},
        "No training": {"effect": "deny", "actions": ["train", "infer", "index"]},
        "Gentle clips": {
            "property": saga,
            "actions": ["generate_image", "generate_video", "remix"],
            "content": {"violence": "mild"},
        },
        "Shirts and mugs": {
            "subject": pair,
            "effect": "needs_approval",
            "actions": ["merchandise"],
        },
    }
    for name, fields in said.items():
        rule = publish_rule(household, now=now, **fields)
        ConsentRule.objects.filter(pk=rule.pk).update(name=name)
    reel = Platform.objects.get(name="Reelmaker")
    switches.throw(actor=household.actor, now=now, holder=holder, platform=reel)
    enter(page, studio.username)
    page.goto("/portal/rules")
    page.get_by_role("link", name="All that applies to it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ferrow and Finch")
    expect(page.locator(".outcomes")).to_contain_text("Shirts and mugs asks first")
    looks(page, "policy")
