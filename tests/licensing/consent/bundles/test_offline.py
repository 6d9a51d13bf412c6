"""Decisions taken by a bundle: the same as online, or none; and never by a forged or old bundle."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licensing.consent.engine import bundling
from licensing.consent.engine.bodies import canonical, read_body
from licensing.consent.engine.compiling import CompiledRule, compile_rule
from licensing.consent.engine.deciding import decide
from licensing.consent.engine.language import Decision, Effect
from licensing.consent.engine.offline import FORM, BadAsking, BadBundle, Bundle, Outcome
from licensing.consent.engine.quotas import covering
from licensing.consent.engine.voices import Switch
from licensing.consent.windows.shapes import RuleBodyShape
from tests.licensing.consent.builders import NOW
from tests.licensing.consent.bundles.by_hand import ALLOW, VIDEO, content, voice
from tests.licensing.consent.bundles.signing import opened, signed
from tests.licensing.consent.generated import (
    OPTIONAL,
    PLATFORMS,
    as_asked,
    as_notice,
    as_request,
    requests,
    worlds,
)

Json = dict[str, Any]

OTHER = "plt_other"


def content_of(world: list[Json], platform: str) -> Json:
    """The content of a platform's bundle in a generated world.

    There each subject has owners with words of their own, so each is given holders of its own too.
    """
    voices = []
    for subject in world:
        # What stops the subject, or only others, or something else.
        switches = [Switch(scope="", platform=OTHER), Switch(scope="chr_8", platform="")]
        if subject["stopped"]:
            switches.append(Switch(scope=subject["chain"][-1], platform=platform))
        for holder, rules in subject["owners"].items():
            voices.append(
                bundling.Voice(
                    holder=f"{holder}_of_{subject['id']}",
                    epoch=7,
                    rules=[
                        (
                            compile_rule(
                                version=rule["version"],
                                rule=rule["rule"],
                                scope=rule["scope"],
                                body=read_body(rule["body"]),
                                notice=as_notice(rule),
                                answers=rule.get("answers", ()),
                            ),
                            canonical(rule["body"]),
                        )
                        for rule in rules
                    ],
                    switches=switches,
                )
            )
    return bundling.content(
        platform=platform,
        mode="test",
        subjects=[
            (
                tuple(subject["chain"]),
                {"": [f"{holder}_of_{subject['id']}" for holder in sorted(subject["owners"])]},
            )
            for subject in world
        ],
        voices=voices,
    )


def asking_of(request: Json, world: list[Json]) -> Json:
    """A generated request in the words of a consent check."""
    facts = dict(request)
    for inner in ("platform", "at", "words", "unsearched", "co_subjects"):
        facts.pop(inner, None)
    if "viewer_age" in facts:
        facts["user"] = {"age": facts.pop("viewer_age")}
    if "words" in request:
        facts["prompt"] = " ".join(request["words"])
    if "co_subjects" in request:
        facts["co_subjects"] = []
    return {"subjects": [subject["id"] for subject in world], **facts}


def known(request: Json) -> Json:
    """A generated request as far as a check can say it: others are known by their own ids, which
    the worlds have none of."""
    said = {name: value for name, value in request.items() if name != "unsearched"}
    return {**said, "co_subjects": []} if "co_subjects" in request else said


def as_online(world: list[Json]) -> list[Json]:
    """The same world with the holders' names that its bundle has, in the order of their ids."""
    return [
        {
            **subject,
            "owners": {
                f"{holder}_of_{subject['id']}": rules
                for holder, rules in sorted(subject["owners"].items())
            },
        }
        for subject in world
    ]


def told(decision: Decision, versions: set[str]) -> Json:
    """A decision as far as it is about rules that concern the platform."""
    return {
        "outcome": decision.outcome,
        "verdicts": decision.verdicts,
        "obligations": decision.obligations,
        "prices": decision.prices,
        "by_agreement": decision.by_agreement,
        "awaiting": decision.awaiting,
        "versions": versions.intersection(decision.rule_versions),
    }


@settings(deadline=None, max_examples=150)
@given(worlds(), requests)
def test_a_bundle_decides_as_the_rules_it_was_made_of(world: list[Json], said: Json) -> None:
    platform, now = said["platform"], said["at"]
    content = content_of(world, platform)
    bundle = opened(signed(content, now=now), platform)
    answer = bundle.decide(asking_of(said, world), now=now)
    asked = as_asked(as_online(world))
    request = as_request(known(said))
    online = decide(request, asked)
    if online.outcome is not Effect.DENY and any(covering(request, asked)):
        assert (answer.outcome, answer.why) == (Outcome.ASK_ONLINE, "quota")
        return
    assert answer.decision is not None
    assert answer.outcome == str(online.outcome)
    carried = {
        rule["version"] for holder in content["holders"].values() for rule in holder["rules"]
    }
    assert told(answer.decision, carried) == told(online, carried)
    if online.outcome is not Effect.DENY or "no_rule" not in {r.code for r in online.reasons}:
        # Only a near miss may be of a rule that does not concern the platform.
        assert answer.decision == online


