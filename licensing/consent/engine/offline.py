"""Decides by a bundle, without asking anyone: the same engine, where the platform is.

Nothing but the standard library and the engine's own modules. Checking the signature is up to the
caller's `verify`, for the standard library has no Ed25519.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from licensing.consent.engine import quotas, words
from licensing.consent.engine.bodies import read_body
from licensing.consent.engine.compiling import Notice, bind, compile_rule
from licensing.consent.engine.deciding import Asked, decide
from licensing.consent.engine.language import LEVEL, Action, Axis, Decision, Effect, Request
from licensing.consent.engine.voices import Switch, Word, asked_about, consenting

TYPE: Final = "assent-bundle+jws"
ALGORITHM: Final = "Ed25519"
# Which form of bundles this engine reads. It counts up whenever an older engine would misread a new
# bundle, such as with a new field of a rule: passed over, that would make the rule broader.
FORM: Final = 1
# By how much the clocks of platform and issuer may differ.
SKEW: Final = timedelta(minutes=1)

# Given the public key (32 bytes), the signature and the message: raises, or returns False, unless
# the signature is genuine.
Verify = Callable[[bytes, bytes, bytes], object]
Json = dict[str, Any]


class BadBundle(ValueError):
    """This is no bundle that was issued for this platform."""


class BadAsking(ValueError):
    """The question says what no question may say."""


class Outcome(StrEnum):
    """What becomes of a question here."""

    ALLOW = "allow"
    DENY = "deny"
    NEEDS_APPROVAL = "needs_approval"
    # The bundle does not say: it has to be asked online.
    ASK_ONLINE = "ask_online"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to a question, and why it has to be asked online if so: expired, not_yet,
    unknown_subject, or quota. An allow here is no receipt."""

    outcome: Outcome
    why: str = ""
    decision: Decision | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    chain: tuple[str, ...]
    owners: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle whose signature holds. Of two the one issued later counts."""

    platform: str
    mode: str
    version: str
    issued_at: datetime
    expires_at: datetime
    subjects: Mapping[str, _Subject]
    holders: Mapping[str, Word]

    def decide(self, asking: Mapping[str, Any], *, now: datetime) -> Answer:
        """What the rules of the bundle say to a question in the words of a consent check.

        Never an allow that depends on a quota, nor any answer outside the bundle's life. Raises
        BadAsking.
        """
        said = _read_asking(asking)
        if now >= self.expires_at:
            return _online("expired")
        if now < self.issued_at - SKEW:
            return _online("not_yet")
        named = [*said.subjects, *(said.co_subjects or ())]
        if any(subject not in self.subjects for subject in named):
            return _online("unknown_subject")
        request, asked = self._case(said, now)
        decision = decide(request, asked)
        # Spent quotas only close: a refusal needs no look at them, anything else does.
        if decision.outcome is not Effect.DENY and any(quotas.covering(request, asked)):
            return _online("quota")
        return Answer(outcome=Outcome(decision.outcome), decision=decision)

    def _case(self, said: _Asking, now: datetime) -> tuple[Request, list[Asked]]:
        """The question with everything that stands about it, as the issuer would put it."""
        request = replace(said.request, platform=self.platform, at=now)
        asked = []
        phrases: set[str] = set()
        for name in said.subjects:
            subject = self.subjects[name]
            holders = consenting(subject.owners, request.territory)
            voices = [self.holders.get(holder) or _silent(holder) for holder in holders]
            asked.append(asked_about(subject.chain, voices, self.platform))
            phrases.update(*(voice.book.words for voice in voices))
        if said.prompt is not None:
            request = replace(request, words=words.find(said.prompt, phrases))
        if said.co_subjects is not None:
            others = tuple(map(self._answers_to, said.co_subjects))
            request = replace(request, co_subjects=others)
        return request, asked

    def _answers_to(self, name: str) -> frozenset[str]:
        subject = self.subjects[name]
        return frozenset((*subject.chain, *consenting(subject.owners, None)))


def open_bundle(compact: str, *, jwks: Mapping[str, Any], verify: Verify, platform: str) -> Bundle:
    """The bundle in a compact JWS, once its signature is found to be of one of the keys `jwks`.

    Raises BadBundle, also if it was issued for another platform than `platform`.
    """
    try:
        head, payload, signature = compact.split(".")
        header, claims = json.loads(_decoded(head)), json.loads(_decoded(payload))
        if (header["typ"], header["alg"]) != (TYPE, ALGORITHM):
            raise BadBundle("That is no bundle.")
        (key,) = [key for key in jwks["keys"] if key["kid"] == header["kid"]]
        public, message = _decoded(key["x"]), f"{head}.{payload}".encode()
        sound = verify(public, _decoded(signature), message)
    except BadBundle:
        raise
    except Exception as error:
        # Whatever `verify` raises says that the signature does not hold.
        raise BadBundle("The bundle cannot be read, or its signature does not hold.") from error
    if sound is False or claims.get("aud") != platform:
        raise BadBundle("The bundle's signature does not hold, or it is for another platform.")
    if claims.get("form") != FORM:
        raise BadBundle("The bundle is of a form that this engine does not know.")
    try:
        return _read(claims)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadBundle("The bundle lacks what every bundle has.") from error


def _read(claims: Mapping[str, Any]) -> Bundle:
    return Bundle(
        platform=claims["aud"],
        mode=claims["mode"],
        version=claims["version"],
        issued_at=datetime.fromtimestamp(claims["iat"], UTC),
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        subjects={
            name: _Subject(
                chain=(name, *subject["properties"]),
                owners={there: tuple(owners) for there, owners in subject["owners"].items()},
            )
            for name, subject in claims["subjects"].items()
        },
        holders={
            name: _word(name, said, claims["aud"]) for name, said in claims["holders"].items()
        },
    )


def _word(holder: str, said: Mapping[str, Any], platform: str) -> Word:
    return Word(
        holder=holder,
        epoch=said["epoch"],
        book=bind(
            compile_rule(
                version=rule["version"],
                rule=rule["rule"],
                scope=rule["scope"],
                body=read_body(rule["body"]),
                notice=_notice(rule.get("notice"), platform),
                answers=rule.get("answers", ()),
            )
            for rule in said["rules"]
        ),
        switches=tuple(Switch(scope=scope, platform="") for scope in said["stopped"]),
    )


def _notice(said: Mapping[str, Any] | None, platform: str) -> Notice | None:
    if said is None:
        return None
    until = datetime.fromisoformat(said["until"])
    return Notice(number=said["number"], until=until, platforms=frozenset({platform}))


def _silent(holder: str) -> Word:
    return Word(holder=holder, epoch=0, book=bind(()))


def _online(why: str) -> Answer:
    return Answer(outcome=Outcome.ASK_ONLINE, why=why)


def _decoded(text: str) -> bytes:
    """Base64url without padding, strictly."""
    if not text.isascii() or "=" in text:
        raise binascii.Error("not base64url")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


# -- The question, in the words of the API ---------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    subjects: Sequence[str]
    request: Request
    co_subjects: Sequence[str] | None
    prompt: str | None


_FACTS: Final = {
    "territory": "territory",
    "purpose": "purpose",
    "audience": "audience",
    "channel": "channel",
    "language": "language",
    "model": "model",
    "depicted_age": "depicted_age",
    "duration_seconds": "duration",
    "resolution": "resolution",
    "remix_depth": "remix_depth",
}
_OTHER: Final = ("subjects", "action", "content", "prompt", "co_subjects", "parents", "user")
_NO_TIME: Final = datetime(1, 1, 1, tzinfo=UTC)


def _read_asking(said: Mapping[str, Any]) -> _Asking:
    """The question behind the body of a consent check, of one generation."""
    unknown = set(said).difference(_FACTS, _OTHER, ("generations",))
    if unknown:
        raise BadAsking(f"There is no {sorted(unknown)[0]!r} in a question.")
    subjects, others = said.get("subjects") or (), said.get("co_subjects")
    if not subjects or len({*subjects, *(others or ())}) < len(subjects) + len(others or ()):
        raise BadAsking("A question is about some subjects, each of which stands in it once.")
    content = dict(said.get("content") or {})
    codes = content.pop("codes", None)
    facts: Json = {field: said.get(name) for name, field in _FACTS.items()}
    if facts["remix_depth"] is None and said.get("parents") == []:
        facts["remix_depth"] = 0
    try:
        request = Request(
            action=str(Action(said["action"])),
            platform="",
            at=_NO_TIME,
            ratings={str(Axis(axis)): LEVEL[level] for axis, level in content.items()},
            codes=None if codes is None else frozenset(codes),
            viewer_age=(said.get("user") or {}).get("age"),
            **facts,
        )
    except (KeyError, ValueError) as error:
        raise BadAsking(f"The question cannot be read: {error}") from error
    return _Asking(
        subjects=subjects, request=request, co_subjects=others, prompt=said.get("prompt")
    )
