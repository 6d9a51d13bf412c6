"""The sandbox: the same people, keys and characters whenever it is filled."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client

from licensing.access.models import AuditRecord

pytestmark = pytest.mark.django_db


def filled() -> dict[str, Any]:
    output = io.StringIO()
    call_command("sandbox", stdout=output)
    found: dict[str, Any] = json.loads(output.getvalue())
    return found


def get(path: str, person: dict[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {person['api_key']}"}
    return Client().get(f"/api/v1{path}", headers=headers).json()


def test_filling_it_again_gives_the_same_and_does_nothing() -> None:
    first = filled()
    records = AuditRecord.objects.count()
    assert filled() == first
    assert AuditRecord.objects.count() == records


def test_another_secret_of_the_installation_makes_other_keys_and_passwords(
    settings: LazySettings,
) -> None:
    before = filled()
    settings.SECRET_KEY = "another secret"
    after = filled()
    for old, new in zip(before["holders"], after["holders"], strict=True):
        assert old["id"] == new["id"]
        assert get("/me", old)["code"] == "not_authenticated"
        assert get("/me", new)["parties"] == [new["id"]]
        assert not Client().login(username=old["username"], password=old["password"])
        assert Client().login(username=new["username"], password=new["password"])
    assert filled() == after


def test_it_has_everybody_the_main_job_needs() -> None:
    sandbox = filled()
    assert len(sandbox["platforms"]) >= 2
    assert len(sandbox["holders"]) >= 3
    assert len(sandbox["finance"]) >= 2
    assert {subject["holder"] for subject in sandbox["subjects"]} == {
        holder["id"] for holder in sandbox["holders"]
    }
    for platform in sandbox["platforms"]:
        assert get("/me", platform)["parties"] == [platform["id"]]
    for holder in sandbox["holders"]:
        assert get("/me", holder)["parties"] == [holder["id"]]
    assert [get("/me", person)["role"] for person in sandbox["finance"]] == ["preparer", "approver"]
    assert get("/me", sandbox["second_approver"])["role"] == "approver"
    assert get("/me", sandbox["auditor"])["role"] == "auditor"


def test_its_people_can_sign_in() -> None:
    sandbox = filled()
    for person in [
        *sandbox["holders"],
        *sandbox["finance"],
        sandbox["second_approver"],
        sandbox["auditor"],
    ]:
        client = Client()
        assert client.login(username=person["username"], password=person["password"])


def test_a_platform_is_allowed_refused_and_told_to_wait() -> None:
    sandbox = filled()
    subjects = {subject["name"]: subject["id"] for subject in sandbox["subjects"]}
    asked = {
        ("Captain Marlow", "US", "personal"): "allow",
        ("Captain Marlow", "DE", "personal"): "deny",
        ("Captain Marlow", "US", "political"): "deny",
        ("Sir Pinch", "US", "advertising"): "needs_approval",
        ("Ferrow and Finch", "US", "personal"): "allow",
        ("Mara Quill", "US", "commercial"): "deny",
    }
    for (name, territory, purpose), outcome in asked.items():
        answer = Client().post(
            "/api/v1/consent-checks",
            json.dumps(
                {
                    "subjects": [subjects[name]],
                    "action": "generate_video",
                    "territory": territory,
                    "purpose": purpose,
                    "content": {"violence": "none"},
                    "duration_seconds": 8,
                }
            ),
            content_type="application/json",
            headers={"Authorization": f"Bearer {sandbox['platforms'][0]['api_key']}"},
        )
        assert answer.status_code == 201, answer.content
        assert answer.json()["outcome"] == outcome, (name, territory, purpose, answer.json())
