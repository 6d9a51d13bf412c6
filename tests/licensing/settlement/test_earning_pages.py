"""The portal's pages that follow an amount back, to the clause and to single generations."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ledger.ids import new_id, show
from licensing.catalog.models import Subject
from licensing.settlement import earning_pages
from licensing.settlement.models import RoyaltyLine
from licensing.settlement.states import Basis
from tests.browser import looks
from tests.licensing.builders import build_holder, build_subject
from tests.licensing.commerce.builders import build_agreement, build_terms
from tests.licensing.portal.builders import build_sign_in
from tests.licensing.portal.visiting import enter, queries, text, visit
from tests.licensing.settlement.builders import Made, Studio, build_batch, review, settle


def plain(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def luna_earns(studio: Studio, **said: Any) -> Subject:
    """Three stills of October, and one that remixes the first of them with somebody else's hero."""
    luna = studio.character("Luna")
    build_agreement(studio.platform, studio.owner, terms=build_terms(fee_percent="10"))
    other = build_holder("Rivals")
    assert other.holder is not None
    hero = build_subject(other.holder, "Rival Bear")
    build_agreement(studio.platform, other.holder)
    stills = [
        Made(subjects=luna, licensed=True, territory="DE", name=f"still-{n}", **said)
        for n in range(3)
    ]
    remix = Made(subjects=hero, licensed=True, territory="DE", name="remix", parents=["still-0"])
    build_batch(studio.platform, [*stills, remix])
    return luna


@pytest.mark.django_db
class TestPages:
    def test_an_amount_leads_to_its_clause_and_its_generations(self) -> None:
        studio = Studio()
        luna = luna_earns(studio)
        settle(studio)
        client = visit(studio.holder.actor)
        home = text(client, "/portal/")
        assert f'href="/portal/earnings/{luna.shown_id}"' in home
        page = text(client, f"/portal/earnings/{luna.shown_id}")
        assert "October 2026" in page
        assert "0.00 558 USD" in plain(page)
        direct = RoyaltyLine.objects.get(subject=luna, basis=Basis.DIRECT)
        assert f"/portal/earnings/lines/{direct.shown_id}" in page
        assert "Image on " in page
        assert "through a remix led by somebody else’s subject" in page
        assert "Rival Bear" not in page

        told = plain(text(client, f"/portal/earnings/lines/{direct.shown_id}"))
        assert "0.006 USD 3 generations (image). Luna appears in them." in told
        assert "Price 0.002 USD per generation Kept by the house first 10 %" in told
        assert f"{studio.owner.name} you 100 %" in told
        for name in ("still-0", "still-1", "still-2"):
            assert f"{name} 10 Oct 2026, 12:00 UTC 100 % 0.002 USD" in told
        assert "all of them" in told
        inherited = RoyaltyLine.objects.get(subject=luna, basis=Basis.INHERITED)
        told = plain(text(client, f"/portal/earnings/lines/{inherited.shown_id}"))
        assert "Luna appears in what was remixed; somebody else’s subject leads" in told
        assert "remix 10 Oct 2026, 12:00 UTC 10 % 0.0002 USD" in told
        assert "Rival" not in told

    def test_it_is_narrowed_and_leafed_through(self, monkeypatch: pytest.MonkeyPatch) -> None:
        studio = Studio()
        luna = luna_earns(studio)
        build_batch(
            studio.platform,
            [
                Made(subjects=luna, at=datetime(2026, 10, day, tzinfo=UTC), licensed=True)
                for day in range(11, 16)
            ],
        )
        settle(studio)
        client, path = visit(studio.holder.actor), f"/portal/earnings/{luna.shown_id}"
        asked = f"{path}?platform={studio.platform.shown_id}&month=2026-10"
        assert len(re.findall("/earnings/lines/", text(client, asked))) == 7
        assert "/earnings/lines/" not in text(client, f"{path}?month=2026-09")
        once = queries(client, asked)
        monkeypatch.setattr(earning_pages, "PAGE", 4)
        page = text(client, asked)
        following = re.search(r'href="(\?after=[^"]+)"', page)
        assert following
        rest = text(client, path + following[1].replace("&amp;", "&"))
        found = re.findall('/earnings/lines/([^"]+)', page + rest)
        assert len(set(found)) == len(found) == 7
        assert queries(client, asked) <= once
        for odd in ("month=2026-13", "month=x", "platform=plt_1", "after=rln_", "month=2026-10-01"):
            text(client, f"{path}?{odd}", 404)

    def test_anothers_and_what_is_not_posted_is_not_there(self) -> None:
        studio = Studio()
        luna = luna_earns(studio)
        run = review(studio)
        line = run.lines.filter(subject=luna).first()
        assert line is not None
        owner, other = visit(studio.holder.actor), visit(build_holder("Others").actor)
        text(owner, f"/portal/earnings/lines/{line.shown_id}", 404)
        assert "Nothing that was settled here is yours yet" in text(
            owner, f"/portal/earnings/{luna.shown_id}"
        )
        for shown in (luna.shown_id, show("chr", new_id()), "chr_", "1e3"):
            assert "There is nothing here" in text(other, f"/portal/earnings/{shown}", 404)
        for shown in (line.shown_id, show("rln", new_id()), "rln_"):
            assert "There is nothing here" in text(other, f"/portal/earnings/lines/{shown}", 404)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_holder_asks_where_an_amount_comes_from(chromium_page: Page) -> None:
    page, studio = chromium_page, Studio()
    username = build_sign_in(studio.holder)
    luna_earns(studio)
    settle(studio)
    enter(page, username)
    page.get_by_role("link", name="what Luna earned").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What Luna earned")
    looks(page, "earned-by")
    page.get_by_role("link", name=re.compile("Image, Germany")).last.click()
    expect(page.get_by_role("heading", level=2).first).to_have_text("The clause that priced it")
    looks(page, "royalty-line")
