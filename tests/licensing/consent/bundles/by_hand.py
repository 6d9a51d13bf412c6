"""One little world of three characters and two holders, written by hand."""

from __future__ import annotations

from typing import Any

from licensing.consent.engine import bundling
from licensing.consent.engine.bodies import canonical, read_body
from licensing.consent.engine.compiling import compile_rule
from licensing.consent.engine.language import Effect, RuleBody
from licensing.consent.engine.voices import Switch

Json = dict[str, Any]


def voice(holder: str, *bodies: Json, switches: tuple[Switch, ...] = ()) -> bundling.Voice:
    return bundling.Voice(
        holder=holder,
        epoch=1,
        rules=[
            (
                compile_rule(version=f"rlv_{holder}{place}", scope="", body=_body(body)),
                canonical(body),
            )
            for place, body in enumerate(bodies)
        ],
        switches=switches,
    )


def _body(said: Json) -> RuleBody:
    """A body, also one that is none: what it says is not what this is about."""
    return read_body(said if said["effect"] in set(Effect) else ALLOW)


def content(*voices: bundling.Voice) -> Json:
    return bundling.content(
        platform="plt_a",
        mode="test",
        subjects=[
            (("chr_1", "prp_1"), {"": ["hld_1"], "DE": ["hld_2"]}),
            (("chr_2",), {"": ["hld_2"]}),
            (("chr_3",), {}),
        ],
        voices=voices,
    )


ALLOW: Json = {"effect": "allow"}
VIDEO: Json = {"subjects": ["chr_1"], "action": "generate_video", "territory": "US"}
