"""What the sandbox's people have agreed: consent rules, and agreements with terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from config.sandbox import cast
from config.sandbox.stage import Stage, actor_named
from licensing.commerce.agreements import Price, Terms, create_agreement
from licensing.commerce.models import Agreement
from licensing.consent import rules
from licensing.consent.models import ConsentRule

_PICTURES: Final = ["generate_image", "generate_video"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxRule:
    """A rule over everything its holder has."""

    holder: str
    name: str
    body: Mapping[str, Any]


RULES: Final = (
    SandboxRule(
        holder=cast.NIMBUS,
        name="Pictures and clips, mild, not in Germany",
        body={
            "effect": "allow",
            "actions": _PICTURES,
            "territories": {"except": ["DE"]},
            "content": {"violence": "mild"},
            "obligations": {"watermark": True, "report_within_hours": 24},
            "price": {"per": "agreement"},
        },
    ),
    SandboxRule(
        holder=cast.NIMBUS,
        name="No politics",
        body={"effect": "deny", "actions": _PICTURES, "purposes": ["political"]},
    ),
    SandboxRule(
        holder=cast.OTTER,
        name="Fun is free to ask for",
        body={
            "effect": "allow",
            "actions": _PICTURES,
            "purposes": ["personal", "commercial", "parody"],
            "price": {"per": "agreement"},
        },
    ),
    SandboxRule(
        holder=cast.OTTER,
        name="Advertising: ask us",
        body={"effect": "needs_approval", "actions": _PICTURES, "purposes": ["advertising"]},
    ),
    SandboxRule(
        holder=cast.MARA,
        name="My voice and face, for personal clips",
        body={
            "effect": "allow",
            "actions": ["generate_video", "generate_voice"],
            "purposes": ["personal"],
            "content": {"violence": "none"},
            "obligations": {"watermark": True, "c2pa": True},
            "price": {"per": "agreement"},
        },
    ),
)

TERMS: Final = Terms(
    effective_on=date(2025, 1, 1),
    fee_percent=Decimal(15),
    remix_percent=Decimal(10),
    prices=(
        Price(medium="image", unit="generation", amount=Decimal("0.002")),
        Price(medium="video", unit="second", amount=Decimal("0.0004")),
        Price(medium="voice", unit="second", amount=Decimal("0.0003")),
        Price(medium="image", unit="generation", amount=Decimal("0.01"), licensed=False),
        Price(medium="video", unit="second", amount=Decimal("0.002"), licensed=False),
        Price(medium="voice", unit="second", amount=Decimal("0.0015"), licensed=False),
    ),
)


def settle_dealings(stage: Stage, *, now: datetime) -> None:
    """Publishes the rules and makes the agreements that are missing."""
    for rule in RULES:
        _publish(stage, rule, now)
    preparer = actor_named(cast.FINANCE[0].username)
    for holder, _ in stage.holders.values():
        for platform, _ in stage.platforms.values():
            if not Agreement.objects.filter(platform=platform, holder=holder).exists():
                create_agreement(
                    actor=preparer,
                    now=now,
                    platform=platform,
                    holder=holder,
                    currency="USD",
                    terms=TERMS,
                )


def _publish(stage: Stage, rule: SandboxRule, now: datetime) -> None:
    holder, login = stage.holders[rule.holder]
    if ConsentRule.objects.filter(holder=holder, name=rule.name).exists():
        return
    actor = actor_named(login.username)
    made = rules.create_rule(
        actor=actor,
        now=now,
        holder=holder,
        body=rule.body,
        name=rule.name,
    )
    rules.publish(actor=actor, now=now, rule=made)
