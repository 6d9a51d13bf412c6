"""Receipts: verifiable by anyone, offline, across rotations, and by nobody's word but the key's."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from joserfc import jws
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from ledger.actor import system_actor
from licensing.access.models import AuditRecord
from licensing.catalog.models import RightsHolder
from licensing.consent import keys, receipts
from licensing.consent.models import ConsentCheck, SigningKey
from tests.licensing.builders import build_subject
from tests.licensing.consent.builders import (
    NOW,
    ask,
    build_generator,
    build_studio,
    publish_rule,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def check() -> ConsentCheck:
    """An allowed check, with whatever a receipt can carry."""
    studio = build_studio()
    publish_rule(
        studio,
        territories={"only": ["US"]},
        obligations={"watermark": True},
        price={"amount": "0.002", "currency": "USD", "per": "generation"},
    )
    return ask(build_generator(), build_subject(studio.holder), territory="US", prompt="secret")


def jwks() -> dict[str, Any]:
    """The key set as anyone may fetch it."""
    answer = Client().get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/jwk-set+json"
    found: dict[str, Any] = answer.json()
    return found


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_receipt_says_what_was_allowed(check: ConsentCheck) -> None:
    assert check.receipt
    header, payload, _ = check.receipt.split(".")
    kid = SigningKey.objects.get(state="current").kid
    assert json.loads(decoded(header)) == {
        "alg": "Ed25519",
        "kid": kid,
        "typ": "assent-receipt+jws",
    }
    assert json.loads(decoded(payload)) == {
        "jti": check.shown_id,
        "iss": "http://127.0.0.1:8000",
        "aud": check.platform.shown_id,
        "mode": "test",
        "iat": int(NOW.timestamp()),
        "exp": int((NOW + timedelta(hours=24)).timestamp()),
        "subjects": [check.facts["asked"][0]["subject"]],
        "action": "generate_video",
        "generations": 1,
        "facts": {"territory": "US"},
        "obligations": {"watermark": True},
        "price": {
            "parts": [{"amount": "0.002", "currency": "USD", "per": "generation"}],
            "by_agreement": False,
        },
        "rule_versions": [reason["rule_version"] for reason in check.reasons],
    }
    assert bytes(check.receipt_digest or b"") == hashlib.sha256(check.receipt.encode()).digest()


def test_anyone_can_verify_it_with_ten_lines_and_the_published_keys(check: ConsentCheck) -> None:
    assert check.receipt
    signed, _, signature = check.receipt.rpartition(".")
    kid = json.loads(decoded(signed.split(".")[0]))["kid"]
    (jwk,) = [key for key in jwks()["keys"] if key["kid"] == kid]
    public = Ed25519PublicKey.from_public_bytes(decoded(jwk["x"]))
    public.verify(decoded(signature), signed.encode())
    assert receipts.verify(check.receipt, jwks=jwks(), now=NOW).in_time
    late = receipts.verify(check.receipt, jwks=jwks(), now=NOW + timedelta(hours=24))
    assert not late.in_time


def test_only_public_halves_are_published() -> None:
    first = jwks()["keys"]
    assert [set(key) for key in first] == [{"kty", "crv", "x", "kid", "alg", "use"}] * 2
    assert jwks()["keys"] == first


def test_the_private_half_is_kept_encrypted() -> None:
    key = keys.current(now=NOW)
    private = keys.private_key(key.kid).as_dict(private=True)["d"]
    assert str(private).encode() not in bytes(key.private_encrypted)


def test_rotation_keeps_old_receipts_verifiable_and_new_keys_known_ahead(
    check: ConsentCheck,
) -> None:
    saved = jwks()
    keys.rotate(actor=system_actor(mode="live"), now=NOW)
    later = ask(build_generator(), build_subject(generous_holder()))
    assert later.receipt
    assert check.receipt
    assert later.receipt.split(".")[0] != check.receipt.split(".")[0]
    for receipt in (check.receipt, later.receipt):
        assert receipts.verify(receipt, jwks=jwks(), now=NOW).in_time
        # What was fetched before the rotation suffices for what is signed after it.
        assert receipts.verify(receipt, jwks=saved, now=NOW).in_time
    assert sorted(SigningKey.objects.values_list("state", flat=True)) == [
        "current",
        "next",
        "retired",
    ]
    assert AuditRecord.objects.filter(verb="signing_key.rotate").exists()
    assert len(keys.published(now=NOW + timedelta(days=91))) == 2


def generous_holder() -> RightsHolder:
    """A holder who allows everything, everywhere."""
    studio = build_studio()
    publish_rule(studio)
    return studio.holder


def test_a_changed_secret_retires_the_keys_it_had_sealed(
    check: ConsentCheck, settings: Any
) -> None:
    before = jwks()
    settings.RECEIPT_KEY_SECRET = "another secret"
    keys.private_key.cache_clear()
    again = ask(build_generator(), build_subject(generous_holder()))
    keys.private_key.cache_clear()
    assert again.receipt
    assert check.receipt
    for receipt in (check.receipt, again.receipt):
        assert receipts.verify(receipt, jwks=jwks(), now=NOW).in_time
    assert len(jwks()["keys"]) == len(before["keys"]) + 2


def forged(check: ConsentCheck) -> dict[str, str]:
    """Ways to make a receipt that Assent has not."""
    assert check.receipt
    header, payload, signature = check.receipt.split(".")
    claims = json.loads(decoded(payload))

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    stranger = OKPKey.generate_key("Ed25519")
    kid = json.loads(decoded(header))["kid"]
    return {
        "another action": f"{header}.{part({**claims, 'action': 'train'})}.{signature}",
        "no algorithm": f"{part({'alg': 'none', 'kid': kid})}.{payload}.",
        "another algorithm": f"{part({'alg': 'HS256', 'kid': kid})}.{payload}.{signature}",
        "another key": receipts.sign(claims, kid=kid, key=stranger),
        "an unknown key": receipts.sign(claims, kid="nobody", key=stranger),
        "no signature": f"{header}.{payload}.",
        "two parts": f"{header}.{payload}",
        "nothing": "",
        "no base64": "a.b.c",
        "too long": "x" * 70_000,
        "another kind of token": _other_type(claims, kid),
    }


def _other_type(claims: dict[str, Any], kid: str) -> str:
    """Signed with the very key, but as something else than a receipt."""
    header = {"alg": "Ed25519", "kid": kid, "typ": "JWT"}
    registry = JWSRegistry(algorithms=["Ed25519"])
    return jws.serialize_compact(
        header, json.dumps(claims), keys.private_key(kid), registry=registry
    )


def test_what_is_not_ours_is_refused(check: ConsentCheck) -> None:
    known = jwks()
    believed = [name for name, receipt in forged(check).items() if is_believed(receipt, jwks=known)]
    assert believed == []


def is_believed(receipt: str, *, jwks: dict[str, Any]) -> bool:
    try:
        receipts.verify(receipt, jwks=jwks, now=NOW)
    except receipts.BadReceipt:
        return False
    return True


def test_the_command_verifies_offline(check: ConsentCheck, tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(jwks()))
    output = io.StringIO()
    with pytest.raises(CommandError, match="expired"):
        # The story's receipt is from the past, but it is told as genuine.
        call_command("verify_receipt", check.receipt, jwks=path, stdout=output)
    assert json.loads(output.getvalue())["jti"] == check.shown_id
    with pytest.raises(CommandError, match="not a receipt"):
        call_command("verify_receipt", f"{check.receipt}x", jwks=path, stdout=output)
    path.write_text("{")
    with pytest.raises(CommandError, match="not a key set"):
        call_command("verify_receipt", check.receipt, jwks=path, stdout=output)


def test_the_command_rotates(check: ConsentCheck) -> None:
    was = SigningKey.objects.get(state="current").kid
    output = io.StringIO()
    call_command("rotate_receipt_key", stdout=output)
    now = SigningKey.objects.get(state="current").kid
    assert now in output.getvalue()
    assert now != was


def test_there_is_one_current_key_and_its_halves_do_not_change() -> None:
    key = keys.current(now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        SigningKey.objects.filter(pk=key.pk).update(state="next")
    with pytest.raises(IntegrityError), transaction.atomic():
        SigningKey.objects.filter(pk=key.pk).update(public_x="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        SigningKey.objects.create(
            kid="k", public_x="x", private_encrypted=b"", state="current", created_at=NOW
        )
