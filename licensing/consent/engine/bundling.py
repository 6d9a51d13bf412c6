"""What a bundle holds: everything in force that concerns one platform, and nothing of others.

Pure: the same state gives the same content, and its version is the content's digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from licensing.consent.engine.compiling import CompiledRule
from licensing.consent.engine.language import Effect
from licensing.consent.engine.offline import FORM
from licensing.consent.engine.voices import Switch

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What one holder says: each rule with its canonical body."""

    holder: str
    epoch: int
    rules: Sequence[tuple[CompiledRule, Mapping[str, Any]]]
    switches: Sequence[Switch] = ()


def content(
    *,
    platform: str,
    mode: str,
    subjects: Iterable[tuple[tuple[str, ...], Mapping[str, Sequence[str]]]],
    voices: Iterable[Voice],
) -> Json:
    """The content of `platform`'s bundle. A subject is its chain and its owners by territory."""
    return {
        "form": FORM,
        "aud": platform,
        "mode": mode,
        "subjects": {
            chain[0]: {
                "properties": list(chain[1:]),
                "owners": {territory: list(there) for territory, there in owners.items()},
            }
            for chain, owners in sorted(subjects, key=lambda subject: subject[0])
        },
        "holders": {
            voice.holder: _said(voice, platform)
            for voice in sorted(voices, key=lambda voice: voice.holder)
        },
    }


def version_of(content: Json) -> str:
    """The version of a content: another one for whatever a decision may depend on."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def reduced(body: Mapping[str, Any], platform: str) -> Json | None:
    """A body as it is for `platform` alone; None if it never covers what that platform asks.

    Which other platforms a rule names is between them and the holder.
    """
    choice = body.get("platforms")
    if choice is None:
        return dict(body)
    named = platform in choice.get("only", choice.get("except", ()))
    if named is not ("only" in choice):
        return None
    return {name: value for name, value in body.items() if name != "platforms"}


def _said(voice: Voice, platform: str) -> Json:
    rules = []
    for rule, body in voice.rules:
        mine = reduced(body, platform)
        if mine is None:
            continue
        written: Json = {
            "version": rule.version,
            "rule": rule.rule,
            "scope": rule.scope,
            "body": mine,
        }
        if rule.answers:
            written["answers"] = sorted(rule.answers)
        if (notice := rule.notice) is not None:
            # What has ended speaks to those alone who relied on it, and no longer denies.
            if platform not in notice.platforms or mine["effect"] == Effect.DENY:
                continue
            written["notice"] = {"number": notice.number, "until": notice.until.isoformat()}
        rules.append(written)
    return {
        "epoch": voice.epoch,
        "rules": sorted(rules, key=lambda rule: rule["version"]),
        "stopped": sorted(
            {switch.scope for switch in voice.switches if switch.platform in ("", platform)}
        ),
    }
