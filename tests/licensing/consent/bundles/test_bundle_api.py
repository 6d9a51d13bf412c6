"""Platforms get their bundle over the API: signed, their own, and only when it is another."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from ledger.actor import system_actor
from licensing.catalog.ownership import set_ownership
from licensing.consent import bundles, keys, rules, switches
from licensing.consent.engine.offline import Bundle
from licensing.consent.receipts import BadReceipt
from licensing.consent.receipts import verify as verify_receipt
from tests.client import ApiClient, assert_problem
from tests.licensing.builders import build_property, build_subject
from tests.licensing.consent.builders import (
    Generator,
    Studio,
    ask,
    build_generator,
    build_studio,
    publish_rule,
)
from tests.licensing.consent.bundles.signing import opened

pytestmark = pytest.mark.django_db

Json = dict[str, Any]
PATH = "/consent-bundles/current"


@pytest.fixture
def studio() -> Studio:
    return build_studio()


@pytest.fixture
def generator() -> Generator:
    return build_generator()


@pytest.fixture
def client(generator: Generator) -> ApiClient:
    return ApiClient(generator.actor)


def current(client: ApiClient, generator: Generator) -> Bundle:
    """The platform's bundle, verified with the published keys."""
    answer = client.get(PATH)
    assert answer.status_code == 200, answer.content
    jwks = Client().get("/.well-known/jwks.json").json()
    return opened(answer.json()["bundle"], generator.platform.shown_id, jwks)


def test_a_bundle_answers_what_a_check_answers(
    client: ApiClient, generator: Generator, studio: Studio
) -> None:
    other = build_studio()
    franchise = build_property(studio.holder)
    hero = build_subject(studio.holder, property=franchise)
    shared = build_subject(studio.holder, owners={studio.holder: 1, other.holder: 1})
    fresh = build_subject(studio.holder)
    now = timezone.now()
    publish_rule(studio, property=franchise, territories={"except": ["DE"]}, now=now)
    publish_rule(studio, subject=shared, now=now)
    publish_rule(
        studio, {"effect": "deny"}, content={"violence": "strong"}, purposes=["political"], now=now
    )
    publish_rule(
        other,
        {"effect": "needs_approval"},
        platforms={"except": [build_generator().platform.shown_id]},
        now=now,
    )
    publish_rule(
        studio,
        {"effect": "deny"},
        platforms={"only": [build_generator().platform.shown_id]},
        subject=hero,
        now=now,
    )
    bundle = current(client, generator)
    assert (bundle.platform, bundle.mode) == (generator.platform.shown_id, "test")
    facts: list[Json] = [
        {"territory": "US", "purpose": "news"},
        {"territory": "DE", "purpose": "news"},
        {"purpose": "political"},
        {"territory": "US", "purpose": "political", "content": {"violence": "mild"}},
    ]
    seen = set()
    for subjects in ([hero], [shared], [hero, shared], [fresh]):
        for said in facts:
            check = ask(generator, *subjects, now=now, **said)
            asking = {
                "subjects": [subject.shown_id for subject in subjects],
                "action": "generate_video",
                **said,
            }
            answer = bundle.decide(asking, now=now)
            assert answer.outcome == check.outcome, asking
            seen.add(check.outcome)
    assert seen == {"allow", "deny", "needs_approval"}


def test_what_is_revoked_stopped_or_sold_is_out_of_the_next_bundle(
    client: ApiClient, generator: Generator, studio: Studio
) -> None:
    hero = build_subject(studio.holder)
    rule = publish_rule(studio, now=timezone.now())
    asking = {"subjects": [hero.shown_id], "action": "generate_video", "territory": "US"}

    def outcome() -> str:
        return current(client, generator).decide(asking, now=timezone.now()).outcome

    assert outcome() == "allow"
    switch = switches.throw(actor=studio.actor, now=timezone.now(), holder=studio.holder)
    assert outcome() == "deny"
    switches.lift(actor=studio.actor, now=timezone.now(), switch=switch)
    assert outcome() == "allow"
    buyer = build_studio()
    set_ownership(
        actor=system_actor(mode="test"),
        now=timezone.now(),
        subject=hero,
        territory="US",
        effective_on=timezone.now().date(),
        shares={buyer.holder.pk: Fraction(1)},
    )
    assert outcome() == "deny"
    publish_rule(buyer, now=timezone.now())
    assert outcome() == "allow"
    rules.revoke(actor=studio.actor, now=timezone.now(), rule=rule)
    assert outcome() == "allow"
    elsewhere = {**asking, "territory": "FR"}
    bundle = current(client, generator)
    assert bundle.decide(elsewhere, now=timezone.now()).outcome == "deny"


