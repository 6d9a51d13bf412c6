"""A simulation of many recorded requests, against reading and deciding nothing.

The reference reads the same rows' facts once, as JSON, and counts them. Half of the requests are
alike but for when they were asked, the others differ in how long a clip is and how fine.
"""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec
from django.db import connection
from django.utils import timezone

from licensing.consent import rules
from licensing.consent.models import ConsentCheck, ConsentRule
from licensing.simulation import simulations, working
from licensing.simulation.models import Simulation
from tests.licensing.builders import build_property, build_subject
from tests.licensing.consent.builders import (
    Studio,
    ask,
    build_generator,
    build_studio,
    publish_rule,
)

TERRITORIES: Final = ("US", "DE", "FR", "GB", "JP", "BR")
_PRICE: Final = {"amount": "0.0004", "currency": "USD", "per": "second"}

# Writes copies of the checks there are, until there are enough: each a little later, and every
# second one of a length and a resolution of its own.
_MULTIPLY: Final = """
INSERT INTO consent_consentcheck
    (id, platform_id, mode, outcome, issued_at, expires_at, receipt, receipt_digest, subject_ids,
     action, territory, rule_versions, facts, reasons, obligations, price, would_allow)
SELECT (lpad(to_hex((extract(epoch FROM issued_at) * 1000)::bigint + n), 12, '0') || '7'
        || substr(md5(random()::text), 1, 19))::uuid, platform_id, mode, outcome, issued_at + n * interval '1 ms',
       expires_at + n * interval '1 ms', receipt, receipt_digest, subject_ids, action, territory,
       rule_versions,
       CASE WHEN n %% 2 = 0 THEN facts
            ELSE facts || jsonb_build_object('request', (facts -> 'request') || jsonb_build_object(
                'duration_seconds', 1 + n %% 60, 'resolution', 100 + n)) END,
       reasons, obligations, price, would_allow
FROM consent_consentcheck CROSS JOIN generate_series(1, %s) n
LIMIT %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Seconds for a simulation of so many requests, its processor seconds, and the reference's
    seconds for reading them; how many are distinct; the process's peak in megabytes."""

    requests: int
    distinct: int
    ours: float
    processor: float
    reference: float
    peak: float


def measure(*, requests: int) -> Measured:
    """Records so many requests and simulates a draft on them. To be run on a database that is
    thrown away."""
    studio, draft = _stage(requests)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT ((facts -> 'request') - 'at', subject_ids)) FROM consent_consentcheck"
        )
        distinct = cursor.fetchone()[0]
    reference = _read()
    simulation = simulations.start(actor=studio.actor, now=timezone.now(), rule=draft, days=30)
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    while working.work(simulation_id=simulation.pk, clock=timezone.now):
        pass
    ours = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    simulation = Simulation.objects.get(pk=simulation.pk)
    assert (simulation.state, simulation.requests) == ("done", requests), simulation.error
    return Measured(
        requests=requests,
        distinct=distinct,
        ours=ours,
        processor=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        reference=reference,
        peak=after.ru_maxrss / 1024,
    )


def _stage(requests: int) -> tuple[Studio, ConsentRule]:
    """A franchise of twenty characters on four platforms, two hundred rules, and a draft."""
    studio = build_studio()
    franchise = build_property(studio.holder)
    heroes = [build_subject(studio.holder, property=franchise) for _ in range(20)]
    generators = [build_generator() for _ in range(4)]
    moment = timezone.now() - timedelta(hours=2)
    publish_rule(studio, property=franchise, price=_PRICE, now=moment)
    rule = publish_rule(
        studio, effect="deny", purposes=["political"], property=franchise, now=moment
    )
    for number in range(198):
        publish_rule(
            studio,
            effect=("allow", "deny", "needs_approval")[number % 3],
            territories={"only": [TERRITORIES[number % 6]]},
            content={"violence": "none"},
            audience=["self"],
            subject=heroes[number % 20],
            now=moment,
        )
    templates = 0
    for hero in heroes:
        for number, territory in enumerate(TERRITORIES):
            templates += 1
            ask(
                generators[templates % 4],
                hero,
                now=moment,
                territory=territory,
                purpose=("personal", "political")[templates % 5 == 0],
                audience="everyone",
                content={"violence": ("none", "mild", "strong")[number % 3], "codes": []},
                duration_seconds=8,
                resolution=1080,
                prompt="a calm sea",
                co_subjects=(),
            )
    with connection.cursor() as cursor:
        cursor.execute(_MULTIPLY, [requests // templates + 1, requests - templates])
        cursor.execute("ANALYZE consent_consentcheck")
    seen = rules.etag_of(rule.versions.get())
    body = {
        "effect": "deny",
        "purposes": ["political"],
        "territories": {"except": ["US"]},
        "content": {"violence": "strong"},
    }
    rules.edit_draft(actor=studio.actor, now=moment, rule=rule, seen=seen, body=body)
    publish_rule(studio, property=build_property(studio.holder), now=moment)
    return studio, rule


def _read() -> float:
    """Seconds for reading all rows' facts through a cursor of the server's, and decoding them."""
    start = time.perf_counter()
    decode = msgspec.json.decode
    with connection.cursor() as cursor:
        cursor.execute("SELECT facts::text FROM consent_consentcheck ORDER BY id")
        counted = sum(1 for row in cursor if decode(row[0]))
    assert counted == ConsentCheck.objects.count()
    return time.perf_counter() - start