@settings(deadline=None, max_examples=100)
@given(worlds(), st.sampled_from(PLATFORMS))
def test_a_bundle_names_no_other_platform(world: list[Json], platform: str) -> None:
    text = json.dumps(content_of(world, platform))
    for other in (OTHER, *PLATFORMS):
        assert (f'"{other}"' in text) == (other == platform)


@settings(deadline=None, max_examples=100)
@given(worlds(), requests)
def test_what_a_bundle_leaves_out_covers_nothing_that_its_platform_asks(
    world: list[Json], said: Json
) -> None:
    """Whole decisions, but for near misses, are the same over the rules that were left in."""
    platform = said["platform"]
    kept = {
        rule["version"]
        for holder in content_of(world, platform)["holders"].values()
        for rule in holder["rules"]
    }
    fewer = [
        {
            **subject,
            "owners": {
                holder: [rule for rule in rules if rule["version"] in kept]
                for holder, rules in subject["owners"].items()
            },
        }
        for subject in world
    ]
    request = as_request(said)
    whole, part = decide(request, as_asked(world)), decide(request, as_asked(fewer))
    assert told(whole, kept) == told(part, kept)


# -- One world, by hand -----------------------------------------------------------------------------
def bundle_of(*voices: bundling.Voice) -> Bundle:
    return opened(signed(content(*voices), now=NOW), "plt_a")


def test_owners_consent_by_territory() -> None:
    bundle = bundle_of(voice("hld_1", ALLOW), voice("hld_2", {"effect": "deny"}))
    outcomes = {
        territory: bundle.decide({**VIDEO, "territory": territory}, now=NOW).outcome
        for territory in ("US", "DE")
    }
    assert outcomes == {"US": "allow", "DE": "deny"}
    nowhere = {name: value for name, value in VIDEO.items() if name != "territory"}
    assert bundle.decide(nowhere, now=NOW).outcome == "deny"
    assert bundle.decide({**VIDEO, "subjects": ["chr_3"]}, now=NOW).outcome == "deny"


def test_who_has_never_said_anything_allows_nothing() -> None:
    assert bundle_of().decide(VIDEO, now=NOW).outcome == "deny"


def test_forbidden_words_are_found_whatever_they_look_like() -> None:
    bundle = bundle_of(voice("hld_1", {**ALLOW, "forbidden_words": ["Grand Rival"]}))
    for prompt, outcome in (
        ("a walk", "allow"),
        ("the GRAND  rіvаl", "deny"),  # with Cyrillic letters
    ):
        assert bundle.decide({**VIDEO, "prompt": prompt}, now=NOW).outcome == outcome
    assert bundle.decide(VIDEO, now=NOW).outcome == "deny"


def test_company_is_known_by_what_it_answers_to() -> None:
    shy = {**ALLOW, "co_appearance": {"never_with": ["hld_2"]}}
    bundle = bundle_of(voice("hld_1", shy), voice("hld_2", ALLOW))
    assert bundle.decide({**VIDEO, "co_subjects": []}, now=NOW).outcome == "allow"
    assert bundle.decide({**VIDEO, "co_subjects": ["chr_2"]}, now=NOW).outcome == "deny"
    both = {**VIDEO, "subjects": ["chr_1", "chr_2"], "co_subjects": []}
    assert bundle.decide(both, now=NOW).outcome == "deny"


def test_a_quota_is_never_allowed_offline_but_may_be_refused() -> None:
    limited = {**ALLOW, "quotas": [{"count": 5, "per": "day", "of": "everyone"}]}
    answer = bundle_of(voice("hld_1", limited)).decide(VIDEO, now=NOW)
    assert (answer.outcome, answer.why, answer.decision) == ("ask_online", "quota", None)
    # Another allow beside it does not help: online it would be drawn on all the same.
    both = bundle_of(voice("hld_1", limited, ALLOW)).decide(VIDEO, now=NOW)
    assert both.outcome == "ask_online"
    denied = bundle_of(voice("hld_1", limited, {"effect": "deny"})).decide(VIDEO, now=NOW)
    assert denied.outcome == "deny"
    elsewhere = {**limited, "territories": {"only": ["FR"]}}
    assert bundle_of(voice("hld_1", elsewhere)).decide(VIDEO, now=NOW).outcome == "deny"


def test_what_the_bundle_cannot_know_is_asked_online() -> None:
    bundle = bundle_of(voice("hld_1", ALLOW))
    for asking, now, why in (
        ({**VIDEO, "subjects": ["chr_new"]}, NOW, "unknown_subject"),
        ({**VIDEO, "co_subjects": ["chr_new"]}, NOW, "unknown_subject"),
        (VIDEO, NOW + timedelta(minutes=15), "expired"),
        (VIDEO, NOW - timedelta(minutes=2), "not_yet"),
    ):
        answer = bundle.decide(asking, now=now)
        assert (answer.outcome, answer.why) == ("ask_online", why)
    last = NOW + timedelta(minutes=14, seconds=59)
    assert bundle.decide(VIDEO, now=last).outcome == "allow"


