"""`manage.py sandbox`: fills the sandbox and prints its people, keys and characters as JSON."""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from config.sandbox.dealings import settle_dealings
from config.sandbox.stage import Login, Stage, set_stage


class Command(BaseCommand):
    help = "Fills the sandbox (test mode) and prints it as JSON. Running it again gives the same."

    def handle(self, *args: Any, **options: Any) -> None:
        stage = fill(now=timezone.now())
        base_url = os.environ.get("ASSENT_BASE_URL", settings.BASE_URL)
        self.stdout.write(json.dumps(describe(stage, base_url), indent=2, ensure_ascii=False))


@transaction.atomic
def fill(*, now: datetime) -> Stage:
    """The whole sandbox: people, characters, rules and agreements."""
    stage = set_stage(now=now)
    settle_dealings(stage, now=now)
    return stage


def describe(stage: Stage, base_url: str) -> dict[str, Any]:
    """The sandbox for a program to read."""
    return {
        "base_url": base_url,
        "platforms": [
            {"id": platform.shown_id, "name": platform.name, "api_key": login.api_key}
            for platform, login in stage.platforms.values()
        ],
        "holders": [
            {"id": holder.shown_id, "name": holder.name, **_person(login)}
            for holder, login in stage.holders.values()
        ],
        "finance": [_person(login) for login in stage.finance],
        "second_approver": _person(stage.second_approver),
        "auditor": _person(stage.auditor),
        "subjects": [
            {"id": subject.shown_id, "name": subject.name, "holder": subject.holder.shown_id}
            for subject in stage.subjects.values()
        ],
    }


def _person(login: Login) -> dict[str, str]:
    return {"username": login.username, "password": login.password, "api_key": login.api_key}
