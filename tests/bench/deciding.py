"""Consent checks over the API against a bare view on the same machine.

The reference view sits behind the same middleware: it reads two rows by their keys, inserts one and
answers it, and does nothing else. What is compared is a check with its rules, its reasons, its
durable decision and its signed receipt.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, cast

from django.test import override_settings
from django.urls import include, path
from django.utils import timezone
from rest_framework.request import Request as ApiRequest
from rest_framework.response import Response

from ledger import ids
from ledger.ids import new_id
from ledger.windows import Window
from licensing.catalog.models import Subject
from licensing.consent.models import ConsentCheck, ConsentEpoch
from tests.client import ApiClient
from tests.licensing.builders import build_property, build_subject
from tests.licensing.consent.builders import Generator, build_generator, build_studio, publish_rule

# Both views take turns in rounds of so many, so that a busy moment of the machine meets both.
ROUND: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Seconds for one request over the API (a check; the bare view): the median round."""

    check: float
    reference: float

    @property
    def ratio(self) -> float:
        """Checks per second over the reference's requests per second; the aim is 0.7."""
        return self.reference / self.check


def measure(*, checks: int) -> Measured:
    """Asks so many times. To be run on a database that is thrown away."""
    check, reference = _over_the_api(checks)
    return Measured(check=check, reference=reference)


class BareWindow(Window):
    """The least that any check would have to do: two reads by key, one insert."""

    scopes = {"POST": "consent:check"}

    def post(self, request: ApiRequest) -> Response:
        said = cast("dict[str, Any]", request.data)
        subject = Subject.objects.get(pk=ids.read("chr", said["subjects"][0]))
        ConsentEpoch.objects.get(pk=subject.holder_id)
        check = ConsentCheck.objects.create(
            id=new_id(),
            platform_id=said["platform_key"],
            mode="test",
            outcome="deny",
            issued_at=timezone.now(),
            subject_ids=[subject.pk],
            action="generate_video",
            rule_versions=[],
            facts={},
            reasons=[],
            obligations={},
            price={},
            would_allow=[],
        )
        return Response({"id": check.shown_id, "outcome": check.outcome}, status=201)


urlpatterns = [
    path("api/v1/bare", BareWindow.as_view()),
    path("", include("config.urls")),
]


def build_asking() -> tuple[str, bytes]:
    """A platform's API key, and the body of a check that is allowed."""
    generator, subject = _stage()
    key = ApiClient(generator.actor).secret
    return key, json.dumps(_asking(subject)).encode()


def _asking(subject: Subject) -> dict[str, Any]:
    return {
        "subjects": [subject.shown_id],
        "action": "generate_video",
        "territory": "US",
        "purpose": "personal",
        "content": {"violence": "none", "codes": []},
    }


def _over_the_api(checks: int) -> tuple[float, float]:
    """Seconds for one check and for one bare request, as medians of rounds that take turns."""
    generator, subject = _stage()
    body = _asking(subject)
    ours = json.dumps(body).encode()
    bare = json.dumps({**body, "platform_key": str(generator.platform.pk)}).encode()
    with override_settings(ROOT_URLCONF="tests.bench.deciding", ALLOWED_HOSTS=["testserver"]):
        client = ApiClient(generator.actor)
        _post(client, "/consent-checks", ours, ROUND)
        _post(client, "/bare", bare, ROUND)
        rounds = [
            (_post(client, "/consent-checks", ours, ROUND), _post(client, "/bare", bare, ROUND))
            for _ in range(max(1, checks // ROUND))
        ]
    return median(check for check, _ in rounds), median(bare for _, bare in rounds)


def _stage() -> tuple[Generator, Subject]:
    """A subject in a nested property, with a rule above it and twenty rules of others beside it."""
    studio, generator = build_studio(f"Studio {new_id()}"), build_generator(f"Generator {new_id()}")
    now = timezone.now()
    franchise = build_property(studio.holder)
    series = build_property(studio.holder, parent=franchise)
    publish_rule(
        studio,
        now=now,
        property=franchise,
        actions=["generate_video"],
        territories={"except": ["DE"]},
        content={"violence": "mild"},
        price={"amount": "0.002", "currency": "USD", "per": "generation"},
    )
    for _ in range(20):
        publish_rule(studio, now=now, subject=build_subject(studio.holder))
    return generator, build_subject(studio.holder, property=series)


def _post(client: ApiClient, where: str, body: bytes, times: int) -> float:
    """Seconds for one request, over so many."""
    start = time.perf_counter()
    for _ in range(times):
        answer = client.post(where, body)
        assert answer.status_code == 201, answer.content
    return (time.perf_counter() - start) / times
