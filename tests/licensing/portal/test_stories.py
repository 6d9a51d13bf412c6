"""What a rights holder does in the portal, in a real browser, and what a platform then gets."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from PIL import Image, ImageDraw
from playwright.sync_api import APIResponse, Page, expect
from pytest_django.live_server_helper import LiveServer

from licensing.catalog.models import Property, Subject
from licensing.consent import switches
from licensing.consent.rules import Scope
from tests.browser import DESKTOP, PHONE, as_seen, looks
from tests.client import ApiClient
from tests.licensing.builders import build_property, build_subject
from tests.licensing.consent.builders import Generator, build_generator, publish_rule
from tests.licensing.portal.builders import Studio, build_empty_studio
from tests.licensing.portal.visiting import enter

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def outcome(platform: ApiClient, subject: Subject) -> str:
    """What a platform is answered when it asks now."""
    body = {"subjects": [subject.shown_id], "action": "generate_video", "territory": "GB"}
    answer = platform.post("/consent-checks", body)
    assert answer.status_code == 201, answer.content
    return str(answer.json()["outcome"])


@pytest.fixture
def studio() -> Studio:
    return build_empty_studio("Lantern Studio")


@pytest.fixture
def reel() -> Generator:
    return build_generator("Reelmaker")


def test_a_stop_holds_from_its_answer_until_it_is_lifted(
    chromium_page: Page, studio: Studio, reel: Generator
) -> None:
    page, holder = chromium_page, studio.household.holder
    assert holder is not None
    saga = build_property(holder, "Tales of the North")
    fox = build_subject(holder, "Fox of the North", property=saga)
    owl = build_subject(holder, "Owl Who Remembers", property=saga)
    publish_rule(studio.household, now=timezone.now())
    platform = ApiClient(reel.actor)
    assert outcome(platform, fox) == "allow"

    enter(page, studio.username, "/portal/stop")
    expect(page.get_by_text("Nothing is stopped. Your rules")).to_be_visible()
    looks(page, "stop-none")
    page.get_by_label("What").select_option(label="Fox of the North")
    page.get_by_role("button", name="See what this stops").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Stop Fox of the North?")
    expect(page.locator(".reach div", has_text="Open receipt")).to_contain_text("1")
    assert outcome(platform, fox) == "allow"
    looks(page, "stop-confirm")
    page.get_by_role("button", name="Stop Fox of the North now").click()
    expect(page.get_by_role("status")).to_contain_text("Fox of the North is stopped")
    assert outcome(platform, fox) == "deny"
    assert outcome(platform, owl) == "allow"
    expect(page.get_by_role("link", name="Stop 1 in force")).to_be_visible()

    page.get_by_label("What").select_option(label="Everything of Lantern Studio")
    page.get_by_label("Where").select_option(label="Only on Reelmaker")
    page.get_by_role("button", name="See what this stops").click()
    page.get_by_role("button", name="Stop Everything of Lantern Studio now").click()
    assert outcome(platform, owl) == "deny"
    looks(page, "stop-thrown")

    page.get_by_role("link", name="Lift the stop of Lantern Studio").click()
    looks(page, "stop-lift")
    page.get_by_role("button", name="Lift the stop").click()
    assert outcome(platform, owl) == "allow"
    page.get_by_role("link", name="Lift the stop of Fox of the North").click()
    page.get_by_role("button", name="Lift the stop").click()
    expect(page.get_by_text("Nothing is stopped. Your rules")).to_be_visible()
    assert outcome(platform, fox) == "allow"
    looks(page, "stop-lifted")


def test_a_question_is_answered_from_the_inbox(
    chromium_page: Page, studio: Studio, reel: Generator
) -> None:
    page, holder = chromium_page, studio.household.holder
    assert holder is not None
    fox = build_subject(holder, "Fox of the North")
    owl = build_subject(holder, "Owl Who Remembers")
    price = {"amount": "0.25", "currency": "USD", "per": "generation"}
    now = timezone.now()
    publish_rule(
        studio.household,
        effect="needs_approval",
        purposes=["advertising"],
        price=price,
        obligations={"watermark": True, "report_within_hours": 24},
        now=now,
    )
    platform = ApiClient(reel.actor)
    body = {
        "subjects": [fox.shown_id],
        "action": "generate_video",
        "purpose": "advertising",
        "territory": "DE",
        "duration_seconds": 12,
        "generations": 4,
        "content": {"violence": "mild", "fear": "none", "codes": ["alcohol"]},
        "preview": {
            "text": "The fox walks past a billboard for lemonade and winks at the camera.",
            "url": "https://reelmaker.example/previews/7f3a",
        },
    }
    asked = platform.post("/consent-checks", body).json()
    assert asked["outcome"] == "needs_approval"
    platform.post("/consent-checks", {**body, "subjects": [fox.shown_id, owl.shown_id]})

    enter(page, studio.username)
    expect(page.get_by_role("region", name="What needs you")).to_contain_text("answer within")
    looks(page, "home-waiting")
    page.get_by_role("link", name="Approvals 2 open").click()
    looks(page, "approvals")
    page.get_by_role("link", name="Reelmaker").first.click()
    look = page.get_by_role("link", name="look at it on reelmaker.example")
    expect(look).to_have_attribute("href", "https://reelmaker.example/previews/7f3a")
    page.get_by_role("checkbox", name="Always for this pattern").check()
    looks(page, "approval")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status").first).to_contain_text("Reelmaker has its receipt")
    expect(page.get_by_role("heading", level=1)).to_have_text("Approved always: video on Reelmaker")
    looks(page, "approved-always")
    granted = platform.get(f"/consent-checks/{asked['id']}").json()["granted_by"]
    assert platform.get(f"/consent-checks/{granted}").json()["receipt"]

    page.goto("/portal/approvals")
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible()
    looks(page, "approvals-none")
    page.get_by_role("link", name="Answered").click()
    expect(page.locator(".question")).to_have_count(2)
    looks(page, "approvals-answered")


def test_a_catalogue_grows(chromium_page: Page, studio: Studio, tmp_path: Path) -> None:
    page = chromium_page
    partner = build_empty_studio("Winter Partners").household.holder
    assert partner is not None
    photo = tmp_path / "fox.jpg"
    paint_fox(photo)
    enter(page, studio.username, "/portal/catalogue")
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
    looks(page, "catalogue-empty")

    page.get_by_role("link", name="Add a property").click()
    page.get_by_label("Name").fill("Tales of the North")
    looks(page, "new-property")
    page.get_by_role("button", name="Add it").click()
    page.get_by_role("link", name="Add a part").click()
    page.get_by_label("Name").fill("The Long Night")
    page.get_by_role("button", name="Add it").click()
    page.get_by_role("link", name="Add a character").click()
    page.get_by_label("Name").fill("Fox of the North")
    page.get_by_text("Owned with others").click()
    page.get_by_label("Owned so since").fill("2024-02-29")
    page.get_by_label("Owner 1").fill("Lantern Studio")
    page.get_by_label("Share").first.fill("60")
    page.get_by_label("Owner 2").fill(partner.shown_id)
    page.get_by_label("Share").nth(1).fill("30")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("alert")).to_contain_text("The shares add up to 90 %")
    looks(page, "new-subject-refused")
    page.get_by_label("Share").nth(1).fill("40")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Fox of the North")

    page.get_by_text("Add a picture").click()
    page.get_by_label("Picture").set_input_files(photo)
    page.get_by_role("button", name="Save the picture").click()
    expect(page.locator("img.portrait")).to_have_js_property("naturalWidth", 512)

    for where, day, shares in (("", 40, ("1/3", "2/3")), ("DE", 10, ("100", ""))):
        page.get_by_role("link", name="Change who owns it").click()
        page.get_by_label("From", exact=True).fill(
            f"{timezone.now() + timedelta(days=day):%Y-%m-%d}"
        )
        page.get_by_label("Where").select_option(where)
        page.get_by_label("Share").first.fill(shares[0])
        page.get_by_label("Share").nth(1).fill(shares[1])
        if not shares[1]:
            page.get_by_label("Owner 2").fill("")
            looks(page, "new-step")
        page.get_by_role("button", name="Keep these shares").click()
    expect(page.locator(".territory")).to_have_count(2)
    expect(page.locator(".shares").first).to_contain_text("2/3")
    looks(page, "subject")

    holder = studio.household.holder
    assert holder is not None
    saga = Property.objects.get(name="Tales of the North")
    for name in ("Owl Who Remembers", "Ålva", "The Grey Hare", "Miss Ember", "Brother Moss"):
        build_subject(holder, name, property=saga)
    build_subject(holder, "Lantern mark", kind="mark")
    page.get_by_role("link", name="Catalogue").first.click()
    expect(page.locator(".leaf")).to_have_count(7)
    looks(page, "catalogue")
    page.get_by_role("link", name="Open Tales of the North").click()
    looks(page, "property")
    page.goto("/portal/catalogue?q=no")
    looks(page, "catalogue-found")


def test_the_matrix_tells_who_may_what_and_why(
    chromium_page: Page, studio: Studio, reel: Generator
) -> None:
    page, holder, house = chromium_page, studio.household.holder, studio.household
    assert holder is not None
    now = timezone.now()
    loom = build_generator("Loom & Light")
    others = [build_generator(name) for name in ("Dreamwright", "Pictor", "Voxel Vale")]
    saga = build_property(holder, "Tales of the North")
    fox, owl, hare = (
        build_subject(holder, name, property=saga)
        for name in ("Fox of the North", "Owl Who Remembers", "The Grey Hare")
    )
    ember = build_subject(holder, "Miss Ember", kind="likeness")
    build_subject(holder, "Lantern mark", kind="mark")
    price = {"amount": "0.25", "currency": "USD", "per": "generation"}
    publish_rule(house, property=saga, now=now, price=price, obligations={"watermark": True})
    publish_rule(
        house,
        subject=owl,
        effect="deny",
        territories={"only": ["DE"]},
        now=now,
    )
    publish_rule(house, subject=ember, effect="needs_approval", now=now)
    only = {"only": [others[0].platform.shown_id, others[2].platform.shown_id]}
    publish_rule(house, property=saga, effect="deny", platforms=only, now=now)
    switches.throw(actor=house.actor, now=now, holder=holder, scope=Scope(subject=hare))

    enter(page, studio.username, "/portal/matrix")
    looks(page, "matrix")
    row = page.get_by_role("row", name="Owl Who Remembers")
    row.get_by_role("link").nth(1).click()
    panel = page.get_by_role("complementary", name="Why")
    expect(panel.get_by_role("heading", name="Owl Who Remembers")).to_be_focused()
    expect(panel).to_contain_text("Allowed if the territory were not Germany.")
    for size, name in ((DESKTOP, "desktop"), (PHONE, "phone")):
        page.set_viewport_size(size)
        as_seen(page, f"matrix-why-{name}")
    page.emulate_media(color_scheme="dark")
    as_seen(page, "matrix-why-phone-dark")
    page.emulate_media(color_scheme="light")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    page.set_viewport_size(DESKTOP)

    page.get_by_label("Where").select_option(label="France")
    page.get_by_role("button", name="Show").click()
    row = page.get_by_role("row", name="Owl Who Remembers")
    expect(row.get_by_role("link").nth(1)).to_have_text("Aallowed")
    row.get_by_role("link").nth(1).click()
    expect(panel).to_contain_text("$0.25 per generation")
    asked = ApiClient(loom.actor).post(
        "/consent-checks",
        {"subjects": [owl.shown_id], "action": "generate_video", "territory": "FR"},
    )
    assert asked.json()["outcome"] == "allow"
    page.goto(f"/portal/matrix/place?subject={fox.shown_id}&platform={reel.platform.shown_id}")
    looks(page, "matrix-place")


def paint_fox(path: Path) -> None:
    """A picture to send: an orange fox before snow."""
    picture = Image.new("RGB", (900, 900), "#dfe9f5")
    pen = ImageDraw.Draw(picture)
    pen.polygon([(250, 300), (330, 120), (430, 300)], fill="#c8641e")
    pen.polygon([(470, 300), (570, 120), (650, 300)], fill="#c8641e")
    pen.polygon([(220, 300), (680, 300), (450, 760)], fill="#d8742a")
    pen.polygon([(330, 480), (570, 480), (450, 760)], fill="#fff8ee")
    pen.ellipse((350, 400, 385, 435), fill="#14322e")
    pen.ellipse((515, 400, 550, 435), fill="#14322e")
    pen.ellipse((425, 715, 475, 765), fill="#14322e")
    picture.save(path, "JPEG")


def test_a_key_is_made_used_and_revoked(
    chromium_page: Page, studio: Studio, live_server: LiveServer
) -> None:
    page, holder = chromium_page, studio.household.holder
    assert holder is not None
    build_subject(holder, "Fox of the North")
    enter(page, studio.username, "/portal/keys")
    looks(page, "keys-none")
    page.get_by_role("link", name="Make a key").click()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("alert")).to_contain_text("No key was made")
    looks(page, "new-key-refused")
    page.get_by_label("Name").fill("catalogue export")
    page.get_by_label("Read the catalogue").check()
    page.get_by_label("Read rules").check()
    page.get_by_role("button", name="Make the key").click()
    secret = page.get_by_label("Secret").input_value()
    looks(page, "key-made")

    def call(key: str) -> APIResponse:
        bearer = {"Authorization": f"Bearer {key}"}
        return page.request.get(f"{live_server.url}/api/v1/subjects", headers=bearer)

    assert [each["name"] for each in call(secret).json()["data"]] == ["Fox of the North"]
    page.get_by_role("link", name="I have copied it").click()
    expect(page.locator(".key-row")).to_contain_text("catalogue export")
    expect(page.locator(".key-row")).to_contain_text("last used")
    assert secret not in page.content()
    looks(page, "keys")
    page.get_by_role("link", name="Replace catalogue export").click()
    looks(page, "rotate-key")
    page.get_by_label("The old key goes on").select_option("none")
    page.get_by_role("button", name="Replace it").click()
    successor = page.get_by_label("Secret").input_value()
    assert (call(secret).status, call(successor).status) == (401, 200)
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("link", name="Revoke catalogue export").click()
    looks(page, "revoke-key")
    page.get_by_role("button", name="Revoke it").click()
    assert call(successor).status == 401

    page.get_by_role("button", name="Settings").click()
    page.get_by_role("link", name="Members and roles").click()
    page.get_by_label("Name to sign in with").fill("grace")
    page.get_by_role("button", name="Add the member").click()
    expect(page.get_by_role("status")).to_contain_text("grace is a member now")
    looks(page, "members")
    page.get_by_role("link", name="Change grace").click()
    looks(page, "member")
    page.get_by_role("radio", name="Owner").check()
    page.get_by_role("button", name="Keep this role").click()
    expect(page.get_by_role("status")).to_contain_text("grace is owner now")


def test_the_menu_opens_by_keyboard_on_a_phone(chromium_page: Page, studio: Studio) -> None:
    page = chromium_page
    page.set_viewport_size({"width": 390, "height": 844})
    enter(page, studio.username)
    menu = page.get_by_role("navigation", name="Portal")
    expect(menu).to_be_hidden()
    page.get_by_role("button", name="Menu").focus()
    page.keyboard.press("Enter")
    expect(menu).to_be_visible()
    expect(menu.get_by_role("link", name="Overview")).to_have_attribute("aria-current", "page")
    as_seen(page, "menu-open")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    page.set_viewport_size({"width": 320, "height": 700})
    as_seen(page, "smallest")
    page.get_by_role("button", name="Settings").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    as_seen(page, "settings-open")
