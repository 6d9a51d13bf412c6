"""What a platform is told, and why."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from ledger.errors import NotFound
from ledger.ids import new_id
from licensing.consent import decisions, facts, rules, switches
from licensing.consent.decisions import Asking, ModeMismatch
from licensing.consent.models import ConsentCheck, RuleVersion
from licensing.consent.replays import replay
from tests.licensing.builders import build_ownership, build_property, build_subject
from tests.licensing.consent.builders import (
    NOW,
    ask,
    asking,
    build_generator,
    build_studio,
    codes,
    publish_rule,
)

pytestmark = pytest.mark.django_db
ONE_A_DAY = {"count": 1, "per": "day", "of": "everyone"}


def sentences(check: ConsentCheck) -> list[str]:
    return [option["sentence"] for option in check.would_allow]


def test_without_a_rule_there_is_no_consent() -> None:
    studio, generator = build_studio(), build_generator()
    check = ask(generator, build_subject(studio.holder))
    assert (check.outcome, codes(check)) == ("deny", ["no_rule"])
    assert check.receipt is None
    assert check.expires_at is None


def test_an_allow_carries_its_price_obligations_and_a_receipt_for_a_day() -> None:
    studio, generator = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    rule = publish_rule(
        studio,
        subject=hero,
        actions=["generate_video"],
        obligations={"watermark": True, "report_within_hours": 24},
        price={"amount": "0.002", "currency": "USD", "per": "generation"},
    )
    check = ask(generator, hero)
    assert check.outcome == "allow"
    assert codes(check) == ["allowed"]
    assert check.obligations == {"watermark": True, "report_within_hours": 24}
    assert check.price["parts"] == [{"amount": "0.002", "currency": "USD", "per": "generation"}]
    assert check.rule_versions == [rule.versions.get().pk]
    assert check.receipt
    assert check.expires_at == NOW + timedelta(hours=24)
    assert check.would_allow == []


def test_a_deny_wins_at_any_level_over_an_allow_at_any_level() -> None:
    studio, generator = build_studio(), build_generator()
    franchise = build_property(studio.holder)
    series = build_property(studio.holder, parent=franchise)
    hero = build_subject(studio.holder, property=series)
    publish_rule(studio, subject=hero)
    publish_rule(studio, effect="deny", property=franchise, purposes=["political"])
    assert ask(generator, hero, purpose="personal").outcome == "allow"
    assert ask(generator, hero, purpose="political").outcome == "deny"
    # The purpose is not said: it may be political.
    assert codes(ask(generator, hero)) == ["denied"]


def test_a_rule_on_a_property_covers_everything_below_it_and_nothing_beside_it() -> None:
    studio, generator = build_studio(), build_generator()
    franchise = build_property(studio.holder)
    series = build_property(studio.holder, parent=franchise)
    inside = build_subject(studio.holder, property=series)
    beside = build_subject(studio.holder, property=build_property(studio.holder))
    publish_rule(studio, property=franchise)
    assert ask(generator, inside).outcome == "allow"
    assert ask(generator, beside).outcome == "deny"


def test_an_allow_for_some_territories_needs_to_hear_the_territory() -> None:
    studio, generator = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    publish_rule(studio, territories={"except": ["DE"]})
    assert ask(generator, hero, territory="US").outcome == "allow"
    silent, german = ask(generator, hero), ask(generator, hero, territory="DE")
    assert codes(silent) == ["no_rule", "territory_unknown"]
    assert codes(german) == ["no_rule", "territory_not_covered"]
    assert sentences(german) == ["Allowed if the territory were not Germany."]


def test_every_subject_of_a_request_must_be_allowed_and_prices_add() -> None:
    studio, generator = build_studio(), build_generator()
    hero, friend = build_subject(studio.holder), build_subject(studio.holder)
    usd = {"currency": "USD", "per": "generation"}
    publish_rule(studio, subject=hero, price={"amount": "0.002", **usd})
    assert ask(generator, hero, friend).outcome == "deny"
    publish_rule(
        studio,
        subject=friend,
        price={"amount": "0.01", **usd},
        obligations={"attribution": "© Friends"},
    )
    both = ask(generator, hero, friend)
    assert both.outcome == "allow"
    assert both.price["parts"] == [{"amount": "0.012", **usd}]
    assert both.obligations == {"attribution": ["© Friends"]}


def test_the_nearest_rule_prices_and_the_strictest_obligations_hold() -> None:
    studio, generator = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    usd = {"currency": "USD", "per": "generation"}
    publish_rule(
        studio,
        price={"amount": "0.5", **usd},
        obligations={"watermark": True, "report_within_hours": 48},
    )
    publish_rule(
        studio,
        subject=hero,
        price={"amount": "0.002", **usd},
        obligations={"report_within_hours": 2},
    )
    check = ask(generator, hero)
    assert check.price["parts"] == [{"amount": "0.002", **usd}]
    assert check.obligations == {"watermark": True, "report_within_hours": 2}


def test_all_owners_must_consent_unless_one_does_for_them() -> None:
    first, second, generator = build_studio(), build_studio(), build_generator()
    shared = build_subject(first.holder, owners={first.holder: 2, second.holder: 1})
    publish_rule(first)
    alone = ask(generator, shared)
    assert alone.outcome == "deny"
    assert [reason["holder"] for reason in alone.reasons] == [second.holder.shown_id]
    shared.consenting_holder = first.holder
    shared.save()
    assert ask(generator, shared).outcome == "allow"
    shared.consenting_holder = None
    shared.save()
    publish_rule(second)
    assert ask(generator, shared).outcome == "allow"


def test_owners_are_those_in_force_in_the_territory_on_the_day() -> None:
    here, abroad, generator = build_studio(), build_studio(), build_generator()
    hero = build_subject(here.holder)
    build_ownership(hero, {abroad.holder: 1}, territory="JP", effective_on=date(2026, 10, 15))
    publish_rule(here)
    assert ask(generator, hero, territory="US").outcome == "allow"
    assert ask(generator, hero, territory="JP").outcome == "deny"
    assert ask(generator, hero, territory="JP", now=NOW - timedelta(days=1)).outcome == "allow"
    # Where is not said: it may be in either.
    assert ask(generator, hero).outcome == "deny"
    publish_rule(abroad)
    assert ask(generator, hero, territory="JP").outcome == "allow"
    assert ask(generator, hero).outcome == "allow"


def test_another_territory_is_proposed_where_those_who_own_it_there_would_allow_it() -> None:
    here, abroad, generator = build_studio(), build_studio(), build_generator()
    hero = build_subject(here.holder)
    build_ownership(hero, {abroad.holder: 1}, territory="JP")
    publish_rule(here, territories={"except": ["DE"]})

    def proposed(**said: Any) -> list[str]:
        return sentences(ask(generator, hero, territory="DE", **said))

    # Whoever owns it in Japan has not said anything, whatever the others say about Japan.
    assert proposed() == ["Allowed if the territory were not Germany or Japan."]
    rule = publish_rule(abroad, forbidden_words=["rival"], quotas=[ONE_A_DAY])
    assert proposed(prompt="a walk") == ["Allowed if the territory were not Germany."]
    # What they forbid there is looked for in the prompt, though they are not asked here.
    assert proposed(prompt="a rival") == ["Allowed if the territory were not Germany or Japan."]
    # So is what is left of their quota.
    assert ask(generator, hero, territory="JP", prompt="a walk").outcome == "allow"
    assert proposed(prompt="a walk") == ["Allowed if the territory were not Germany or Japan."]
    rules.revoke(actor=abroad.actor, now=NOW, rule=rule)
    publish_rule(abroad)
    assert proposed() == ["Allowed if the territory were not Germany."]
    switches.throw(actor=abroad.actor, now=NOW, holder=abroad.holder)
    assert proposed() == ["Allowed if the territory were not Germany or Japan."]


def test_what_was_stopped_here_may_be_free_elsewhere() -> None:
    here, abroad, generator = build_studio(), build_studio(), build_generator()
    hero = build_subject(here.holder)
    build_ownership(hero, {abroad.holder: 1}, territory="JP")
    switches.throw(actor=here.actor, now=NOW, holder=here.holder)
    publish_rule(abroad, purposes=["news"])
    stopped = ask(generator, hero, territory="US")
    assert codes(stopped) == ["no_rule", "kill_switch"]
    assert sentences(stopped) == ["Allowed if the purpose were news and the territory were Japan."]


def test_forbidden_words_are_found_whatever_they_look_like_and_never_kept() -> None:
    studio, generator = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    publish_rule(studio, forbidden_words=["Mickey", "ass", "big rival"])
    assert ask(generator, hero, prompt="a classic assembly by the sea").outcome == "allow"
    for prompt in ("with Mіckey", "MICKEY!", "mic\u00adkey", "a big, RIVAL dog", "ａｓｓ"):
        assert ask(generator, hero, prompt=prompt).outcome == "deny", prompt
    assert codes(ask(generator, hero)) == ["no_rule", "words_unknown"]
    kept = ask(generator, hero, prompt="a secret plan with mickey")
    assert kept.facts["request"]["words"] == ["rnickey"]
    assert "secret" not in str(ConsentCheck.objects.filter(pk=kept.pk).values().get())


def test_who_else_appears_is_part_of_the_question() -> None:
    studio, rival, generator = build_studio(), build_studio(), build_generator()
    hero, mascot = build_subject(studio.holder), build_subject(rival.holder)
    publish_rule(studio, co_appearance={"never_with": [rival.holder.shown_id]})
    publish_rule(rival)
    assert ask(generator, hero, co_subjects=()).outcome == "allow"
    assert codes(ask(generator, hero)) == ["no_rule", "co_subjects_unknown"]
    assert ask(generator, hero, co_subjects=(mascot,)).outcome == "deny"
    assert ask(generator, hero, mascot, co_subjects=()).outcome == "deny"


def test_a_window_is_half_open() -> None:
    studio, generator = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    start, end = NOW + timedelta(days=1), NOW + timedelta(days=2)
    publish_rule(studio, window={"from": start.isoformat(), "to": end.isoformat()})
    outcomes = [
        ask(generator, hero, now=moment).outcome
        for moment in (NOW, start - timedelta(microseconds=1), start, end)
    ]
    assert outcomes == ["deny", "deny", "allow", "deny"]


def test_publishing_again_supersedes_and_revoking_ends() -> None:
    studio, generator = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    rule = publish_rule(studio, actions=["generate_video"])
    assert ask(generator, hero).outcome == "allow"
    first = rule.versions.get()
    rules.edit_draft(
        actor=studio.actor,
        now=NOW,
        rule=rule,
        seen=rules.etag_of(first),
        body={"effect": "allow", "actions": ["generate_image"]},
    )
    assert ask(generator, hero).outcome == "allow"
    rules.publish(actor=studio.actor, now=NOW, rule=rule)
    assert ask(generator, hero).outcome == "deny"
    assert ask(generator, hero, action="generate_image").outcome == "allow"
    rules.revoke(actor=studio.actor, now=NOW, rule=rule)
    assert ask(generator, hero, action="generate_image").outcome == "deny"
    states = list(rule.versions.order_by("number").values_list("state", flat=True))
    assert states == ["superseded", "revoked"]


def test_a_kill_switch_stops_what_it_is_over_until_it_is_lifted() -> None:
    studio, first, second = build_studio(), build_generator(), build_generator()
    franchise = build_property(studio.holder)
    hero = build_subject(studio.holder, property=franchise)
    other = build_subject(studio.holder)
    publish_rule(studio)
    switch = switches.throw(
        actor=studio.actor,
        now=NOW,
        holder=studio.holder,
        scope=rules.Scope(property=franchise),
        platform=first.platform,
    )
    stopped = ask(first, hero)
    assert (stopped.outcome, codes(stopped)) == ("deny", ["kill_switch"])
    assert stopped.would_allow == []
    assert ask(first, other).outcome == "allow"
    assert ask(second, hero).outcome == "allow"
    switches.lift(actor=studio.actor, now=NOW, switch=switch)
    assert ask(first, hero).outcome == "allow"


def test_every_decision_replays_to_the_same_answer_whatever_has_happened_since() -> None:
    studio, partner, generator = build_studio(), build_studio(), build_generator()
    hero = build_subject(studio.holder, owners={studio.holder: 1, partner.holder: 1})
    made = [ask(generator, hero)]
    rule = publish_rule(studio, territories={"only": ["US", "FR"]}, forbidden_words=["rival"])
    made.append(ask(generator, hero, territory="US", prompt="hello"))
    publish_rule(partner, obligations={"watermark": True})
    made.append(ask(generator, hero, territory="US", prompt="hello"))
    made.append(ask(generator, hero, territory="US", prompt="the rival"))
    asked = publish_rule(partner, effect="needs_approval", purposes=["commercial"])
    made.append(ask(generator, hero, territory="FR", prompt="x", purpose="commercial"))
    switch = switches.throw(actor=studio.actor, now=NOW, holder=studio.holder)
    made.append(ask(generator, hero, territory="US", prompt="hello"))
    switches.lift(actor=studio.actor, now=NOW, switch=switch)
    rules.revoke(actor=studio.actor, now=NOW, rule=rule)
    rules.revoke(actor=partner.actor, now=NOW, rule=asked)
    build_ownership(hero, {partner.holder: 1}, effective_on=date(2026, 10, 1))
    made.append(ask(generator, hero, territory="US", prompt="hello"))
    outcomes = [check.outcome for check in made]
    assert outcomes == ["deny", "deny", "allow", "deny", "needs_approval", "deny", "allow"]
    for check in ConsentCheck.objects.filter(pk__in=[check.pk for check in made]):
        again = replay(check)
        assert str(again.outcome) == check.outcome
        assert facts.write_reasons(again.reasons) == check.reasons
        assert [version.shown_id for version in _versions(check)] == list(again.rule_versions)


def _versions(check: ConsentCheck) -> list[RuleVersion]:
    return list(RuleVersion.objects.filter(pk__in=check.rule_versions).order_by("pk"))


def test_unknown_subjects_and_the_other_mode_are_told_apart() -> None:
    studio, generator = build_studio(mode="live"), build_generator(mode="test")
    hero = build_subject(studio.holder)
    with pytest.raises(ModeMismatch):
        ask(generator, hero)
    nobody = Asking(subjects=(new_id(),), request=asking(generator.platform, hero).request)
    with pytest.raises(NotFound):
        decisions.check(actor=generator.actor, now=NOW, platform=generator.platform, asking=nobody)
    assert not ConsentCheck.objects.exists()


def test_a_batch_is_decided_one_by_one_and_written_all_or_none() -> None:
    studio, generator = build_studio(), build_generator()
    heroes = [build_subject(studio.holder) for _ in range(3)]
    publish_rule(studio, subject=heroes[0])
    askings = [asking(generator.platform, hero) for hero in heroes]
    checks = decisions.check_all(
        actor=generator.actor, now=NOW, platform=generator.platform, askings=askings
    )
    assert [check.outcome for check in checks] == ["allow", "deny", "deny"]
    broken = Asking(subjects=(new_id(),), request=askings[0].request)
    with pytest.raises(NotFound):
        decisions.check_all(
            actor=generator.actor,
            now=NOW,
            platform=generator.platform,
            askings=[*askings, broken],
        )
    assert ConsentCheck.objects.count() == 3


def test_what_was_decided_can_neither_be_changed_nor_removed() -> None:
    studio, generator = build_studio(), build_generator()
    ask(generator, build_subject(studio.holder))
    with connection.cursor() as cursor:
        # What is still to be checked of the rows would refuse the TRUNCATE before the trigger does.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for statement in (
        "UPDATE consent_consentcheck SET outcome = 'allow'",
        "DELETE FROM consent_consentcheck",
        "TRUNCATE consent_consentcheck CASCADE",
    ):
        with (
            pytest.raises(IntegrityError, match="append_only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_a_check_reads_no_rule_that_has_not_changed() -> None:
    """However many rules of other subjects there are, only a new epoch makes them be read."""
    studio, generator = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    publish_rule(studio, subject=hero)
    for _ in range(20):
        publish_rule(studio, subject=build_subject(studio.holder))
    before = _reads_of_rules()
    ask(generator, hero)
    first = _reads_of_rules()
    for _ in range(5):
        ask(generator, hero)
    assert before < first == _reads_of_rules()
    publish_rule(studio, subject=hero, effect="deny")
    changed = _reads_of_rules()
    assert ask(generator, hero).outcome == "deny"
    assert _reads_of_rules() > changed


def _reads_of_rules() -> int:
    """How often this transaction has read the table of rule versions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq_scan + COALESCE(idx_scan, 0) FROM pg_stat_xact_user_tables"
            " WHERE relname = 'consent_ruleversion'"
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0
