"""Rules and questions for stories about consent: valid by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ledger.actor import Mode
from licensing.catalog.models import Platform, Property, RightsHolder, Subject
from licensing.consent import decisions, facts, rules
from licensing.consent.decisions import Asking
from licensing.consent.models import ConsentCheck, ConsentRule
from tests.licensing.builders import Household, build_holder, build_platform

NOW = datetime(2026, 10, 15, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio(Household):
    """A household that surely has a holder."""

    holder: RightsHolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator(Household):
    """A household that surely has a platform."""

    platform: Platform


def build_studio(name: str = "", *, role: str = "owner", mode: Mode = "test") -> Studio:
    """A rights holder with one of its people."""
    house = build_holder(name, role=role, mode=mode)
    assert house.holder is not None
    return Studio(organisation=house.organisation, actor=house.actor, holder=house.holder)


def build_generator(name: str = "", *, mode: Mode = "test") -> Generator:
    """A platform with one of its engineers."""
    house = build_platform(name, mode=mode)
    assert house.platform is not None
    return Generator(organisation=house.organisation, actor=house.actor, platform=house.platform)


def draft_rule(
    house: Household,
    body: Mapping[str, Any] | None = None,
    *,
    subject: Subject | None = None,
    property: Property | None = None,  # noqa: A002 - the field's own word
    now: datetime = NOW,
    **fields: Any,
) -> ConsentRule:
    """A drafted rule of the household's holder: an allow of everything unless told otherwise."""
    assert house.holder is not None
    return rules.create_rule(
        actor=house.actor,
        now=now,
        holder=house.holder,
        scope=rules.Scope(subject=subject, property=property),
        body={"effect": "allow", **(body or {}), **fields},
    )


def publish_rule(
    house: Household, body: Mapping[str, Any] | None = None, *, now: datetime = NOW, **fields: Any
) -> ConsentRule:
    """The same, published."""
    rule = draft_rule(house, body, now=now, **fields)
    rules.publish(actor=house.actor, now=now, rule=rule)
    return rule


def ask(
    house: Household,
    *subjects: Subject,
    now: datetime = NOW,
    action: str = "generate_video",
    co_subjects: tuple[Subject, ...] | None = None,
    prompt: str | None = None,
    generations: int = 1,
    preview: dict[str, str] | None = None,
    **said: Any,
) -> ConsentCheck:
    """The household's platform asks about `subjects`."""
    assert house.platform is not None
    return decisions.check(
        actor=house.actor,
        now=now,
        platform=house.platform,
        asking=asking(
            house.platform,
            *subjects,
            now=now,
            action=action,
            co_subjects=co_subjects,
            prompt=prompt,
            generations=generations,
            preview=preview,
            **said,
        ),
    )


def asking(
    platform: Platform,
    *subjects: Subject,
    now: datetime = NOW,
    action: str = "generate_video",
    co_subjects: tuple[Subject, ...] | None = None,
    prompt: str | None = None,
    generations: int = 1,
    preview: dict[str, str] | None = None,
    **said: Any,
) -> Asking:
    """What a platform says, in the API's words."""
    return Asking(
        subjects=tuple(subject.pk for subject in subjects),
        request=facts.read_request(
            {"action": action, "platform": platform.shown_id, "at": now.isoformat(), **said}
        ),
        co_subjects=None if co_subjects is None else tuple(other.pk for other in co_subjects),
        prompt=prompt,
        generations=generations,
        preview=preview,
    )


def codes(check: ConsentCheck) -> list[str]:
    """The reason codes of an answer."""
    return [reason["code"] for reason in check.reasons]
