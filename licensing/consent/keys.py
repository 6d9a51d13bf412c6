"""The keys that sign receipts: made, rotated with an overlap, kept encrypted, published."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection, transaction
from joserfc.jwk import OKPKey

from ledger.actor import Actor
from ledger.errors import Invalid
from licensing.access import audit
from licensing.consent.models import SigningKey
from licensing.consent.states import KeyState

ALGORITHM: Final = "Ed25519"
# How long a retired key stays published: receipts live for a day, disputes over them for longer.
PUBLISHED_AFTER: Final = timedelta(days=90)
_NONCE: Final = 12


class NoSuchKey(Invalid):
    """There is no key of that id, or its private half cannot be read."""

    code = "unknown_signing_key"


def current(*, now: datetime) -> SigningKey:
    """The key that signs now; the first time, and when its private half cannot be read any more
    because the secret has changed, a new one.

    Waits for nobody while there is one: only who makes it has to be alone, and whoever waited for
    that lets the next one in at once, not at the end of the transaction this is part of.
    """
    key = _current()
    if key is not None and _readable(key):
        return key
    with transaction.atomic():
        _lock()
        key = _current()
        if key is not None and _readable(key):
            # Nothing has been written; going back gives the lock up.
            transaction.set_rollback(True)
            return key
        following = SigningKey.objects.filter(state=KeyState.NEXT).first()
        return _promote(now=now, was=key, following=following)


def rotate(*, actor: Actor, now: datetime) -> SigningKey:
    """Retires the current key for the next one, which has been published for as long as it waited,
    and makes another next one. Receipts signed before stay verifiable."""
    with transaction.atomic():
        _lock()
        was = _current()
        following = SigningKey.objects.filter(state=KeyState.NEXT).first()
        key = _promote(now=now, was=was, following=following)
        audit.record(actor=actor, now=now, verb="signing_key.rotate", thing=key.kid)
        return key


def published(*, now: datetime) -> list[dict[str, str]]:
    """The public keys as JWKs: the next, the current, and those retired not long ago."""
    keys = SigningKey.objects.exclude(retired_at__lt=now - PUBLISHED_AFTER).order_by("created_at")
    return [public_jwk(key) for key in keys]


def public_jwk(key: SigningKey) -> dict[str, str]:
    """The public half as a JWK."""
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": key.public_x,
        "kid": key.kid,
        "alg": ALGORITHM,
        "use": "sig",
    }


@lru_cache(maxsize=16)
def private_key(kid: str) -> OKPKey:
    """The private half of the key `kid`, decrypted once per process. Raises NoSuchKey.

    A kid is the key's own thumbprint, so what is remembered under it can never be another's.
    """
    key = SigningKey.objects.filter(kid=kid).first()
    if key is None:
        raise NoSuchKey
    return _private(key)


def _current() -> SigningKey | None:
    return SigningKey.objects.filter(state=KeyState.CURRENT).first()


def _private(key: SigningKey) -> OKPKey:
    sealed = bytes(key.private_encrypted)
    try:
        d = _cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], key.kid.encode())
    except InvalidTag:
        raise NoSuchKey from None
    jwk: Mapping[str, Any] = {"kty": "OKP", "crv": "Ed25519", "x": key.public_x, "d": d.decode()}
    return OKPKey.import_key(dict(jwk))


def _readable(key: SigningKey) -> bool:
    try:
        _private(key)
    except NoSuchKey:
        return False
    return True


def _promote(*, now: datetime, was: SigningKey | None, following: SigningKey | None) -> SigningKey:
    """`following` becomes current in the place of `was`; a key that cannot be read never does."""
    if was is not None:
        was.state, was.retired_at = KeyState.RETIRED, now
        was.save(update_fields=["state", "retired_at"])
    if following is not None and not _readable(following):
        following.state, following.retired_at = KeyState.RETIRED, now
        following.save(update_fields=["state", "retired_at"])
        following = None
    if following is None:
        following = _make(now=now)
    following.state, following.current_from = KeyState.CURRENT, now
    following.save(update_fields=["state", "current_from"])
    _make(now=now)
    return following


def _make(*, now: datetime) -> SigningKey:
    key = OKPKey.generate_key("Ed25519", auto_kid=True)
    jwk = key.as_dict(private=True)
    kid, d = str(key.kid), str(jwk["d"])
    nonce = os.urandom(_NONCE)
    return SigningKey.objects.create(
        kid=kid,
        public_x=str(jwk["x"]),
        private_encrypted=nonce + _cipher().encrypt(nonce, d.encode(), kid.encode()),
        state=KeyState.NEXT,
        created_at=now,
    )


def _cipher() -> AESGCM:
    """The cipher over the secret from the environment, which is a text of any length."""
    digest = hashlib.sha256(b"assent receipt keys\x00" + settings.RECEIPT_KEY_SECRET.encode())
    return AESGCM(digest.digest())


def _lock() -> None:
    """One process at a time makes or moves keys."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('consent signing keys', 0))")
