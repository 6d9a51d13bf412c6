"""The portal in a real browser: the way in, the figures, every width, light and dark."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import looks
from tests.licensing.portal.builders import PASSWORD, Studio, build_empty_studio, build_studio

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def sign_in(page: Page, studio: Studio) -> None:
    page.goto("/portal/")
    page.get_by_label("Username").fill(studio.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_a_rights_holder_looks_at_what_was_earned(chromium_page: Page) -> None:
    page, studio = chromium_page, build_studio()
    page.goto("/portal/")
    looks(page, "sign-in")
    page.get_by_label("Username").fill(studio.username)
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    looks(page, "sign-in-refused")

    sign_in(page, studio)
    expect(page.get_by_role("heading", level=1)).to_have_text("Lantern Studio")
    expect(page.locator(".purse .main-figure")).to_contain_text("620.00732891 USD")
    expect(page.locator(".subjects li").first).to_contain_text("Fox of the North")
    expect(page.locator(".chart .fill")).to_have_count(4)
    looks(page, "home")

    page.get_by_role("link", name="October 2026").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("October 2026")
    expect(page.locator(".closing")).to_contain_text("1,240.00732891")
    looks(page, "statement")
    page.emulate_media(media="print")
    expect(page.locator(".bar")).to_be_hidden()
    expect(page.locator(".closing")).to_be_visible()
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / "statement-print.png", full_page=True)
    page.emulate_media(media="screen")

    page.get_by_role("navigation").get_by_role("link", name="Statements").click()
    expect(page.locator(".rows li")).to_have_count(2)
    looks(page, "statements")

    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.goto("/portal/statements")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_new_rights_holder_finds_kind_words(chromium_page: Page) -> None:
    page = chromium_page
    sign_in(page, build_empty_studio())
    expect(page.get_by_role("heading", name="Nothing earned yet")).to_be_visible()
    first = page.get_by_role("region", name="Three steps to your first consent")
    expect(first.get_by_role("link")).to_have_text(["Add a character", "Write a rule"])
    looks(page, "home-empty")
    page.goto("/portal/statements")
    expect(page.get_by_role("heading", name="No statement yet")).to_be_visible()
    looks(page, "statements-empty")
    answer = page.goto("/portal/nothing-of-that-name")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    looks(page, "not-found")
