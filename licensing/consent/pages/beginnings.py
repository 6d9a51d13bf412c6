"""Rules to begin with, so that nobody has to begin with an empty page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """A rule that many want: its name, for whom it is good, and a rule's JSON form."""

    key: str
    name: str
    why: str
    body: dict[str, Any]


_PICTURES: Final = ["generate_image", "generate_video"]
_NOTHING_STRONG: Final = {
    "violence": "mild",
    "sexual": "none",
    "fear": "mild",
    "drugs": "none",
    "profanity": "mild",
}

BEGINNINGS: Final = (
    Beginning(
        key="personal-clips",
        name="Personal clips anywhere, nothing strong",
        why="Lets fans play, on every platform, as long as it stays gentle.",
        body={
            "effect": "allow",
            "actions": [*_PICTURES, "remix"],
            "purposes": ["personal", "parody"],
            "content": _NOTHING_STRONG,
            "obligations": {"watermark": True},
        },
    ),
    Beginning(
        key="paid-clips",
        name="Commercial clips, paid for each",
        why="An income from everyone who earns with your characters.",
        body={
            "effect": "allow",
            "actions": _PICTURES,
            "purposes": ["commercial"],
            "content": _NOTHING_STRONG,
            "obligations": {"watermark": True, "c2pa": True, "report_within_hours": 24},
            "revocation_notice_days": 30,
            "price": {"per": "generation", "amount": "0.05", "currency": "USD"},
        },
    ),
    Beginning(
        key="nothing-political",
        name="Nothing political",
        why="A denial wins over every allowance, now and later.",
        body={"effect": "deny", "purposes": ["political"]},
    ),
    Beginning(
        key="ask-for-advertising",
        name="Ask me first for advertising",
        why="Each request waits for your own yes or no.",
        body={"effect": "needs_approval", "purposes": ["advertising"]},
    ),
    Beginning(
        key="no-training",
        name="No training of models",
        why="Nobody feeds your characters to a model.",
        body={"effect": "deny", "actions": ["train"]},
    ),
    Beginning(
        key="people-i-know",
        name="Only I and people I approved",
        why="For a likeness or a voice: yours, and nobody else’s.",
        body={
            "effect": "allow",
            "actions": [*_PICTURES, "generate_voice"],
            "audience": ["self", "approved"],
            "purposes": ["personal"],
            "content": {**_NOTHING_STRONG, "violence": "none"},
            "obligations": {"watermark": True, "c2pa": True, "delete_on_revocation": True},
        },
    ),
)


def beginning_of(key: str) -> Beginning | None:
    """The one of this key, if there is one."""
    return next((each for each in BEGINNINGS if each.key == key), None)
