"""What was promised to go on goes on: for whom, until when, and against what it does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone

from licensing.catalog.models import Subject
from licensing.consent import approvals, facts, rules, switches
from licensing.consent.models import ApprovalRequest, ConsentCheck, ConsentRule, RuleVersion
from licensing.consent.replays import replay
from tests.client import ApiClient
from tests.licensing.builders import build_subject
from tests.licensing.consent.builders import (
    NOW,
    Generator,
    Studio,
    ask,
    build_generator,
    build_studio,
    publish_rule,
)

DAY = timedelta(days=1)
LATER = NOW + DAY
USD = {"currency": "USD", "per": "generation"}
WEEK: dict[str, Any] = {"revocation_notice_days": 7}


@pytest.fixture
def studio() -> Studio:
    return build_studio()


@pytest.fixture
def generator() -> Generator:
    return build_generator()


@pytest.fixture
def stranger() -> Generator:
    return build_generator()


@pytest.fixture
def hero(studio: Studio) -> Subject:
    return build_subject(studio.holder)


def said_anew(
    studio: Studio, rule: ConsentRule, body: Mapping[str, Any], *, now: datetime = NOW
) -> None:
    """The rule's next version, published."""
    seen = rules.etag_of(RuleVersion.objects.filter(rule=rule).latest("number"))
    rules.edit_draft(actor=studio.actor, now=now, rule=rule, seen=seen, body=body)
    rules.publish(actor=studio.actor, now=now, rule=rule)


@pytest.mark.django_db
def test_a_revoked_rule_runs_on_for_those_who_relied_on_it_until_its_notice_is_over(
    studio: Studio, generator: Generator, stranger: Generator, hero: Subject
) -> None:
    rule = publish_rule(studio, **WEEK)
    assert ask(generator, hero).outcome == "allow"
    version = rules.revoke(actor=studio.actor, now=LATER, rule=rule)
    over = LATER + timedelta(days=7)
    assert version.notice == {"until": over, "platforms": [generator.platform.pk]}
    last = over - timedelta(microseconds=1)
    assert [ask(generator, hero, now=at).outcome for at in (LATER, last, over)] == [
        "allow",
        "allow",
        "deny",
    ]
    # Nobody else can begin with it, not even by having been allowed something else.
    publish_rule(studio, actions=["index"])
    assert ask(stranger, hero, now=LATER, action="index").outcome == "allow"
    refused = ask(stranger, hero, now=LATER)
    assert refused.outcome == "deny"
    assert version.shown_id not in {reason.get("rule_version") for reason in refused.reasons}


