"""One round of the demonstration: what the sandbox's platforms ask and make, drawn by chance."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

# How often each is drawn. Some of it is refused on purpose: Germany, politics, strong violence.
_TERRITORIES: Final = ("US", "US", "US", "GB", "FR", "JP", "BR", "DE")
_PURPOSES: Final = ("personal",) * 6 + ("commercial", "commercial", "advertising", "political")
_VIOLENCE: Final = ("none",) * 6 + ("mild", "strong")
# How many are asked for, and made, at once; and how long the longest clip is.
_GENERATIONS: Final = (4, 4, 8)
_SECONDS: Final = 8
_REMIXED: Final = 0.15
_UNLICENSED: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """An allow that so many generations may cite."""

    receipt: str
    generations: int
    subjects: tuple[str, ...]
    medium: str
    territory: str
    purpose: str


def draw_checks(
    chance: random.Random, subjects: Sequence[dict[str, Any]], count: int
) -> list[dict[str, Any]]:
    """`count` consent checks over the sandbox's subjects."""
    return [_draw_check(chance, subjects) for _ in range(count)]


def _draw_check(chance: random.Random, subjects: Sequence[dict[str, Any]]) -> dict[str, Any]:
    cast = chance.sample(list(subjects), 2 if chance.random() < 0.1 else 1)
    voice = len(cast) == 1 and "voice" in cast[0]["name"]
    action = "generate_voice" if voice else chance.choice(("generate_image", "generate_video"))
    check: dict[str, Any] = {
        "subjects": [subject["id"] for subject in cast],
        "action": action,
        "generations": chance.choice(_GENERATIONS),
        "territory": chance.choice(_TERRITORIES),
        "purpose": chance.choice(_PURPOSES),
        "content": {"violence": chance.choice(_VIOLENCE)},
    }
    if action != "generate_image":
        check["duration_seconds"] = _SECONDS
    return check


def licence_of(check: dict[str, Any], answer: dict[str, Any]) -> Licence | None:
    """What an answer lets one make, if it is an allow."""
    if answer["outcome"] != "allow":
        return None
    return Licence(
        receipt=answer["receipt"],
        generations=answer["generations"],
        subjects=tuple(check["subjects"]),
        medium=check["action"].removeprefix("generate_"),
        territory=check["territory"],
        purpose=check["purpose"],
    )


def draw_lines(
    chance: random.Random,
    licences: Sequence[Licence],
    *,
    name: str,
    count: int,
    now: datetime,
) -> Iterator[dict[str, Any]]:
    """`count` generations made under `licences`, or as many as those cover; some remix an earlier
    one, a few lack a receipt."""
    covered = [licence for licence in licences for _ in range(licence.generations)]
    for number, licence in enumerate(chance.sample(covered, min(count, len(covered)))):
        line: dict[str, Any] = {
            "external_id": f"{name}-{number}",
            "occurred_at": now.isoformat(),
            "medium": licence.medium,
            "territory": licence.territory,
            "purpose": licence.purpose,
            "subjects": [{"id": subject} for subject in licence.subjects],
            "model": "sandbox-1",
        }
        if licence.medium != "image":
            line["seconds"] = chance.randint(2, _SECONDS)
        if chance.random() >= _UNLICENSED:
            line["receipt"] = licence.receipt
        if number and chance.random() < _REMIXED:
            line["parents"] = [f"{name}-{chance.randrange(number)}"]
        yield line


def as_ndjson(lines: Sequence[dict[str, Any]]) -> bytes:
    """Lines as they are uploaded."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
