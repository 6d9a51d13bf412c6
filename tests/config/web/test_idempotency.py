"""A POST repeated with its key has one effect and gets the same answer."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from config.web.models import IdempotentAnswer
from config.web.tasks import forget_old_answers
from licensing.access.models import AuditRecord
from licensing.catalog.models import Property
from tests.client import ApiClient, assert_problem
from tests.licensing.builders import Household, build_actor, build_holder, with_scopes

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> Household:
    return build_holder("Nimbus Studios")


def body(studio: Household, name: str = "Tin Harbor") -> dict[str, str]:
    assert studio.holder is not None
    return {"holder": studio.holder.shown_id, "name": name}


def test_the_same_key_and_body_again_get_the_same_answer(studio: Household) -> None:
    client = ApiClient(studio.actor)
    first = client.post("/properties", body(studio), key="k-1")
    again = client.post("/properties", body(studio), key="k-1")
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert Property.objects.count() == 1
    assert AuditRecord.objects.filter(verb__startswith="property").count() == 1


def test_the_same_key_with_another_body_is_refused(studio: Household) -> None:
    client = ApiClient(studio.actor)
    client.post("/properties", body(studio), key="k-1")
    response = client.post("/properties", body(studio, "Salt Road"), key="k-1")
    assert_problem(response, 422, "idempotency_key_reused")
    assert Property.objects.count() == 1


def test_the_same_key_on_another_path_is_refused(studio: Household) -> None:
    client = ApiClient(studio.actor)
    client.post("/properties", body(studio), key="k-1")
    assert_problem(client.post("/subjects", body(studio), key="k-1"), 422, "idempotency_key_reused")


def test_whoever_lost_the_scope_is_not_told_what_was_answered(studio: Household) -> None:
    answer = ApiClient(studio.actor).post("/properties", body(studio), key="k-1")
    assert answer.status_code == 201
    reader = ApiClient(with_scopes(studio.actor, "catalog:read"))
    assert_problem(reader.post("/properties", body(studio), key="k-1"), 403, "scope_missing")
    assert_problem(reader.post("/no-such-thing", body(studio), key="k-1"), 404, "not_found")


def test_another_key_of_the_person_is_told_again(studio: Household) -> None:
    """As after a rotation, in the middle of which a request was sent again."""
    first = ApiClient(studio.actor).post("/properties", body(studio), key="k-1")
    again = ApiClient(studio.actor).post("/properties", body(studio), key="k-1")
    assert again["Idempotent-Replayed"] == "true"
    assert again.content == first.content


def test_a_colleague_is_neither_told_nor_does_it_again(studio: Household) -> None:
    ApiClient(studio.actor).post("/properties", body(studio), key="k-1")
    colleague = ApiClient(build_actor(studio.organisation, "owner"))
    response = colleague.post("/properties", body(studio), key="k-1")
    assert_problem(response, 422, "idempotency_key_reused")
    assert Property.objects.count() == 1


def test_another_organisation_has_its_own_keys(studio: Household) -> None:
    other = build_holder("Otter & Finch")
    assert ApiClient(studio.actor).post("/properties", body(studio), key="k-1").status_code == 201
    assert ApiClient(other.actor).post("/properties", body(other), key="k-1").status_code == 201
    assert Property.objects.count() == 2


def test_a_refused_request_leaves_nothing_and_may_be_mended(studio: Household) -> None:
    client = ApiClient(studio.actor)
    assert_problem(client.post("/properties", {**body(studio), "name": ""}, key="k-1"), 422)
    assert IdempotentAnswer.objects.count() == 0
    assert client.post("/properties", body(studio), key="k-1").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "café", " padded "])
def test_a_key_that_is_no_key_is_refused(studio: Household, key: str) -> None:
    response = ApiClient(studio.actor).post("/properties", body(studio), key=key)
    assert_problem(response, 400, "bad_idempotency_key")
    assert Property.objects.count() == 0


def test_the_effect_and_the_answer_stand_or_fall_together(studio: Household) -> None:
    """If the answer cannot be kept, the effect is not kept either."""
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE web_idempotentanswer ADD CONSTRAINT no_more CHECK (status < 0) NOT VALID"
        )
    client = ApiClient(studio.actor)
    with transaction.atomic():
        response = client.post("/properties", body(studio), key="k-1")
    assert_problem(response, 409)
    assert Property.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one(studio: Household) -> None:
    """Eight clients send the same request at once: one effect; the others hear it is in flight, or
    the one answer."""
    barrier = threading.Barrier(8)
    answers: list[tuple[int, bytes]] = []
    client = ApiClient(studio.actor)
    document = body(studio)

    def send() -> None:
        barrier.wait()
        response = client.post("/properties", document, key="k-race")
        answers.append((response.status_code, response.content))
        connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 8
    assert {status for status, _ in answers} <= {201, 409}
    assert len({content for status, content in answers if status == 201}) == 1
    codes = {json.loads(content)["code"] for status, content in answers if status == 409}
    assert codes <= {"idempotency_key_in_flight"}
    assert Property.objects.count() == 1
    assert client.post("/properties", document, key="k-race").status_code == 201


def test_an_answer_is_kept_for_thirty_days(studio: Household) -> None:
    client = ApiClient(studio.actor)
    client.post("/properties", body(studio), key="k-1")
    client.post("/properties", body(studio, "Salt Road"), key="k-2")
    moment = timezone.now()
    IdempotentAnswer.objects.filter(key="k-1").update(created_at=moment - timedelta(days=31))
    IdempotentAnswer.objects.filter(key="k-2").update(created_at=moment - timedelta(days=29))
    assert forget_old_answers() == 1
    assert forget_old_answers() == 0
    assert [answer.key for answer in IdempotentAnswer.objects.all()] == ["k-2"]
