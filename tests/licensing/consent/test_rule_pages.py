"""The pages on which a rights holder reads, writes, publishes and revokes rules."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from ledger.ids import new_id, show
from licensing.access.roles import SCOPES_OF_ROLE
from licensing.consent import rules
from licensing.consent.engine.bodies import canonical
from licensing.consent.models import ConsentRule, RuleVersion
from licensing.consent.pages import rule_forms
from licensing.consent.pages.beginnings import BEGINNINGS
from tests.licensing.builders import (
    build_actor,
    build_platform,
    build_property,
    build_subject,
)
from tests.licensing.consent.builders import (
    Generator,
    Studio,
    ask,
    build_generator,
    build_studio,
    draft_rule,
    publish_rule,
)
from tests.licensing.portal.visiting import fill, queries, text, visit

pytestmark = pytest.mark.django_db
PAGE = "/portal/rules"


@pytest.fixture
def studio() -> Studio:
    return build_studio("Lantern Studio")


@pytest.fixture
def client(studio: Studio) -> Client:
    return visit(studio.actor)


def form(studio: Studio, **fields: Any) -> dict[str, Any]:
    """What the editor sends for an allow of images over everything, or otherwise."""
    named = {name.replace("__", "."): value for name, value in fields.items()}
    over = studio.holder.shown_id
    return {"over": over, "effect": "allow", "actions": ["generate_image"], "do": "save", **named}


def written() -> ConsentRule:
    return ConsentRule.objects.with_versions().latest("id")


def page_of(rule: ConsentRule, tail: str = "") -> str:
    return f"{PAGE}/{rule.shown_id}{tail}"


def seen(rule: ConsentRule) -> str:
    return rules.etag_of(RuleVersion.objects.filter(rule=rule).latest("number"))


def plain(page: str) -> str:
    """What a page says, without its tags and with single spaces."""
    words = re.sub(r"</(?:dt|dd|p|h\d)>", " ", page)
    words = re.sub(r"<[^>]+>", "", words).replace("&#x27;", "'").replace("&amp;", "&")
    return re.sub(r"\s+([,.])", r"\1", " ".join(words.split()))


def test_nobody_has_a_rule_yet_and_is_offered_some(client: Client) -> None:
    page = text(client, PAGE)
    assert "Nobody may use anything yet" in page
    for key in ("personal-clips", "nothing-political", "ask-for-advertising"):
        begun = text(client, f"{PAGE}/new?begin={key}")
        assert 'name="effect"' in begun
    assert "Ask me first about every action" in plain(begun)


def test_every_offered_beginning_can_be_kept_as_it_is(studio: Studio, client: Client) -> None:
    for each in BEGINNINGS:
        fields = rule_forms.fields_of(each.body)
        fill(client, f"{PAGE}/new", {**fields, "over": studio.holder.shown_id, "name": each.name})
        assert written().latest().body == canonical(each.body)
        assert written().name == each.name


def test_rules_stand_by_what_they_are_over_each_as_a_sentence(
    studio: Studio, client: Client
) -> None:
    saga = build_property(studio.holder, "Tales of the North")
    fox = build_subject(studio.holder, "Fox of the North", property=saga)
    publish_rule(studio, subject=fox, actions=["generate_video"], territories={"except": ["DE"]})
    publish_rule(studio, property=saga, effect="deny", purposes=["political"])
    everything = publish_rule(studio, effect="needs_approval", purposes=["advertising"])
    rules.edit_draft(
        actor=studio.actor, now=timezone.now(), rule=everything, seen=seen(everything), name="Ads"
    )
    draft_rule(studio, actions=["train"])
    gone = publish_rule(studio, actions=["index"])
    rules.revoke(actor=studio.actor, now=timezone.now(), rule=gone)
    page = plain(text(client, PAGE))
    places = [
        page.index(words)
        for words in (
            "Everything Lantern Studio holds",
            "Ask me first about every action on any platform, worldwide, for advertising.",
            "A change is drafted",
            "Property Tales of the North",
            "Deny every action on any platform, worldwide, for political purposes.",
            "Character · Tales of the North Fox of the North",
            "Allow video on any platform, worldwide except Germany, for any purpose.",
        )
    ]
    assert places == sorted(places)
    assert "training of models" in page
    assert "indexing" not in page
    assert "indexing" in plain(text(client, f"{PAGE}?show=ended"))


def test_a_hundred_rules_cost_no_more_queries_than_one(studio: Studio, client: Client) -> None:
    generator = build_generator("Reelmaker")
    others = [build_subject(studio.holder) for _ in range(3)]

    def write(subject: Any) -> ConsentRule:
        return publish_rule(
            studio,
            subject=subject,
            platforms={"only": [generator.platform.shown_id]},
            co_appearance={"never_with": [others[0].shown_id]},
        )

    first = write(others[0])
    whole, editor = queries(client, PAGE), queries(client, page_of(first))
    for number in range(99):
        write(others[number % 3])
    assert queries(client, PAGE) == whole
    assert queries(client, page_of(first)) == editor
    assert "Page 1 of 2" in text(client, PAGE)
    assert queries(client, f"{PAGE}?page=2") == whole
    assert "Reelmaker" in text(client, f"{PAGE}?page=no-number")


def test_a_rule_is_written_and_edited_field_by_field(studio: Studio, client: Client) -> None:
    fox = build_subject(studio.holder, "Fox of the North")
    reel = build_platform("Reelmaker").platform
    assert reel is not None
    answer = fill(
        client,
        f"{PAGE}/new",
        form(
            studio,
            over=f"{studio.holder.shown_id}/{fox.shown_id}",
            name="Clips of Fox",
            actions=["generate_image", "generate_video"],
            platforms__way="except",
            platforms=[reel.shown_id],
            territories__way="only",
            territories=["US", "FR"],
            content__violence="mild",
            forbidden_words="duck\nrival bear",
            price__per="generation",
            price__amount="0.002",
            price__currency="usd",
            quotas__day__everyone="1000",
            obligations__watermark="on",
        ),
    )
    rule = written()
    assert answer["Location"] == page_of(rule)
    assert (rule.name, rule.subject) == ("Clips of Fox", fox)
    assert rule.latest().body == {
        "effect": "allow",
        "actions": ["generate_image", "generate_video"],
        "platforms": {"except": [reel.shown_id]},
        "territories": {"only": ["FR", "US"]},
        "content": {"violence": "mild"},
        "forbidden_words": ["duck", "rival bear"],
        "price": {"per": "generation", "amount": "0.002", "currency": "USD"},
        "quotas": [{"per": "day", "of": "everyone", "count": 1000}],
        "obligations": {"watermark": True},
    }
    page = plain(text(client, page_of(rule)))
    assert "Drafted. It says nothing until it is published." in page
    assert "except Reelmaker, in France and the United States, for any purpose" in page
    assert "never with the words “duck” or “rival bear”, for $0.002 per generation." in page
    fill(client, page_of(rule), form(studio, seen=seen(rule), name="Clips of Fox"))
    assert written().latest().body == {"effect": "allow", "actions": ["generate_image"]}


BAD = [
    ({"window__from": "2001-01-01T00:00"}, "window-from", "before it is published"),
    (
        {"window__from": "2101-02-01T00:00", "window__to": "2101-01-01T00:00"},
        "window-to",
        "after its beginning",
    ),
    ({"window__from": "soon"}, "window-from", "a day and a time"),
    ({"forbidden_words": "du.*k"}, "forbidden_words", "a pattern is not"),
    ({"territories__way": "only", "territories": ["UK"]}, "territories", "ISO 3166-1"),
    ({"platforms__way": "only"}, "platforms", "at least one"),
    ({"platforms__way": "only", "platforms": ["plt_nobody"]}, "platforms", "no such platform"),
    (
        {"platforms__way": "only", "platforms": [show("plt", new_id())]},
        "platforms",
        "no such platform",
    ),
    ({"viewer_age_min": "151"}, "viewer_age_min", "150"),
    ({"duration_seconds_max": "1_000"}, "duration_seconds_max", "whole number"),
    (
        {"price__per": "second", "price__amount": "-1", "price__currency": "USD"},
        "price-amount",
        "such as 0.002",
    ),
    (
        {"price__per": "second", "price__amount": "1", "price__currency": "ZZZ"},
        "price-currency",
        "such as USD",
    ),
    ({"effect": "deny", "quotas__day__platform": "4"}, "quotas", "no quota"),
    ({"effect": "maybe"}, "effect", "names known"),
    ({"name": "x" * 201}, "name", "at most 200"),
    ({"name": "x\x00y"}, "name", "control character"),
    ({"over": ""}, "over", "what the rule is over"),
    ({"over": "hld_somebody"}, "over", "what the rule is over"),
]


@pytest.mark.parametrize(("fields", "beside", "words"), BAD)
def test_what_makes_no_sense_is_said_beside_its_field_and_leaves_nothing(
    studio: Studio, client: Client, fields: dict[str, Any], beside: str, words: str
) -> None:
    page = fill(client, f"{PAGE}/new", form(studio, **fields), status=422).content.decode()
    found = re.search(rf'<p class="fault" id="wrong-{beside}">([^<]*)</p>', page)
    assert found, page
    assert words in found[1]
    assert "needs another look" in page
    # The summary above leads to where it is told.
    assert re.search(rf'<li><a href="#wrong-{beside}">[^<]+</a>: ', page)
    assert not ConsentRule.objects.exists()


def test_more_than_a_thousand_rules_are_too_many(
    studio: Studio, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_RULES", 1)
    draft_rule(studio)
    page = fill(client, f"{PAGE}/new", form(studio), status=422).content.decode()
    found = re.search(r'<p class="fault" id="wrong-over">([^<]*)</p>', page)
    assert found
    assert "at most 1,000 rules" in found[1]
    assert ConsentRule.objects.count() == 1


def test_a_script_is_kept_as_text_and_never_run(studio: Studio, client: Client) -> None:
    tag = "<script>alert(1)</script>"
    fox = build_subject(studio.holder, tag)
    over = f"{studio.holder.shown_id}/{fox.shown_id}"
    credit = form(studio, over=over, name=tag, obligations__attribution=tag)
    fill(client, f"{PAGE}/new", credit)
    rule = written()
    assert rule.name == tag
    fill(client, page_of(rule, "/publish"), {"seen": seen(rule)})
    for path in (PAGE, page_of(rule), page_of(rule, "/history"), page_of(rule, "/revoke")):
        page = text(client, path)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_stale_edit_is_told_kindly_with_what_differs(studio: Studio, client: Client) -> None:
    rule = draft_rule(studio, actions=["generate_image"])
    old = seen(rule)
    colleague = build_actor(studio.organisation, "editor")
    body = {"effect": "allow", "actions": ["generate_image"], "territories": {"except": ["DE"]}}
    rules.edit_draft(actor=colleague, now=timezone.now(), rule=rule, seen=old, body=body)
    mine = form(studio, seen=old, purposes=["parody"])
    page = fill(client, page_of(rule), mine, status=409).content.decode()
    assert "Somebody changed this rule while you were writing" in page
    assert colleague.label in page
    assert (
        "worldwide <del>except Germany</del>, for <del>any purpose</del> <ins>parody</ins>." in page
    )
    assert RuleVersion.objects.get(rule=rule).body == body
    # What the page now knows is the newest; keeping one's own is a choice.
    again = re.search(r'name="seen" value="([^"]+)"', page)
    assert again
    fill(client, page_of(rule), {**mine, "seen": again[1].replace("&quot;", '"')})
    assert RuleVersion.objects.get(rule=rule).body["purposes"] == ["parody"]


def test_an_edit_that_does_not_say_what_it_has_seen_is_stale(
    studio: Studio, client: Client
) -> None:
    rule = draft_rule(studio, actions=["generate_image"])
    for tail in ("", "/publish"):
        page = fill(client, page_of(rule, tail), form(studio, actions=["remix"]), status=409)
        assert "hanged" in page.content.decode()
    version = RuleVersion.objects.get(rule=rule)
    assert (version.state, version.body["actions"]) == ("draft", ["generate_image"])


def test_what_the_form_does_not_ask_for_is_not_heard(studio: Studio, client: Client) -> None:
    stranger = build_studio("Rivals").holder
    fox = build_subject(studio.holder)
    extra = {
        "id": "rul_1",
        "owner": stranger.shown_id,
        "holder": stranger.shown_id,
        "subject": fox.shown_id,
        "approved_by": "me",
        "state": "published",
        "body": "{}",
    }
    fill(client, f"{PAGE}/new", form(studio, **extra))
    rule = written()
    assert rule.subject_id is None
    assert (rule.holder, rule.latest().state) == (studio.holder, "draft")
    assert rule.latest().body == {"effect": "allow", "actions": ["generate_image"]}


def test_saving_what_has_not_changed_begins_no_version(studio: Studio, client: Client) -> None:
    rule = publish_rule(studio, actions=["generate_image"])
    answer = client.post(page_of(rule), form(studio, seen=seen(rule)), follow=True)
    assert "Nothing was changed." in answer.content.decode()
    assert RuleVersion.objects.filter(rule=rule).count() == 1


def test_publishing_says_what_it_supersedes_and_holds_at_once(
    studio: Studio, client: Client
) -> None:
    hero = build_subject(studio.holder)
    generator: Generator = build_generator()
    rule = publish_rule(studio, actions=["generate_video"])
    answer = fill(
        client,
        page_of(rule),
        form(studio, seen=seen(rule), actions=["generate_image"], do="publish"),
    )
    assert answer["Location"] == page_of(rule, "/publish")
    page = text(client, page_of(rule, "/publish"))
    assert "It supersedes version 1" in page
    assert "<del>video</del> <ins>images</ins>" in page
    assert ask(generator, hero, now=timezone.now()).outcome == "allow"
    fill(client, page_of(rule, "/publish"), {"seen": seen(rule)})
    assert ask(generator, hero, now=timezone.now()).outcome == "deny"
    said = ask(generator, hero, now=timezone.now(), action="generate_image")
    assert said.outcome == "allow"
    assert "Version 2 is in force" in text(client, page_of(rule))
    # There is nothing left to publish.
    assert "no draft to publish" in text(client, page_of(rule, "/publish"), 409)


def test_what_changed_meanwhile_is_not_published(studio: Studio, client: Client) -> None:
    rule = draft_rule(studio, actions=["generate_image"])
    old = seen(rule)
    rules.edit_draft(
        actor=studio.actor, now=timezone.now(), rule=rule, seen=old, body={"effect": "deny"}
    )
    page = fill(client, page_of(rule, "/publish"), {"seen": old}, status=409).content.decode()
    assert "It has changed since you read it" in page
    assert "Deny" in page
    assert RuleVersion.objects.get(rule=rule).state == "draft"


def test_a_draft_whose_window_has_begun_is_not_published(studio: Studio, client: Client) -> None:
    rule = draft_rule(studio, window={"to": "2026-10-20T00:00:00Z"})
    page = fill(client, page_of(rule, "/publish"), {"seen": seen(rule)}, status=409)
    assert "cannot end before it is published" in page.content.decode()
    assert "cannot end before" in text(client, page_of(rule))


def test_revoking_tells_what_it_leaves_and_holds_at_once(studio: Studio, client: Client) -> None:
    hero, generator = build_subject(studio.holder), build_generator()
    rule = publish_rule(studio, revocation_notice_days=1)
    old = seen(rule)
    ask(generator, hero, now=timezone.now())
    page = plain(text(client, page_of(rule, "/revoke")))
    assert "Open receipt 1" in page
    assert "Platform relying on it 1 Day of notice promised 1" in page
    assert "changed since" in fill(
        client, page_of(rule, "/revoke"), {"seen": '"0.0.draft"'}, status=409
    ).content.decode().replace("It has changed", "changed")
    answer = client.post(page_of(rule, "/revoke"), {"seen": old}, follow=True)
    assert "still open: 1" in answer.content.decode()
    assert "Revoked" in plain(text(client, f"{PAGE}?show=ended"))
    assert "No version of this rule is in force" in text(client, page_of(rule, "/revoke"), 409)


def test_history_shows_the_differences_between_any_two_versions(
    studio: Studio, client: Client
) -> None:
    rule = publish_rule(studio, actions=["generate_image"])
    for purposes in (["personal"], ["personal", "parody"]):
        body = {"effect": "allow", "actions": ["generate_image"], "purposes": purposes}
        now = timezone.now()
        rules.edit_draft(actor=studio.actor, now=now, rule=rule, seen=seen(rule), body=body)
        rules.publish(actor=studio.actor, now=now, rule=rule)
    page = text(client, page_of(rule, "/history"))
    assert "From version 2 to version 3" in page
    assert "personal use <ins>and parody</ins>." in page
    page = text(client, page_of(rule, "/history?older=1&newer=2"))
    assert "for <del>any purpose</del> <ins>personal use</ins>." in page
    assert page.count("Superseded") == 2
    assert "From version 2 to version 3" in text(client, page_of(rule, "/history?older=x&newer=9"))


def test_the_sentence_follows_the_fields(studio: Studio, client: Client) -> None:
    rule = publish_rule(studio, actions=["generate_image"])
    before = RuleVersion.objects.count()
    said = form(studio, rule=rule.shown_id, actions=["remix"], price__per="second")
    answer = client.post(f"{PAGE}/read-aloud", said, headers={"HX-Request": "true"})
    page = answer.content.decode()
    assert "Allow remixes on any platform" in plain(page)
    assert "<del>images</del> <ins>remixes</ins>" in page
    assert 'id="says-actions" hx-swap-oob="true"' in page
    assert re.search(r'id="wrong-price-amount" hx-swap-oob="true">[^<]+<', page)
    assert re.search(r'id="wrong-name" hx-swap-oob="true"></p>', page)
    assert RuleVersion.objects.count() == before


def test_regions_and_company_are_added_without_a_script_too(studio: Studio, client: Client) -> None:
    fox = build_subject(studio.holder, "Fox of the North")
    whole = client.post(f"{PAGE}/new", form(studio, do="region:Europe")).content.decode()
    assert "in Europe, for any purpose" in plain(whole)
    part = client.post(
        f"{PAGE}/new",
        form(studio, do="region:Europe", territories=["US"], territories__way="except"),
        headers={"HX-Request": "true"},
    ).content.decode()
    assert "<html" not in part
    assert "worldwide except Europe and the United States" in plain(part)
    asked = {"do": "find:never_with", "find__never_with": "north"}
    found = client.post(f"{PAGE}/new", form(studio, **asked)).content.decode()
    assert f'name="co_appearance.never_with" value="{fox.shown_id}"' in found
    stranger = build_subject(build_studio("Rivals").holder, "Rival Bear")
    asked["find__never_with"] = "Rival"
    assert "Rival Bear" not in client.post(f"{PAGE}/new", form(studio, **asked)).content.decode()
    asked["find__never_with"] = stranger.shown_id
    found = client.post(f"{PAGE}/new", form(studio, **asked)).content.decode()
    assert f'value="{stranger.shown_id}"' in found
    assert "Rival Bear" not in found
    assert not ConsentRule.objects.exists()


def test_a_new_version_does_not_begin_where_the_last_one_did(
    studio: Studio, client: Client
) -> None:
    rule = publish_rule(studio, window={"from": "2026-10-20T00:00:00Z"})
    page = text(client, page_of(rule))
    assert "The version in force began on 20 October 2026" in page
    assert 'name="window.from" type="datetime-local" step="1" value=""' in page


def test_anothers_rule_looks_like_one_that_does_not_exist(studio: Studio, client: Client) -> None:
    rule = publish_rule(studio)
    other = visit(build_studio("Rivals").actor)
    absent = show("rul", new_id())
    for tail in ("", "/publish", "/revoke", "/history"):
        for shown in (rule.shown_id, absent, "rul_", "1e3", "9" * 500):
            assert "There is nothing here" in text(other, f"{PAGE}/{shown}{tail}", 404)
    for tail in ("", "/publish", "/revoke"):
        fill(other, page_of(rule, tail), form(studio, seen=seen(rule)), status=404)
    said = {**form(studio), "rule": rule.shown_id}
    assert other.post(f"{PAGE}/read-aloud", said).status_code == 404
    # Nor can one write over what is not one's own.
    foreign = form(studio, over=f"{show('hld', new_id())}")
    fill(other, f"{PAGE}/new", foreign, status=422)
    theirs = build_subject(studio.holder)
    own = ConsentRule.objects.count()
    mine = build_studio("Third")
    over = f"{mine.holder.shown_id}/{theirs.shown_id}"
    fill(visit(mine.actor), f"{PAGE}/new", form(mine, over=over), status=422)
    assert ConsentRule.objects.count() == own
    assert "Lantern" not in text(other, PAGE)


def test_an_owner_of_a_share_writes_a_rule_over_it(studio: Studio) -> None:
    partner = build_studio("Partner")
    shared = build_subject(studio.holder, "Ferrow", owners={studio.holder: 1, partner.holder: 1})
    client = visit(partner.actor)
    over = f"{partner.holder.shown_id}/{shared.shown_id}"
    assert over in text(client, f"{PAGE}/new")
    fill(client, f"{PAGE}/new", form(partner, over=over))
    assert written().holder == partner.holder
    assert f'value="{over}" selected' in text(client, f"{PAGE}/new?for={shared.shown_id}")


def test_what_one_may_not_do_is_not_offered(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = publish_rule(studio)
    draft = draft_rule(studio, actions=["remix"])
    editor = visit(build_actor(studio.organisation, "editor"))
    page = text(editor, page_of(draft))
    assert "Save draft" in page
    assert "Publish" not in page.replace("published", "").replace("Published", "")
    assert "Revoke…" not in text(editor, page_of(rule))
    for tail in ("/publish", "/revoke"):
        text(editor, page_of(draft, tail), 403)
        fill(editor, page_of(draft, tail), {"seen": seen(draft)}, status=403)
    reading = SCOPES_OF_ROLE["editor"] - {"consent:write"}
    monkeypatch.setitem(SCOPES_OF_ROLE, "editor", reading)  # type: ignore[misc]
    assert "Write a rule" not in text(editor, PAGE)
    page = text(editor, page_of(draft))
    assert "<form class=" not in page.replace('<form class="out"', "")
    assert "remixes" in page
    text(editor, f"{PAGE}/new", 403)
    fill(editor, page_of(draft), form(studio, seen=seen(draft)), status=403)
    monkeypatch.setitem(SCOPES_OF_ROLE, "editor", reading - {"consent:read"})  # type: ignore[misc]
    for path in (PAGE, page_of(draft), page_of(draft, "/history")):
        text(editor, path, 403)


def test_the_pages_carry_no_inline_code(studio: Studio, client: Client) -> None:
    rule = draft_rule(studio)
    for path in (PAGE, f"{PAGE}/new", page_of(rule), page_of(rule, "/publish")):
        page = text(client, path)
        assert re.findall(r"<script(?! src=\"/static/)", page) == []
        assert "<style" not in page
        assert re.findall(r" (?:style|on\w+)=\"", page) == []
        assert len(re.findall(r' id="([^"]+)"', page)) == len(
            set(re.findall(r' id="([^"]+)"', page))
        )
