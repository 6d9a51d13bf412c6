"""Decides by a bundle, without asking anyone: the same engine, where the platform is.

Nothing but the standard library and the engine's own modules. Checking the signature is up to the
caller's `verify`, for the standard library has no Ed25519.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from licensing.catalog.territories import is_territory
from licensing.consent.engine import quotas, words
from licensing.consent.engine.bodies import read_body
from licensing.consent.engine.compiling import Notice, bind, compile_rule
from licensing.consent.engine.deciding import Asked, decide
from licensing.consent.engine.language import (
    LABEL,
    LANGUAGE,
    LEVEL,
    Action,
    Audience,
    Axis,
    ContentCode,
    Decision,
    Effect,
    Purpose,
    Request,
    spell_language,
)
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


_NAMED: Final = {"purpose": Purpose, "audience": Audience}
_WRITTEN: Final = {"channel": LABEL, "model": LABEL, "language": LANGUAGE}
_COUNTED: Final = {
    "depicted_age": "depicted_age",
    "duration_seconds": "duration",
    "resolution": "resolution",
    "remix_depth": "remix_depth",
}
_OTHER: Final = (
    *("subjects", "action", "territory", "content", "prompt", "co_subjects", "parents", "user"),
    "generations",
)
_NO_TIME: Final = datetime(1, 1, 1, tzinfo=UTC)


def _read_asking(said: Mapping[str, Any]) -> _Asking:
    """The question behind the body of a consent check, of one generation.

    What a check would refuse is refused here: to no deny of political use is `Political` political.
    """
    try:
        return _read_facts(said)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadAsking(f"The question cannot be read: {error}") from error


def _read_facts(said: Mapping[str, Any]) -> _Asking:
    unknown = set(said).difference(_NAMED, _WRITTEN, _COUNTED, _OTHER)
    if unknown:
        raise ValueError(f"there is no {sorted(unknown)[0]!r} in it")
    subjects, others = _texts(said, "subjects") or [], _texts(said, "co_subjects")
    if not subjects or len({*subjects, *(others or ())}) < len(subjects) + len(others or ()):
        raise ValueError("it is about some subjects, each of which stands in it once")
    content = dict(said.get("content") or {})
    codes = _texts(content, "codes")
    content.pop("codes", None)
    facts: Json = {name: _one_of(names, said.get(name)) for name, names in _NAMED.items()}
    facts |= {name: _matching(form, said.get(name)) for name, form in _WRITTEN.items()}
    if facts["language"] is not None:
        facts["language"] = spell_language(facts["language"])
    facts |= {field: _whole(said.get(name)) for name, field in _COUNTED.items()}
    territory, prompt = said.get("territory"), said.get("prompt")
    if territory is not None and not is_territory(territory):
        raise ValueError(f"{territory!r} is no territory")
    if prompt is not None and not isinstance(prompt, str):
        raise ValueError("the prompt is no text")
    parents, depth = _texts(said, "parents"), facts["remix_depth"]
    if parents is not None and depth is not None and bool(parents) != bool(depth):
        raise ValueError("the parents and the remix depth contradict each other")
    if parents == []:
        facts["remix_depth"] = 0
    request = Request(
        action=str(Action(said["action"])),
        platform="",
        at=_NO_TIME,
        territory=territory,
        ratings={str(Axis(axis)): LEVEL[level] for axis, level in content.items()},
        codes=None if codes is None else frozenset(str(ContentCode(code)) for code in codes),
        viewer_age=_whole((said.get("user") or {}).get("age")),
        **facts,
    )
    return _Asking(subjects=subjects, request=request, co_subjects=others, prompt=prompt)


def _texts(said: Mapping[str, Any], name: str) -> list[str] | None:
    found = said.get(name)
    if found is None:
        return None
    if not isinstance(found, (list, tuple)) or not all(isinstance(one, str) for one in found):
        raise ValueError(f"{name} is no list of texts")
    return list(found)


def _one_of(names: type[StrEnum], value: Any) -> str | None:
    return None if value is None else str(names(value))


def _matching(form: re.Pattern[str], value: Any) -> str | None:
    if value is not None and not form.match(value):
        raise ValueError(f"{value!r} is not written as it has to be")
    return None if value is None else str(value)


def _whole(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no whole number")
    return value
