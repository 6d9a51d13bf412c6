"""What a draft would change: stories that a rights holder can read."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from licensing.consent import approvals, rules, switches
from licensing.consent.models import ApprovalRequest
from tests.licensing.builders import build_ownership, build_property, build_subject
from tests.licensing.consent.builders import (
    NOW,
    ask,
    build_generator,
    build_studio,
    draft_rule,
    publish_rule,
)
from tests.licensing.simulation.builders import (
    LATER,
    amounts,
    changed,
    redraft,
    run,
    simulate,
    start,
    ways,
)

pytestmark = pytest.mark.django_db

CENT = {"amount": "0.01", "currency": "USD", "per": "generation"}
CLIPS = {
    "effect": "allow",
    "actions": ["generate_video"],
    "price": {"amount": "0.002", "currency": "USD", "per": "generation"},
}


def test_closing_a_territory_tells_what_flips_where_and_what_it_costs() -> None:
    studio, reel, sora = build_studio(), build_generator("Reel"), build_generator("Sora")
    hero = build_subject(studio.holder)
    rule = publish_rule(studio, CLIPS, subject=hero)
    for territory in ("DE", "DE", "US"):
        ask(reel, hero, territory=territory)
    ask(sora, hero, territory="DE")
    ask(sora, hero, action="train")
    redraft(studio, rule, {**CLIPS, "territories": {"except": ["DE"]}})

    result = simulate(studio, rule)

    assert (result["requests"], result["changed"]) == (5, 3)
    assert ways(result) == {"allow to deny": 3, "allow to allow": 1, "deny to deny": 1}
    assert changed(result, "platform") == {reel.platform.shown_id: 2, sora.platform.shown_id: 1}
    assert changed(result, "action") == {"generate_video": 3, "train": 0}
    assert changed(result, "territory") == {"DE": 3, "US": 0, None: 0}
    assert changed(result, "subject") == {hero.shown_id: 3}
    assert result["money"]["lost"]["requests"] == 3
    assert amounts(result["money"]["lost"]) == "0.006 USD"
    assert result["recorded"]["differ"] == 0
    (flipped,) = result["examples"]
    assert (flipped["was"], flipped["becomes"], len(flipped["requests"])) == ("allow", "deny", 2)
    example = flipped["requests"][0]
    assert example["platform"] == sora.platform.shown_id, "the newest comes first"
    assert example["issued_at"] == "2026-10-15T12:00:00Z"
    assert [reason["code"] for reason in example["reasons"]] == ["no_rule", "territory_not_covered"]
    assert example["would_allow"][0]["sentence"] == "Allowed if the territory were not Germany."
    assert example["facts"] == {"territory": "DE"}


def test_a_first_rule_opens_what_was_refused_at_its_own_price() -> None:
    studio, reel = build_studio(), build_generator()
    hero, villain = build_subject(studio.holder), build_subject(studio.holder)
    ask(reel, hero, duration_seconds=8)
    ask(reel, hero)
    ask(reel, villain, duration_seconds=8)
    price = {"amount": "0.0004", "currency": "USD", "per": "second"}
    draft = draft_rule(studio, subject=hero, price=price)

    result = simulate(studio, draft)

    assert ways(result) == {"deny to allow": 2}, "the villain is no business of this rule"
    gained = result["money"]["gained"]
    assert (gained["requests"], gained["unmeasured"]) == (2, 1)
    assert amounts(gained) == "0.0032 USD"
    assert amounts(result["money"]["lost"]) == ""


def test_another_price_is_told_as_the_difference_and_an_agreement_apart() -> None:
    studio, reel = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    rule = publish_rule(studio, CLIPS, subject=hero)
    for _ in range(3):
        ask(reel, hero)
    redraft(studio, rule, {**CLIPS, "price": CENT})
    repriced = simulate(studio, rule)["money"]["repriced"]
    assert (repriced["requests"], amounts(repriced)) == (3, "0.024 USD")
    redraft(studio, rule, {**CLIPS, "price": {**CENT, "amount": "0.0005"}})
    assert amounts(simulate(studio, rule)["money"]["repriced"]) == "-0.0045 USD"
    redraft(studio, rule, {**CLIPS, "price": {"per": "agreement"}})
    repriced = simulate(studio, rule)["money"]["repriced"]
    assert (repriced["requests"], repriced["by_agreement"]) == (3, 3)
    redraft(studio, rule, {"effect": "deny"})
    result = simulate(studio, rule)
    assert (ways(result), amounts(result["money"]["lost"])) == ({"allow to deny": 3}, "0.006 USD")


def test_a_request_for_several_generations_is_worth_as_many_prices() -> None:
    studio, reel = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    rule = publish_rule(studio, CLIPS, subject=hero)
    ask(reel, hero, generations=40, duration_seconds=5)
    redraft(studio, rule, {"effect": "deny"})
    assert amounts(simulate(studio, rule)["money"]["lost"]) == "0.08 USD"
    redraft(studio, rule, {**CLIPS, "price": {**CENT, "per": "second"}})
    assert amounts(simulate(studio, rule)["money"]["repriced"]) == "1.92 USD"


def test_what_has_ended_and_runs_on_does_so_beside_the_draft_too() -> None:
    studio, reel, sora = build_studio(), build_generator(), build_generator()
    hero = build_subject(studio.holder)
    rule = publish_rule(studio, CLIPS, subject=hero, revocation_notice_days=7)
    ask(reel, hero, territory="DE")
    redraft(studio, rule, {**CLIPS, "territories": {"only": ["US"]}})
    rules.publish(actor=studio.actor, now=NOW, rule=rule)
    # Reel has relied on the first wording, which runs on for it; Sora has not.
    assert ask(reel, hero, territory="DE").outcome == "allow"
    assert ask(sora, hero, territory="DE").outcome == "deny"
    assert ask(sora, hero, territory="US").outcome == "allow"
    redraft(studio, rule, {**CLIPS, "territories": {"only": ["FR"]}})
    result = simulate(studio, rule)
    assert ways(result) == {"allow to allow": 2, "deny to deny": 1, "allow to deny": 1}
    assert changed(result, "platform") == {sora.platform.shown_id: 1, reel.platform.shown_id: 0}
    assert result["notices"] == "run_out"


def test_what_would_have_to_be_asked_first() -> None:
    studio, reel = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    publish_rule(studio, CLIPS, subject=hero)
    ask(reel, hero, purpose="personal")
    ask(reel, hero, purpose="advertising")
    draft = draft_rule(studio, effect="needs_approval", purposes=["advertising"], subject=hero)
    result = simulate(studio, draft)
    assert ways(result) == {"allow to needs_approval": 1, "allow to allow": 1}
    assert result["examples"][0]["requests"][0]["would_allow"] == []
    assert amounts(result["money"]["lost"]) == "0.002 USD"


def test_a_rule_over_a_property_concerns_all_below_it_and_one_over_everything_all() -> None:
    studio, reel = build_studio(), build_generator()
    franchise = build_property(studio.holder)
    series = build_property(studio.holder, parent=franchise)
    inside, beside = build_subject(studio.holder, property=series), build_subject(studio.holder)
    ask(reel, inside)
    ask(reel, beside)
    assert ways(simulate(studio, draft_rule(studio, property=franchise))) == {"deny to allow": 1}
    assert ways(simulate(studio, draft_rule(studio))) == {"deny to allow": 2}


def test_what_others_own_or_own_by_now_is_not_replayed() -> None:
    studio, other, reel = build_studio(), build_studio(), build_generator()
    sold, kept = build_subject(studio.holder), build_subject(studio.holder)
    ask(reel, sold)
    ask(reel, kept)
    ask(reel, build_subject(other.holder))
    build_ownership(sold, {other.holder: 1}, effective_on=date(2026, 10, 15))
    result = simulate(studio, draft_rule(studio))
    assert changed(result, "subject") == {kept.shown_id: 1}


def test_what_others_would_allow_where_they_own_is_not_told() -> None:
    studio, abroad, reel = build_studio(), build_studio(), build_generator()
    hero = build_subject(studio.holder)
    build_ownership(hero, {abroad.holder: 1}, territory="JP")
    build_ownership(hero, {studio.holder: 1}, territory="FR")
    publish_rule(abroad)
    rule = publish_rule(studio, CLIPS, subject=hero)
    ask(reel, hero, territory="DE")
    redraft(studio, rule, {**CLIPS, "territories": {"except": ["DE"]}})
    (flipped,) = simulate(studio, rule)["examples"]
    assert [one["sentence"] for one in flipped["requests"][0]["would_allow"]] == [
        "Allowed if the territory were not Germany or Japan."
    ]


def test_of_a_shared_character_a_holder_sees_its_own_half_and_its_own_money() -> None:
    studio, partner, reel = build_studio(), build_studio(), build_generator()
    shared = build_subject(studio.holder, owners={studio.holder: 1, partner.holder: 1})
    theirs = build_subject(partner.holder)
    publish_rule(partner, price={**CENT, "amount": "5"})
    ask(reel, shared, theirs)
    draft = draft_rule(studio, price=CENT)
    result = simulate(studio, draft)
    assert ways(result) == {"deny to allow": 1}
    assert amounts(result["money"]["gained"]) == "0.01 USD"
    assert changed(result, "subject") == {shared.shown_id: 1}
    (example,) = result["examples"][0]["requests"]
    assert example["subjects"] == [shared.shown_id]
    assert {reason["holder"] for reason in example["reasons"]} == {studio.holder.shown_id}

    rules.publish(actor=studio.actor, now=NOW, rule=draft)
    ask(reel, shared, theirs)
    redraft(studio, draft, {"effect": "deny"})
    result = simulate(studio, draft)
    assert ways(result) == {"allow to deny": 2}
    assert amounts(result["money"]["lost"]) == "0.02 USD", "of the first no price was recorded"
    assert partner.holder.shown_id not in str(result)
    assert theirs.shown_id not in str(result)


def test_what_was_lost_is_told_at_the_price_recorded_then() -> None:
    studio, reel = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    rule = publish_rule(studio, CLIPS, subject=hero)
    ask(reel, hero)
    redraft(studio, rule, {**CLIPS, "price": CENT})
    rules.publish(actor=studio.actor, now=NOW, rule=rule)
    ask(reel, hero)
    redraft(studio, rule, {"effect": "deny"})
    assert amounts(simulate(studio, rule)["money"]["lost"]) == "0.012 USD"


def test_answers_that_the_rules_in_force_no_longer_give_are_told_apart() -> None:
    studio, reel = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    rule = publish_rule(studio, CLIPS, subject=hero)
    ask(reel, hero)
    rules.revoke(actor=studio.actor, now=NOW, rule=rule)
    ask(reel, hero)
    result = simulate(studio, draft_rule(studio, effect="deny", subject=hero))
    assert result["changed"] == 0
    assert (result["recorded"]["differ"], ways(result["recorded"])) == (
        1,
        {"allow to deny": 1, "deny to deny": 1},
    )


def test_a_word_that_nobody_looked_for_is_unknown_and_the_answers_that_hang_on_it_are_counted() -> (
    None
):
    studio, reel = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    rule = publish_rule(studio, {**CLIPS, "forbidden_words": ["mickey"]}, subject=hero)
    ask(reel, hero, prompt="a calm sea")
    ask(reel, hero, prompt="a calm sea with Mickey")
    ask(reel, hero)

    redraft(studio, rule, {**CLIPS, "forbidden_words": ["mickey"], "price": CENT})
    result = simulate(studio, rule)
    assert (ways(result), result["hang_on_words"]) == ({"allow to allow": 1, "deny to deny": 2}, 0)

    redraft(studio, rule, {**CLIPS, "forbidden_words": ["mickey", "rival"]})
    result = simulate(studio, rule)
    assert ways(result) == {"allow to deny": 1, "deny to deny": 2}
    assert result["hang_on_words"] == 1
    (example,) = result["examples"][0]["requests"]
    assert [reason["code"] for reason in example["reasons"]] == ["no_rule", "words_unknown"]

    # Once it is in force, prompts are searched for it.
    rules.publish(actor=studio.actor, now=NOW, rule=rule)
    ask(reel, hero, prompt="a calm sea")
    redraft(studio, rule, {**CLIPS, "forbidden_words": ["rival"]})
    result = simulate(studio, rule)
    assert ways(result) == {"deny to deny": 3, "allow to allow": 1}
    assert result["hang_on_words"] == 2, "of the first two nobody knows about the rival"


def test_a_kill_switch_stops_both_and_is_told() -> None:
    studio, reel = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    ask(reel, hero)
    switches.throw(actor=studio.actor, now=NOW, holder=studio.holder)
    result = simulate(studio, draft_rule(studio))
    assert (ways(result), result["stopped"]) == ({"deny to deny": 1}, 1)


def test_what_was_approved_counts_once_and_as_approved() -> None:
    studio, reel = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    rule = publish_rule(studio, effect="needs_approval", subject=hero, price=CENT)
    ask(reel, hero)
    ask(reel, hero)
    approvals.approve(
        actor=studio.actor, now=NOW, approval=ApprovalRequest.objects.order_by("pk")[0]
    )
    redraft(studio, rule, {"effect": "deny"})
    result = simulate(studio, rule)
    assert ways(result) == {"allow to deny": 1, "needs_approval to deny": 1}
    assert amounts(result["money"]["lost"]) == "0.01 USD"


def test_a_draft_that_begins_later_is_tried_as_of_its_beginning() -> None:
    studio, reel = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    ask(reel, hero)
    begins = NOW + timedelta(days=20)
    draft = draft_rule(studio, subject=hero, window={"from": begins.isoformat()})
    result = simulate(studio, draft)
    assert (ways(result), result["as_of"]) == ({"deny to allow": 1}, "2026-11-04T12:00:00Z")


def test_only_the_window_is_replayed() -> None:
    studio, reel = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    for days in (1, 6, 7, 8):
        ask(reel, hero, now=LATER - timedelta(days=days))
    ask(reel, hero, now=LATER)
    draft = draft_rule(studio, subject=hero)
    assert run(start(studio, draft, days=7))["requests"] == 3


def test_a_window_in_which_nobody_asked_changes_nothing() -> None:
    studio = build_studio()
    result = simulate(studio, draft_rule(studio))
    assert (result["requests"], result["ways"], result["examples"]) == (0, [], [])


def test_quotas_are_ignored_and_that_is_said() -> None:
    studio, reel = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    for _ in range(2):
        ask(reel, hero)
    quota = {"count": 1, "per": "day", "of": "everyone"}
    result = simulate(studio, draft_rule(studio, subject=hero, quotas=[quota]))
    assert (ways(result), result["quotas"]) == ({"deny to allow": 2}, "ignored")


def test_twenty_examples_of_each_way_and_a_hundred_values_of_each_kind() -> None:
    studio, reel = build_studio(), build_generator()
    heroes = [build_subject(studio.holder) for _ in range(103)]
    for hero in heroes:
        ask(reel, hero)
    result = simulate(studio, draft_rule(studio))
    assert [len(way["requests"]) for way in result["examples"]] == [20]
    found = result["by"]["subject"]
    assert len(found["values"]) == 100
    assert (found["other"]["values"], found["other"]["requests"], found["other"]["changed"]) == (
        3,
        3,
        3,
    )