def test_a_bundle_is_handed_out_again_only_when_it_is_another(
    client: ApiClient, studio: Studio
) -> None:
    build_subject(studio.holder)
    publish_rule(studio, now=timezone.now())
    answer = client.get(PATH)
    assert answer["Cache-Control"] == "private, no-cache"
    etag = answer["ETag"]
    same = client.get(PATH, {}, **{"If-None-Match": etag})
    assert (same.status_code, same.content, same["ETag"]) == (304, b"", etag)
    for stale in ('"x.1"', "*", etag.replace(".", ".1"), '"."', etag.partition(".")[0] + '."'):
        assert client.get(PATH, {}, **{"If-None-Match": stale}).status_code == 200
    publish_rule(studio, {"effect": "deny"}, now=timezone.now())
    other = client.get(PATH, {}, **{"If-None-Match": etag})
    assert other.status_code == 200
    assert other.json()["version"] != answer.json()["version"]


def test_a_copy_that_has_not_long_to_live_is_replaced(client: ApiClient, studio: Studio) -> None:
    version = client.get(PATH).json()["version"]
    now = timezone.now()
    for left, status in ((bundles.FRESH * 2, 304), (bundles.FRESH / 2, 200), (-bundles.LIFE, 200)):
        etag = f'"{version}.{int((now + left).timestamp())}"'
        assert client.get(PATH, {}, **{"If-None-Match": etag}).status_code == status


def test_a_bundle_ends_when_owners_change(
    client: ApiClient, generator: Generator, studio: Studio
) -> None:
    """At midnight others consent: a bundle of the evening before must not say otherwise."""
    hero, buyer = build_subject(studio.holder), build_studio()
    evening = timezone.now().replace(hour=23, minute=55, second=0, microsecond=0)
    content = bundles.content_of(platform=generator.platform, mode="test", now=evening)
    issued = bundles.issue(content, now=evening)
    assert issued.expires_at == evening + bundles.LIFE
    set_ownership(
        actor=system_actor(mode="test"),
        now=evening,
        subject=hero,
        territory="",
        effective_on=evening.date() + timedelta(days=1),
        shares={buyer.holder.pk: Fraction(1)},
    )
    issued = bundles.issue(content, now=evening)
    assert issued.expires_at == evening + timedelta(minutes=5)
    after = bundles.content_of(
        platform=generator.platform, mode="test", now=evening + timedelta(minutes=6)
    )
    assert after.version != content.version


def test_a_bundle_is_of_one_mode_and_no_receipt(
    client: ApiClient, generator: Generator, studio: Studio
) -> None:
    live = build_studio(mode="live")
    theirs = build_subject(live.holder)
    mine = build_subject(studio.holder)
    bundle = current(client, generator)
    assert mine.shown_id in bundle.subjects
    assert theirs.shown_id not in bundle.subjects
    compact = client.get(PATH).json()["bundle"]
    jwks = {"keys": keys.published(now=timezone.now())}
    with pytest.raises(BadReceipt):
        verify_receipt(compact, jwks=jwks, now=timezone.now())


def test_only_platforms_get_bundles_and_for_no_longer_than_they_may_wait(
    client: ApiClient, studio: Studio
) -> None:
    assert_problem(ApiClient(studio.actor).get(PATH), 403, "scope_missing")
    for wait in ("16", "-1", "x", "1.5", ""):
        assert_problem(client.get(PATH, {"wait": wait}), 400, "bad_parameter")
    assert_problem(client.get(PATH, {"until": "1"}), 400, "bad_parameter")
    # Whoever has nothing yet does not wait.
    assert client.get(PATH, {"wait": "15"}).status_code == 200


def test_the_signature_names_whose_bundle_it_is(client: ApiClient, generator: Generator) -> None:
    answer = client.get(PATH).json()
    bundle = current(client, generator)
    assert bundle.version == answer["version"]
    assert bundle.expires_at - bundle.issued_at == bundles.LIFE


def test_a_mode_of_too_many_subjects_has_no_bundle(
    client: ApiClient, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "MOST_SUBJECTS", 1)
    build_subject(studio.holder)
    assert client.get(PATH).status_code == 200
    build_subject(studio.holder)
    assert_problem(client.get(PATH), 409, "bundle_too_large")
