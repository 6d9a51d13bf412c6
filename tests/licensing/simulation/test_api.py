"""Simulations over the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from licensing.access.models import AuditRecord
from licensing.consent import rules
from licensing.consent.models import ConsentRule
from licensing.simulation.models import Simulation
from tests.client import ApiClient
from tests.licensing.builders import build_house, build_subject, with_scopes
from tests.licensing.consent.builders import (
    Studio,
    ask,
    build_generator,
    build_studio,
    draft_rule,
    publish_rule,
)
from tests.licensing.simulation.builders import redraft, run

pytestmark = pytest.mark.django_db


def asked_twice() -> tuple[Studio, ConsentRule]:
    """A studio whose character was asked for twice in the last hour, and its draft to refuse."""
    studio, reel = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    moment = timezone.now() - timedelta(hours=1)
    publish_rule(studio, subject=hero, now=moment)
    for territory in ("US", "DE"):
        ask(reel, hero, territory=territory, now=moment)
    draft = draft_rule(
        studio, effect="deny", territories={"only": ["DE"]}, subject=hero, now=moment
    )
    return studio, draft


def test_a_holder_starts_one_follows_it_and_reads_what_would_change() -> None:
    studio, draft = asked_twice()
    client = ApiClient(studio.actor)
    created = client.post("/simulations", {"rule": draft.shown_id, "days": 7})
    assert created.status_code == 201
    told = created.json()
    assert (told["state"], told["requests"], told["result"]) == ("queued", None, None)
    assert (told["rule"], told["revision"], told["of_latest"]) == (draft.shown_id, 1, True)

    run(Simulation.objects.get(), now=timezone.now())

    found = client.get(f"/simulations/{told['id']}").json()
    assert (found["state"], found["requests"], found["replayed"]) == ("done", 2, 2)
    assert found["result"]["changed"] == 1
    assert found["result"]["examples"][0]["requests"][0]["facts"] == {"territory": "DE"}
    listed = client.get("/simulations", {"rule": draft.shown_id, "state": "done"}).json()["data"]
    assert [each["id"] for each in listed] == [told["id"]]
    assert "result" not in listed[0]
    verbs = (
        AuditRecord.objects.filter(thing=told["id"]).order_by("pk").values_list("verb", flat=True)
    )
    assert list(verbs) == ["simulation.start", "simulation.done"]


def test_a_window_is_said_in_days_or_from_a_moment_and_has_an_end() -> None:
    studio, draft = asked_twice()
    client = ApiClient(studio.actor)
    rule, now = draft.shown_id, timezone.now()
    ago = {days: (now - timedelta(days=days)).isoformat() for days in (1, 2, 500)}
    later = (now + timedelta(days=1)).isoformat()
    for said, pointer, code in (
        ({"days": 0}, "/days", "min_value"),
        ({"days": 401}, "/days", "max_value"),
        ({"days": "30"}, "/days", "invalid"),
        ({"days": 3, "from": ago[2]}, "", "days_or_from"),
        ({"to": ago[1]}, "", "to_without_from"),
        ({"from": ago[1], "to": ago[2]}, "/from", "bad_window"),
        ({"from": ago[1], "to": ago[1]}, "/from", "bad_window"),
        ({"from": ago[500], "to": ago[1]}, "/from", "bad_window"),
        ({"from": ago[1], "to": later}, "/from", "bad_window"),
        ({"from": "2026-10-01"}, "/from", "invalid_time"),
    ):
        answer = client.post("/simulations", {"rule": rule, **said})
        assert answer.status_code == 422, (said, answer.content)
        (fault,) = answer.json()["errors"]
        assert (fault["pointer"], fault["code"]) == (pointer, code), said
    assert not Simulation.objects.exists()
    made = client.post("/simulations", {"rule": rule, "from": ago[2], "to": ago[1]})
    assert made.status_code == 201
    assert client.post("/simulations", {"rule": rule}).status_code == 201


def test_a_rule_without_a_draft_has_nothing_to_simulate() -> None:
    studio, draft = asked_twice()
    rules.publish(actor=studio.actor, now=timezone.now(), rule=draft)
    answer = ApiClient(studio.actor).post("/simulations", {"rule": draft.shown_id})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_draft")


def test_three_at_once_and_no_more() -> None:
    studio, draft = asked_twice()
    client = ApiClient(studio.actor)
    made = [client.post("/simulations", {"rule": draft.shown_id}) for _ in range(4)]
    assert [each.status_code for each in made] == [201, 201, 201, 409]
    assert made[3].json()["code"] == "too_many_simulations"
    cancelled = client.post(f"/simulations/{made[1].json()['id']}/cancel", {})
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert client.post("/simulations", {"rule": draft.shown_id}).status_code == 201


def test_cancelling_twice_is_cancelling_once_and_what_is_done_stays_done() -> None:
    studio, draft = asked_twice()
    client = ApiClient(studio.actor)
    first, second = (
        client.post("/simulations", {"rule": draft.shown_id}).json()["id"] for _ in range(2)
    )
    for _ in range(2):
        assert client.post(f"/simulations/{first}/cancel", {}).json()["state"] == "cancelled"
    assert AuditRecord.objects.filter(verb="simulation.cancel").count() == 1
    run(Simulation.objects.exclude(state="cancelled").get(), now=timezone.now())
    answer = client.post(f"/simulations/{second}/cancel", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_ended")


def test_an_older_wording_is_told_as_such() -> None:
    studio, draft = asked_twice()
    client = ApiClient(studio.actor)
    shown = client.post("/simulations", {"rule": draft.shown_id}).json()["id"]
    redraft(studio, draft, {"effect": "deny"}, now=timezone.now())
    found = client.get(f"/simulations/{shown}").json()
    assert (found["revision"], found["of_latest"]) == (1, False)
    # It still tells of what it was started on.
    assert run(Simulation.objects.get(), now=timezone.now())["changed"] == 1
    assert client.get("/simulations").json()["data"][0]["of_latest"] is False


def test_publishing_what_was_simulated_leaves_it_of_the_latest_wording() -> None:
    studio, draft = asked_twice()
    client = ApiClient(studio.actor)
    shown = client.post("/simulations", {"rule": draft.shown_id}).json()["id"]
    rules.publish(actor=studio.actor, now=timezone.now(), rule=draft)
    assert client.get(f"/simulations/{shown}").json()["of_latest"] is True
    redraft(studio, draft, {"effect": "deny"}, now=timezone.now())
    assert client.get(f"/simulations/{shown}").json()["of_latest"] is False


def test_who_may_only_read_rules_may_not_start_or_cancel() -> None:
    studio, draft = asked_twice()
    shown = ApiClient(studio.actor).post("/simulations", {"rule": draft.shown_id}).json()["id"]
    reader = ApiClient(with_scopes(studio.actor, "consent:read"))
    assert reader.get(f"/simulations/{shown}").status_code == 200
    assert reader.post("/simulations", {"rule": draft.shown_id}).status_code == 403
    assert reader.post(f"/simulations/{shown}/cancel", {}).status_code == 403
    stranger = ApiClient(build_studio().actor)
    assert stranger.get(f"/simulations/{shown}").status_code == 404
    assert stranger.post(f"/simulations/{shown}/cancel", {}).status_code == 404
    assert stranger.get("/simulations").json()["data"] == []
    assert ApiClient(build_house().actor).get(f"/simulations/{shown}").status_code == 200


def test_a_list_asks_the_same_for_one_and_for_two() -> None:
    studio, draft = asked_twice()
    client = ApiClient(studio.actor)
    counts = []
    for _ in range(2):
        client.post("/simulations", {"rule": draft.shown_id})
        with CaptureQueriesContext(connection) as queries:
            client.get("/simulations")
        counts.append(len(queries))
    assert counts[0] == counts[1]