@pytest.mark.django_db
def test_without_a_promise_or_without_anyone_who_relied_on_it_the_end_is_at_once(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    plain = publish_rule(studio, actions=["generate_video"])
    promised = publish_rule(studio, actions=["train"], **WEEK)
    assert ask(generator, hero).outcome == "allow"
    for rule in (plain, promised):
        assert rules.revoke(actor=studio.actor, now=NOW, rule=rule).notice is None
    assert ask(generator, hero).outcome == "deny"
    assert ask(generator, hero, action="train").outcome == "deny"


@pytest.mark.django_db
def test_the_next_version_does_not_cut_it_short_and_its_terms_go_on(
    studio: Studio, generator: Generator, stranger: Generator, hero: Subject
) -> None:
    rule = publish_rule(studio, price={"amount": "1", **USD}, **WEEK)
    assert ask(generator, hero, territory="DE").outcome == "allow"
    dearer = {
        "effect": "allow",
        "territories": {"except": ["DE"]},
        "price": {"amount": "5", **USD},
        "obligations": {"watermark": True},
    }
    said_anew(studio, rule, dearer)

    def price(platform: Generator, territory: str, now: datetime = NOW) -> list[Any]:
        check = ask(platform, hero, territory=territory, now=now)
        return [check.outcome, [part["amount"] for part in check.price["parts"]], check.obligations]

    # As agreed, also where the next version would allow it at another price.
    assert price(generator, "DE") == price(generator, "US") == ["allow", ["1.00"], {}]
    assert price(stranger, "DE") == ["deny", [], {}]
    assert price(stranger, "US") == ["allow", ["5.00"], {"watermark": True}]
    over = NOW + timedelta(days=7)
    assert price(generator, "DE", over) == ["deny", [], {}]
    assert price(generator, "US", over) == ["allow", ["5.00"], {"watermark": True}]


@pytest.mark.django_db
def test_neither_does_a_cheaper_one_reach_whoever_has_notice(
    studio: Studio, generator: Generator, stranger: Generator, hero: Subject
) -> None:
    agreed = {"price": {"amount": "5", **USD}, "obligations": {"watermark": True}}
    rule = publish_rule(studio, agreed, **WEEK)
    ask(generator, hero)
    said_anew(studio, rule, {"effect": "allow", "price": {"amount": "1", **USD}})
    for platform, amount, duties in (
        (generator, "5.00", {"watermark": True}),
        (stranger, "1.00", {}),
    ):
        check = ask(platform, hero)
        assert [part["amount"] for part in check.price["parts"]] == [amount]
        assert check.obligations == duties
        # The dearer of two would be five as well: it is the one version alone.
        (version,) = RuleVersion.objects.filter(pk__in=check.rule_versions)
        assert version.number == (1 if platform is generator else 2)


@pytest.mark.django_db
def test_over_the_api_a_notice_is_kept_to_its_last_moment_and_for_its_platforms_alone(
    studio: Studio, generator: Generator, stranger: Generator, hero: Subject
) -> None:
    holder = ApiClient(studio.actor)
    relied, other = ApiClient(generator.actor), ApiClient(stranger.actor)
    body = {"subjects": [hero.shown_id], "action": "generate_video"}

    def told(client: ApiClient) -> tuple[str, bool]:
        said = client.post("/consent-checks", body).json()
        return said["outcome"], said["receipt"] is not None

    with time_machine.travel(NOW, tick=False) as clock:
        path = f"/consent-rules/{publish_rule(studio, now=NOW, **WEEK).shown_id}"
        assert told(relied) == ("allow", True)
        clock.move_to(LATER)
        holder.post(f"{path}/revoke", If_Match=holder.get(path)["ETag"])
        over = LATER + timedelta(days=7)
        for moment in (LATER, over - timedelta(seconds=1)):
            clock.move_to(moment)
            assert told(relied) == ("allow", True)
            assert told(other) == ("deny", False)
        # A stop in the middle of it ends it at once; lifted, it is no longer than it was.
        switch = holder.post("/kill-switches", {}).json()["switch"]["id"]
        assert told(relied) == ("deny", False)
        holder.post(f"/kill-switches/{switch}/lift")
        assert told(relied) == ("allow", True)
        clock.move_to(over)
        assert told(relied) == ("deny", False)


@pytest.mark.django_db
def test_asking_from_now_on_leaves_those_alone_who_need_not_ask_yet(
    studio: Studio, generator: Generator, stranger: Generator, hero: Subject
) -> None:
    rule = publish_rule(studio, **WEEK)
    ask(generator, hero)
    said_anew(studio, rule, {"effect": "needs_approval"})
    assert ask(generator, hero).outcome == "allow"
    assert ask(stranger, hero).outcome == "needs_approval"
    # What another rule wants to be asked about was never promised.
    publish_rule(studio, effect="needs_approval", purposes=["news"])
    assert ask(generator, hero, purpose="news").outcome == "needs_approval"
    assert ask(generator, hero, purpose="personal").outcome == "allow"


@pytest.mark.django_db
def test_a_deny_wins_at_once_and_a_kill_switch_knows_no_notice(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    rule = publish_rule(studio, **WEEK)
    ask(generator, hero)
    rules.revoke(actor=studio.actor, now=NOW, rule=rule)
    assert ask(generator, hero).outcome == "allow"
    switch = switches.throw(actor=studio.actor, now=NOW, holder=studio.holder)
    assert ask(generator, hero).outcome == "deny"
    switches.lift(actor=studio.actor, now=NOW, switch=switch)
    assert ask(generator, hero).outcome == "allow"
    publish_rule(studio, effect="deny")
    assert ask(generator, hero).outcome == "deny"


@pytest.mark.django_db
def test_its_own_next_version_may_be_the_deny(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    rule = publish_rule(studio, **WEEK)
    ask(generator, hero)
    said_anew(studio, rule, {"effect": "deny"})
    assert ask(generator, hero).outcome == "deny"
    # A deny promises nothing: with its end it is over.
    said_anew(studio, rule, {"effect": "deny", **WEEK})
    rules.revoke(actor=studio.actor, now=NOW, rule=rule)
    assert ask(generator, hero).outcome == "allow"


@pytest.mark.django_db
def test_who_had_to_ask_may_go_on_asking(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    rule = publish_rule(studio, effect="needs_approval", **WEEK)
    ask(generator, hero)
    approvals.approve(actor=studio.actor, now=NOW, approval=ApprovalRequest.objects.get())
    rules.revoke(actor=studio.actor, now=NOW, rule=rule)
    assert ask(generator, hero).outcome == "needs_approval"
    # But not where it need not ask any more.
    publish_rule(studio)
    assert ask(generator, hero).outcome == "allow"


@pytest.mark.django_db
def test_the_quota_goes_on_being_counted_and_the_next_version_is_there_when_it_is_spent(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    def quotas(count: int) -> list[dict[str, Any]]:
        return [{"count": count, "per": "month", "of": "everyone"}]

    rule = publish_rule(studio, quotas=quotas(2), **WEEK)
    ask(generator, hero)
    said_anew(studio, rule, {"effect": "allow", "quotas": quotas(3)})
    checks = [ask(generator, hero) for _ in range(3)]
    assert [check.outcome for check in checks] == ["allow", "allow", "deny"]
    numbers = dict(RuleVersion.objects.values_list("pk", "number"))
    assert [numbers[check.rule_versions[0]] for check in checks[:2]] == [1, 2]


@pytest.mark.django_db
def test_every_decision_replays_whatever_has_run_out_since(
    studio: Studio, generator: Generator, stranger: Generator, hero: Subject
) -> None:
    def everyone(now: datetime) -> None:
        for platform in (generator, stranger):
            for action in ("generate_video", "index"):
                ask(platform, hero, now=now, action=action)

    rule = publish_rule(studio, actions=["generate_video"], **WEEK)
    ask(generator, hero)
    everyone(NOW)
    said_anew(studio, rule, {"effect": "needs_approval", "revocation_notice_days": 3}, now=LATER)
    everyone(LATER)
    rules.revoke(actor=studio.actor, now=LATER + DAY, rule=rule)
    for days in (1, 3, 7, 8, 9):
        everyone(NOW + timedelta(days=days))
    outcomes = set()
    for check in ConsentCheck.objects.all():
        again = replay(check)
        assert (str(again.outcome), facts.write_reasons(again.reasons)) == (
            check.outcome,
            check.reasons,
        )
        outcomes.add(check.outcome)
    assert outcomes == {"allow", "deny", "needs_approval"}


@pytest.mark.django_db
def test_the_answer_says_until_when_and_for_whom(
    studio: Studio, generator: Generator, stranger: Generator, hero: Subject
) -> None:
    rule = publish_rule(studio, now=timezone.now(), **WEEK)
    ask(generator, hero, now=timezone.now())
    client = ApiClient(studio.actor)
    path = f"/consent-rules/{rule.shown_id}"
    draft = client.patch(
        path, {"body": {"effect": "allow", **WEEK}}, If_Match=client.get(path)["ETag"]
    )
    published = client.post(f"{path}/publish", **{"If-Match": draft["ETag"]})
    superseded = published.json()["superseded"]
    assert superseded["version"]["number"] == 1
    assert superseded["version"]["notice"]["platforms"] == [generator.platform.shown_id]
    assert superseded["blast_radius"]["open_receipts"] == 1
    revoked = client.post(f"{path}/revoke", **{"If-Match": published["ETag"]}).json()
    notice = revoked["notice"]
    assert notice["platforms"] == [generator.platform.shown_id]
    version = RuleVersion.objects.get(rule=rule, number=2)
    assert version.ended_at is not None
    assert version.notice_until == version.ended_at + timedelta(days=7)
    assert [one["notice"] for one in client.get(f"{path}/versions").json()["data"]] == [
        notice,
        superseded["version"]["notice"],
    ]
    first = publish_rule(studio, now=timezone.now())
    seen = client.get(f"/consent-rules/{first.shown_id}")["ETag"]
    ended = client.post(f"/consent-rules/{first.shown_id}/revoke", **{"If-Match": seen}).json()
    assert ended["notice"] is None


@pytest.mark.django_db
def test_the_database_itself_keeps_the_promise(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    rule = publish_rule(studio, **WEEK)
    ask(generator, hero)
    (in_force,) = rule.versions.all()
    ended = {
        "state": "revoked",
        "ended_at": NOW,
        "ended_by": "someone",
        "ended_epoch": (in_force.published_epoch or 0) + 1,
        "notice_for": [generator.platform.pk],
    }
    for name, until in (
        ("rule_version_notice_as_promised", NOW + timedelta(days=6)),
        ("rule_version_notice_whole", None),
    ):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            RuleVersion.objects.filter(pk=in_force.pk).update(**ended, notice_until=until)
    version = rules.revoke(actor=studio.actor, now=NOW, rule=rule)
    changes: list[dict[str, Any]] = [
        {"notice_until": None, "notice_for": []},
        {"notice_for": [build_generator().platform.pk]},
    ]
    for change in changes:
        with pytest.raises(IntegrityError), transaction.atomic():
            RuleVersion.objects.filter(pk=version.pk).update(**change)
    with pytest.raises(IntegrityError, match="append_only"), transaction.atomic():
        rule.reliances.all().delete()
