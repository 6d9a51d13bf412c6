"""Receipts: an allow as a compact JWS that anyone can verify offline."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from joserfc.jws import JWSRegistry

from ledger.errors import Invalid

ALGORITHM: Final = "Ed25519"
TYPE: Final = "assent-receipt+jws"
# How long an allow may be used.
LIFE: Final = timedelta(hours=24)
LONGEST: Final = 64 * 1024

_REGISTRY: Final = JWSRegistry(algorithms=[ALGORITHM])


class BadReceipt(Invalid):
    """This is not a receipt that Assent has issued."""

    code = "bad_receipt"


class BadKeySet(Invalid):
    """This is not a set of public keys."""

    code = "bad_key_set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A verified receipt's claims, and whether it is still in time."""

    claims: Mapping[str, Any]
    kid: str
    in_time: bool


def sign(claims: Mapping[str, Any], *, kid: str, key: OKPKey, kind: str = TYPE) -> str:
    """The compact JWS over `claims`. `kind` is its type: one thing is never taken for another."""
    header = {"alg": ALGORITHM, "kid": kid, "typ": kind}
    payload = json.dumps(claims, separators=(",", ":"), ensure_ascii=False).encode()
    return jws.serialize_compact(header, payload, key, registry=_REGISTRY)


def digest(receipt: str) -> bytes:
    """SHA-256 of a receipt's compact form: what a decision keeps to know its own again."""
    return hashlib.sha256(receipt.encode()).digest()


def verify(receipt: str, *, jwks: Mapping[str, Any], now: datetime) -> Receipt:
    """Checks a receipt against published keys, without asking anyone.

    Raises BadReceipt for anything but a receipt signed with one of `jwks`. One that has expired is
    still genuine: see `in_time`. Raises BadKeySet if `jwks` is none.
    """
    if len(receipt) > LONGEST:
        raise BadReceipt
    try:
        keys = KeySet.import_key_set({"keys": list(jwks["keys"])})
    except (JoseError, ValueError, KeyError, TypeError, AttributeError):
        raise BadKeySet from None
    try:
        found = jws.deserialize_compact(receipt, keys, registry=_REGISTRY)
        header = found.headers()
        claims = json.loads(found.payload)
        expires = claims["exp"]
    except (JoseError, ValueError, KeyError, TypeError):
        raise BadReceipt from None
    if header.get("typ") != TYPE or not isinstance(claims, dict) or not isinstance(expires, int):
        raise BadReceipt
    return Receipt(claims=claims, kid=str(header["kid"]), in_time=now.timestamp() < expires)
