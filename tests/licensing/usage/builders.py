"""Reports, uploads and receipts for stories: valid by default."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from ledger.actor import Actor
from licensing.catalog.models import Platform, Subject
from licensing.consent.models import ConsentCheck
from licensing.usage import ingest, uploads
from licensing.usage.ingest import Reported, Uploaded
from licensing.usage.models import Batch, Generation, GenerationParent, GenerationSubject
from tests.licensing.builders import Household, build_holder, build_subject

NOW = datetime(2026, 10, 15, 12, 0, tzinfo=UTC)
_number = itertools.count(1)


def a_subject(of: Household | None = None) -> Subject:
    """A subject of a holder, in one transaction with its ownership."""
    with transaction.atomic():
        holder = (of or build_holder()).holder
        assert holder is not None
        return build_subject(holder)


def the(household: Household) -> Platform:
    """The platform a household is of."""
    assert household.platform is not None
    return household.platform


def report(subject: Subject | Sequence[Subject], **said: Any) -> dict[str, Any]:
    """A report of an image, as a platform writes it."""
    subjects = [subject] if isinstance(subject, Subject) else subject
    return {
        "external_id": f"g-{next(_number)}",
        "occurred_at": "2026-10-15T11:59:00Z",
        "medium": "image",
        "subjects": [{"id": one.shown_id} for one in subjects],
        **said,
    }


def ndjson(reports: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in reports)


def send(actor: Actor, said: dict[str, Any], *, now: datetime = NOW) -> Reported:
    return ingest.report_generation(actor=actor, now=now, raw=json.dumps(said).encode())


def upload(
    actor: Actor,
    reports: Iterable[dict[str, Any]] | bytes,
    *,
    partial: bool = False,
    now: datetime = NOW,
) -> Uploaded:
    body = reports if isinstance(reports, bytes) else ndjson(reports)
    return ingest.upload_batch(
        actor=actor,
        now=now,
        lines=uploads.numbered_lines(iter([body]), most_lines=1_000),
        partial=partial,
    )


def jws(claims: Any) -> str:
    """A compact JWS with these claims and a signature that nobody made."""
    parts = (b'{"alg":"EdDSA"}', json.dumps(claims).encode(), b"\x5a" * 64)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def make_check(
    platform: Platform,
    subjects: Sequence[Subject],
    *,
    action: str = "generate_image",
    outcome: str = "allow",
    territory: str = "",
    generations: int | None = 1,
    issued_at: datetime = NOW - timedelta(hours=1),
    expires_at: datetime = NOW + timedelta(hours=1),
    **facts: Any,
) -> ConsentCheck:
    """A consent check as it was answered, with its receipt if it was allowed; not saved yet. What
    else was said is in `facts`, by the API's names."""
    if territory:
        facts["territory"] = territory
    check = ConsentCheck(
        platform=platform,
        mode=platform.organisation.mode,
        outcome=outcome,
        issued_at=issued_at,
        subject_ids=[subject.pk for subject in subjects],
        action=action,
        generations=generations,
        territory=territory,
        rule_versions=[],
        facts={"request": facts},
        reasons=[],
        obligations={},
        price={},
        would_allow=[],
    )
    if outcome == "allow":
        check.receipt = jws(
            {
                "jti": check.shown_id,
                "iss": "http://127.0.0.1:8000",
                "aud": platform.shown_id,
                "mode": check.mode,
                "iat": int(issued_at.timestamp()),
                "exp": int(expires_at.timestamp()),
                "subjects": [subject.shown_id for subject in subjects],
                "action": action,
                "generations": generations,
                "facts": facts,
                "obligations": {"watermark": True, "c2pa": True},
                "price": {
                    "parts": [{"amount": "0.002", "currency": "USD", "per": "generation"}],
                    "by_agreement": False,
                },
                "rule_versions": ["rlv_06evgh4c2xskgjz3kq1v6t9m8p"],
            }
        )
        check.receipt_digest = hashlib.sha256(check.receipt.encode()).digest()
        check.expires_at = expires_at
    return check


def build_check(platform: Platform, subjects: Sequence[Subject], **said: Any) -> ConsentCheck:
    """A consent check as it was answered."""
    check = make_check(platform, subjects, **said)
    check.save(force_insert=True)
    return check


def build_receipt(platform: Platform, subjects: Sequence[Subject], **said: Any) -> str:
    """The receipt of an allowed check."""
    return str(build_check(platform, subjects, **said).receipt)


def rows() -> tuple[int, int, int, int]:
    """How much of usage there is: batches, generations, appearances, parents."""
    return (
        Batch.objects.count(),
        Generation.objects.count(),
        GenerationSubject.objects.count(),
        GenerationParent.objects.count(),
    )
