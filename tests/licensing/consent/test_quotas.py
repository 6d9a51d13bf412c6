"""Quotas: how many a rule allows, counted in the transaction that decides."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from licensing.catalog.models import Subject
from licensing.consent import approvals, decisions, facts, rules
from licensing.consent.engine import quotas
from licensing.consent.engine.language import Interval
from licensing.consent.models import (
    ApprovalRequest,
    ConsentCheck,
    ConsentRule,
    QuotaUse,
    RuleVersion,
)
from licensing.consent.replays import replay
from tests.licensing.builders import build_property, build_subject
from tests.licensing.consent.builders import (
    NOW,
    Generator,
    Studio,
    ask,
    asking,
    build_generator,
    build_studio,
    codes,
    publish_rule,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def studio() -> Studio:
    return build_studio()


@pytest.fixture
def generator() -> Generator:
    return build_generator()


@pytest.fixture
def hero(studio: Studio) -> Subject:
    return build_subject(studio.holder)


def quota(count: int, per: str = "total", of: str = "everyone") -> dict[str, object]:
    return {"count": count, "per": per, "of": of}


def outcomes(generator: Generator, hero: Subject, times: int, **said: object) -> list[str]:
    return [ask(generator, hero, **said).outcome for _ in range(times)]  # type: ignore[arg-type]


@pytest.mark.django_db
def test_a_quota_allows_as_many_as_it_says(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    rule = publish_rule(studio, quotas=[quota(2)])
    assert outcomes(generator, hero, 3) == ["allow", "allow", "deny"]
    check = ask(generator, hero)
    assert codes(check) == ["no_rule", "quota_spent"]
    assert check.reasons[1]["rule_version"] == rule.versions.get().shown_id
    # It never has room again, so nothing the platform could say would help.
    assert check.would_allow == []
    assert QuotaUse.objects.get().used == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("per", "next_one"),
    [
        ("hour", datetime(2026, 10, 15, 13, tzinfo=UTC)),
        ("day", datetime(2026, 10, 16, tzinfo=UTC)),
        ("month", datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
def test_the_next_interval_of_the_calendar_has_room_again_and_the_refusal_says_when(
    studio: Studio, generator: Generator, hero: Subject, per: str, next_one: datetime
) -> None:
    publish_rule(studio, quotas=[quota(1, per)])
    assert outcomes(generator, hero, 2) == ["allow", "deny"]
    last = next_one - timedelta(microseconds=1)
    refused = ask(generator, hero, now=last)
    assert [option["changes"] for option in refused.would_allow] == [
        [{"fact": "at", "relation": "from", "values": [next_one.isoformat()]}]
    ]
    assert outcomes(generator, hero, 2, now=next_one) == ["allow", "deny"]


@pytest.mark.django_db
def test_when_there_is_room_again_is_said_only_if_it_is_so(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    publish_rule(studio, quotas=[quota(1, "hour"), quota(2, "month")])
    publish_rule(studio, effect="deny", window={"from": "2026-11-01T00:00:00Z"})
    assert ask(generator, hero).outcome == "allow"
    assert ask(generator, hero).would_allow[0]["changes"][0]["values"] == [(NOW + HOUR).isoformat()]
    assert ask(generator, hero, now=NOW + HOUR).outcome == "allow"
    # The month is full, and when the next one begins there is a deny.
    assert ask(generator, hero, now=NOW + 2 * HOUR).would_allow == []


@pytest.mark.django_db
def test_each_platform_has_its_own_or_all_share_one(studio: Studio, hero: Subject) -> None:
    first, second = build_generator(), build_generator()
    publish_rule(studio, quotas=[quota(2, "day", "platform"), quota(3, "day", "everyone")])
    assert outcomes(first, hero, 3) == ["allow", "allow", "deny"]
    assert outcomes(second, hero, 2) == ["allow", "deny"]
    counted = {use.platform_id: use.used for use in QuotaUse.objects.all()}
    assert counted == {None: 3, first.platform.pk: 2, second.platform.pk: 1}


@pytest.mark.django_db
def test_a_rule_goes_on_counting_through_its_versions(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    rule = publish_rule(studio, quotas=[quota(3)])
    assert outcomes(generator, hero, 2) == ["allow", "allow"]
    said_again(studio, rule, 3)
    assert outcomes(generator, hero, 2) == ["allow", "deny"]
    said_again(studio, rule, 4)
    assert outcomes(generator, hero, 2) == ["allow", "deny"]
    # Fewer than there have been already: there is no room, and nothing is taken back.
    said_again(studio, rule, 1)
    assert outcomes(generator, hero, 1) == ["deny"]
    assert QuotaUse.objects.get().used == 4


def said_again(studio: Studio, rule: ConsentRule, count: int) -> None:
    latest = RuleVersion.objects.filter(rule=rule).latest("number")
    body = {"effect": "allow", "quotas": [quota(count)]}
    seen = rules.etag_of(latest)
    rules.edit_draft(actor=studio.actor, now=NOW, rule=rule, seen=seen, body=body)
    rules.publish(actor=studio.actor, now=NOW, rule=rule)


@pytest.mark.django_db
def test_only_an_allow_draws_and_every_rule_that_allows_is_drawn_on(generator: Generator) -> None:
    mine, theirs = build_studio(), build_studio()
    shared = build_subject(mine.holder, owners={mine.holder: 1, theirs.holder: 1})
    publish_rule(mine, quotas=[quota(9)])
    assert ask(generator, shared).outcome == "deny"
    assert not QuotaUse.objects.filter(used__gt=0).exists()
    publish_rule(theirs, quotas=[quota(2)])
    assert outcomes(generator, shared, 3) == ["allow", "allow", "deny"]
    assert sorted(QuotaUse.objects.values_list("used", flat=True)) == [2, 2]


@pytest.mark.django_db
def test_another_rule_allows_what_a_spent_one_does_not(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    usd = {"currency": "USD", "per": "generation"}
    cheap = publish_rule(studio, subject=hero, quotas=[quota(1)], price={"amount": "1", **usd})
    publish_rule(studio, price={"amount": "2", **usd})
    checks = [ask(generator, hero) for _ in range(2)]
    assert [check.outcome for check in checks] == ["allow", "allow"]
    assert [check.price["parts"][0]["amount"] for check in checks] == ["1.00", "2.00"]
    assert cheap.versions.get().pk not in checks[1].rule_versions


@pytest.mark.django_db
def test_a_batch_gets_what_is_left_in_its_order(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    publish_rule(studio, quotas=[quota(3)])
    checks = decisions.check_all(
        actor=generator.actor,
        now=NOW,
        platform=generator.platform,
        askings=[asking(generator.platform, hero) for _ in range(5)],
    )
    assert [check.outcome for check in checks] == ["allow"] * 3 + ["deny"] * 2
    assert QuotaUse.objects.get().used == 3


@pytest.mark.django_db
def test_a_check_for_several_generations_draws_them_all_or_none(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    publish_rule(studio, quotas=[quota(10, "hour"), quota(1000)])

    def several(generations: int) -> ConsentCheck:
        question = asking(generator.platform, hero)
        question = decisions.Asking(
            subjects=question.subjects, request=question.request, generations=generations
        )
        return decisions.check(
            actor=generator.actor, now=NOW, platform=generator.platform, asking=question
        )

    assert [several(n).outcome for n in (6, 5, 4, 1)] == ["allow", "deny", "allow", "deny"]
    # Eleven never have room in an hour.
    assert several(11).would_allow == []
    assert sorted(QuotaUse.objects.values_list("per", "used")) == [("hour", 10), ("total", 10)]


@pytest.mark.django_db
def test_what_needs_approval_draws_when_it_is_granted(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    publish_rule(studio, effect="needs_approval", quotas=[quota(1)])
    # An allow that would be met next: who wants to be asked is not passed over.
    publish_rule(studio)
    asked = [ask(generator, hero) for _ in range(2)]
    assert [check.outcome for check in asked] == ["needs_approval", "needs_approval"]
    assert not QuotaUse.objects.filter(used__gt=0).exists()
    first, second = ApprovalRequest.objects.order_by("pk")
    approvals.approve(actor=studio.actor, now=NOW, approval=first)
    assert QuotaUse.objects.get().used == 1
    with pytest.raises(approvals.NoLongerPossible):
        approvals.approve(actor=studio.actor, now=NOW, approval=second)
    spent = ask(generator, hero)
    assert (spent.outcome, codes(spent)) == ("deny", ["quota_spent"])
    assert QuotaUse.objects.get().used == 1


@pytest.mark.django_db
def test_what_was_spent_is_among_the_facts_so_that_every_decision_replays(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    publish_rule(studio, quotas=[quota(1, "hour")])
    publish_rule(studio, subject=hero, quotas=[quota(1, "hour", "platform")], actions=["index"])
    made = [ask(generator, hero, action=action) for action in ("index", "train", "index")]
    made.append(ask(generator, hero, now=NOW + HOUR))
    assert [check.outcome for check in made] == ["allow", "deny", "deny", "allow"]
    for check in ConsentCheck.objects.all():
        again = replay(check)
        assert str(again.outcome) == check.outcome
        assert facts.write_reasons(again.reasons) == check.reasons


@pytest.mark.django_db
def test_a_check_without_a_quota_reads_no_counter(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    publish_rule(studio, subject=hero)
    publish_rule(studio, subject=build_subject(studio.holder), quotas=[quota(1)])
    before = reads_of_counters()
    assert ask(generator, hero).outcome == "allow"
    assert reads_of_counters() == before
    publish_rule(studio, subject=hero, quotas=[quota(1)], actions=["index"])
    assert ask(generator, hero).outcome == "allow"
    assert reads_of_counters() > before


def reads_of_counters() -> int:
    """How often this transaction has read the counters' table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq_scan + COALESCE(idx_scan, 0) FROM pg_stat_xact_user_tables"
            " WHERE relname = 'consent_quotause'"
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0


