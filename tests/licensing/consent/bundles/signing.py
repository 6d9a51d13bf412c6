"""Bundles signed and verified for stories: with real keys, as a platform would."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc.jwk import OKPKey

from licensing.consent import receipts
from licensing.consent.engine import bundling, offline
from licensing.consent.engine.offline import Bundle, open_bundle

Json = dict[str, Any]

KEY = OKPKey.generate_key("Ed25519", auto_kid=True)
JWKS: Json = {"keys": [KEY.as_dict(private=False)]}


def verify(key: bytes, signature: bytes, message: bytes) -> None:
    """What docs/offline.md tells platforms to write."""
    Ed25519PublicKey.from_public_bytes(key).verify(signature, message)


def signed(content: Json, *, now: datetime, kind: str = offline.TYPE, **claims: Any) -> str:
    """A bundle of `content`, good for a quarter of an hour."""
    said = {
        "iss": "https://assent.example",
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=15)).timestamp()),
        "version": bundling.version_of(content),
        **content,
        **claims,
    }
    return receipts.sign(said, kid=str(KEY.kid), key=KEY, kind=kind)


def opened(compact: str, platform: str, jwks: Json = JWKS) -> Bundle:
    """The bundle, verified."""
    return open_bundle(compact, jwks=jwks, verify=verify, platform=platform)


# Decides a list of questions by a bundle in an interpreter that sees nothing but the standard
# library and the exported package.
_PROGRAM = """
import json, sys
from datetime import datetime
sys.path.insert(0, sys.argv[1])
from assent_offline import open_bundle
told = json.load(sys.stdin)
bundle = open_bundle(
    told["bundle"], jwks=told["jwks"], verify=lambda *_: True, platform=told["platform"]
)
answers = [bundle.decide(one, now=datetime.fromisoformat(told["now"])) for one in told["askings"]]
print(json.dumps({
    "outcomes": [answer.outcome for answer in answers],
    "modules": sorted(name.partition(".")[0] for name in sys.modules),
    "path": sys.path,
}))
"""


def in_bare_python(folder: Path, told: Json) -> Json:
    """What a bare interpreter answers."""
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _PROGRAM, str(folder)],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    found: Json = json.loads(run.stdout)
    return found
