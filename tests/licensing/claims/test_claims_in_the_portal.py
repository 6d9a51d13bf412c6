"""A dispute in a real browser: somebody claims a character, its owner hears of it and answers."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from licensing.access.models import User
from licensing.claims import answering
from licensing.claims.models import Claim
from tests.browser import looks
from tests.licensing.builders import build_house, build_subject
from tests.licensing.claims.builders import claim
from tests.licensing.consent.builders import (
    NOW,
    Studio,
    ask,
    build_generator,
    build_studio,
    publish_rule,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "a lantern in the fog"


def sign_in(page: Page, studio: Studio) -> None:
    """As the studio's person, from nobody."""
    user = User.objects.get(username=studio.actor.label)
    user.set_password(PASSWORD)
    user.save()
    page.context.clear_cookies()
    page.goto("/portal/")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_a_character_is_claimed_contested_and_conceded(chromium_page: Page) -> None:
    page, reel = chromium_page, build_generator("Reelmaker")
    lantern, harbour = build_studio("Lantern Studio"), build_studio("Harbour Comics")
    fox = build_subject(lantern.holder, "Fox of the North")
    publish_rule(lantern)

    sign_in(page, harbour)
    page.get_by_role("link", name="Claims").click()
    expect(page.get_by_role("heading", name="Nothing is disputed")).to_be_visible()
    looks(page, "claims-empty")
    page.get_by_role("link", name="Claim a character").click()
    page.get_by_label("Its id, or its exact name").fill("Fox of the South")
    page.get_by_label("Where").select_option("DE")
    page.get_by_label("What shows that it is yours").fill("We drew her first.\nComic of 2011.")
    page.get_by_role("button", name="See what this does").click()
    expect(page.get_by_label("Its id, or its exact name")).to_have_attribute("aria-invalid", "true")
    looks(page, "claims-new-refused")
    page.get_by_label("Its id, or its exact name").fill("Fox of the North")
    page.get_by_role("button", name="See what this does").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Claim Fox of the North in Germany?")
    looks(page, "claims-new-confirm")
    assert not Claim.objects.exists()
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_label("Where")).to_have_value("DE")
    expect(page.get_by_label("What shows that it is yours")).to_have_value(
        "We drew her first.\nComic of 2011."
    )
    page.get_by_role("button", name="See what this does").click()
    page.get_by_role("button", name="Claim it now").click()
    expect(page.get_by_role("status")).to_contain_text("You claim Fox of the North")
    assert ask(reel, fox, territory="DE").outcome == "deny"

    sign_in(page, lantern)
    attention = page.get_by_role("region", name="What needs you")
    expect(attention).to_contain_text("1 claim on your characters")
    looks(page, "home-claim")
    attention.get_by_role("link", name="1 claim").click()
    looks(page, "claims-list")
    page.get_by_role("link", name="Harbour Comics claims").click()
    looks(page, "claim-open")
    page.get_by_role("link", name="Contest it").click()
    page.get_by_label("Why the claim is wrong").fill("Drawn for us, by contract of 2010.")
    looks(page, "claim-contest")
    page.get_by_role("button", name="Contest it").click()
    expect(page.locator(".story")).to_contain_text("Drawn for us, by contract of 2010.")
    page.get_by_role("link", name="Concede it").click()
    looks(page, "claim-concede")
    page.get_by_role("button", name="Concede it").click()
    expect(page.locator(".claim-state")).to_have_text("Conceded")
    looks(page, "claim-conceded")
    assert ask(reel, fox, territory="DE").outcome == "allow"
    page.get_by_role("link", name="change who owns it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Who owns Fox of the North")


def test_what_the_house_decided_is_read_by_both_sides(chromium_page: Page) -> None:
    page = chromium_page
    lantern, harbour = build_studio("Lantern Studio"), build_studio("Harbour Comics")
    filed = claim(harbour, build_subject(lantern.holder, "Fox of the North"))
    answering.resolve_claim(
        actor=build_house(role="approver").actor,
        now=NOW,
        claim=filed,
        outcome="rejected",
        reason="The contract of 2010 says whose she is.",
    )
    for studio in (lantern, harbour):
        sign_in(page, studio)
        page.goto("/portal/claims?show=ended")
        page.locator(".rows a").click()
        expect(page.locator(".story")).to_contain_text("The contract of 2010 says whose she is.")
        expect(page.locator(".claim-state")).to_have_text("Rejected")
    looks(page, "claim-rejected")