@pytest.mark.django_db
def test_the_database_itself_lets_nobody_exceed_or_turn_back(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    publish_rule(studio, quotas=[quota(2, "hour")])
    ask(generator, hero)
    counter = QuotaUse.objects.get()
    for change in (
        {"used": 3},
        {"used": 0},
        {"most": 0},
        {"starts_at": counter.starts_at + HOUR},
        {"per": "day"},
        {"platform": generator.platform},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            QuotaUse.objects.filter(pk=counter.pk).update(**change)
    with pytest.raises(IntegrityError, match="append_only"), transaction.atomic():
        QuotaUse.objects.all().delete()
    with pytest.raises(IntegrityError, match="quota_use_at_interval_start"), transaction.atomic():
        QuotaUse.objects.create(rule=counter.rule, per="day", starts_at=NOW, used=0, most=1)


@pytest.mark.django_db
def test_a_property_and_a_subject_each_keep_their_count(
    studio: Studio, generator: Generator
) -> None:
    franchise = build_property(studio.holder)
    one, other = (build_subject(studio.holder, property=franchise) for _ in range(2))
    publish_rule(studio, property=franchise, quotas=[quota(3, "day")])
    rule = publish_rule(studio, subject=one, quotas=[quota(1, "day")])
    # Both allow the first; then the franchise's alone; one request is one, however many appear.
    assert ask(generator, one).outcome == "allow"
    assert ask(generator, one, other).outcome == "allow"
    used = Counter({use.rule_id == rule.pk: use.used for use in QuotaUse.objects.all()})
    assert used == {True: 1, False: 2}


moments = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(moments, st.sampled_from(Interval))
def test_intervals_follow_one_another_without_a_gap(at: datetime, per: Interval) -> None:
    start, over = quotas.begin(per, at), quotas.end(per, at)
    assert start <= at
    assert quotas.begin(per, start) == start
    if over is None:
        assert per is Interval.TOTAL
        return
    assert at < over
    assert quotas.begin(per, over) == over
    assert quotas.begin(per, over - timedelta(microseconds=1)) == start


@given(moments, st.sampled_from(Interval), st.integers(-12, 14))
def test_intervals_are_utcs_wherever_the_clock_stands(
    at: datetime, per: Interval, hours: int
) -> None:
    there = at.astimezone(timezone(timedelta(hours=hours)))
    assert quotas.begin(per, there) == quotas.begin(per, at)