def test_stops_are_those_for_this_platform() -> None:
    for scope, platform, outcome in (
        ("", "", "deny"),
        ("prp_1", "", "deny"),
        ("chr_1", "plt_a", "deny"),
        ("chr_2", "", "allow"),
        ("", "plt_b", "allow"),
    ):
        stop = Switch(scope=scope, platform=platform)
        answer = bundle_of(voice("hld_1", ALLOW, switches=(stop,))).decide(VIDEO, now=NOW)
        assert answer.outcome == outcome
        if outcome == "deny":
            assert answer.decision is not None
            assert [reason.code for reason in answer.decision.reasons] == ["kill_switch"]


@pytest.mark.parametrize(
    "asking",
    [
        {},
        {**VIDEO, "subjects": []},
        {**VIDEO, "subjects": ["chr_1", "chr_1"]},
        {**VIDEO, "co_subjects": ["chr_1"]},
        {**VIDEO, "action": "steal"},
        {**VIDEO, "content": {"violence": "some"}},
        {**VIDEO, "content": {"fun": "mild"}},
        {**VIDEO, "territoy": "US"},
        {"subjects": ["chr_1"]},
        {**VIDEO, "subjects": "chr_1"},
        {**VIDEO, "territory": "UK"},
        {**VIDEO, "territory": "us"},
        {**VIDEO, "purpose": "Political"},
        {**VIDEO, "audience": "anyone"},
        {**VIDEO, "language": "FR"},
        {**VIDEO, "model": ["x-1"]},
        {**VIDEO, "content": {"codes": ["Gore"]}},
        {**VIDEO, "content": {"codes": "gore"}},
        {**VIDEO, "duration_seconds": "5"},
        {**VIDEO, "duration_seconds": -5},
        {**VIDEO, "depicted_age": True},
        {**VIDEO, "user": {"age": 18.5}},
        {**VIDEO, "prompt": ["war"]},
        {**VIDEO, "parents": ["clip-1"], "remix_depth": 0},
        ["subjects"],
    ],
    ids=str,
)
def test_a_question_that_is_none_is_refused(asking: Json) -> None:
    with pytest.raises(BadAsking):
        bundle_of(voice("hld_1", ALLOW)).decide(asking, now=NOW)


def test_a_languages_case_means_nothing_here_either() -> None:
    brazil: Json = {"effect": "deny", "languages": ["pt-BR"]}
    bundle = bundle_of(voice("hld_1", ALLOW, brazil))
    assert bundle.decide({**VIDEO, "language": "pt-br"}, now=NOW).outcome == "deny"
    assert bundle.decide({**VIDEO, "language": "pt"}, now=NOW).outcome == "allow"


# -- Bundles that are none ---------------------------------------------------------------------------
def mangled(compact: str, change: Callable[[list[str]], None]) -> str:
    parts = compact.split(".")
    change(parts)
    return ".".join(parts)


def swap(place: int, with_: str) -> Callable[[list[str]], None]:
    def change(parts: list[str]) -> None:
        parts[place] = with_

    return change


GOOD = signed(content(voice("hld_1", ALLOW)), now=NOW)
OTHERS = signed(content(voice("hld_1", ALLOW, ALLOW)), now=NOW)
FORGED: dict[str, str] = {
    "nothing": "",
    "no JWS": "a.b",
    "another payload": mangled(GOOD, swap(1, OTHERS.split(".")[1])),
    "another signature": mangled(GOOD, swap(2, OTHERS.split(".")[2])),
    "no signature": mangled(GOOD, swap(2, "")),
    "padded": mangled(GOOD, lambda parts: swap(2, parts[2] + "==")(parts)),
    "an unknown key": mangled(
        GOOD, swap(0, "eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoieCIsInR5cCI6ImFzc2VudC1idW5kbGUrandzIn0")
    ),
    "a receipt": signed(content(), now=NOW, kind="assent-receipt+jws"),
    "another platform's": signed({**content(), "aud": "plt_b"}, now=NOW),
    "a form to come": signed({**content(), "form": FORM + 1}, now=NOW),
    "without its subjects": signed({**content(), "subjects": None}, now=NOW),
    "with a rule that is none": signed(content(voice("hld_1", {"effect": "maybe"})), now=NOW),
}


@pytest.mark.parametrize("compact", FORGED.values(), ids=FORGED)
def test_what_is_no_bundle_for_this_platform_is_refused(compact: str) -> None:
    with pytest.raises(BadBundle):
        opened(compact, "plt_a")


def test_the_form_counts_everything_that_a_rule_has() -> None:
    """Whoever adds a field has to count up `offline.FORM`, and then this list."""
    assert FORM == 1
    assert set(RuleBodyShape().fields) == {"effect", *OPTIONAL}
    assert len(OPTIONAL) == 22
    # And what is known of a version besides its body.
    beside = {"version", "rule", "scope", "notice", "answers"}
    made = {"body", "effect", "conditions", "others", "obligations", "price"}
    assert {field.name for field in fields(CompiledRule)} == beside | made
