"""The pattern of a request: the narrowest rule that covers it, so that it need not be asked again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from licensing.consent.engine.language import ContentCode, Effect

Json = dict[str, Any]

# Facts that become a list of one, and facts that become a bound, by the body's names for them.
_LISTED: Final = {
    "purpose": "purposes",
    "audience": "audience",
    "channel": "channels",
    "language": "languages",
    "model": "models",
}
_BOUNDED: Final = {
    "viewer_age": "viewer_age_min",
    "depicted_age": "depicted_age_min",
    "duration_seconds": "duration_seconds_max",
    "resolution": "resolution_max",
    "remix_depth": "remix_depth_max",
}


def pattern_of(request: Mapping[str, Any], *, effect: Effect, beside: Collection[str]) -> Json:
    """A rule's body that covers what `request` says and nothing that goes beyond it.

    `request` is a check's, as it is stored. What it left open stays open. `beside` are the ids of
    the other subjects that were asked for. Of the prompt nothing is known but which forbidden words
    it had, so a pattern says nothing about words.
    """
    body: Json = {
        "effect": str(effect),
        "actions": [request["action"]],
        "platforms": {"only": [request["platform"]]},
    }
    if "territory" in request:
        body["territories"] = {"only": [request["territory"]]}
    body |= {field: [request[fact]] for fact, field in _LISTED.items() if fact in request}
    body |= {field: request[fact] for fact, field in _BOUNDED.items() if fact in request}
    content = dict(request.get("content") or {})
    codes = content.pop("codes", None)
    if content:
        body["content"] = content
    if codes is not None and len(codes) < len(ContentCode):
        body["forbidden_codes"] = sorted({str(code) for code in ContentCode} - set(codes))
    if request.get("co_subjects") is not None:
        seen = {one for other in request["co_subjects"] for one in other if one.startswith("chr_")}
        body["co_appearance"] = {"only_with": sorted(seen | set(beside))}
    return body
