"""A holder's rules as a page shows them: by scope, each as a sentence, with where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from django.db.models import Case, Exists, IntegerField, OuterRef, Value, When

from ledger.actor import Actor
from ledger.windows import named, read_id
from licensing.catalog.models import Property
from licensing.consent.engine.sentences import Sentence, sentences
from licensing.consent.models import ConsentRule, ConsentRuleQuerySet, RuleVersion
from licensing.consent.naming import names_in
from licensing.consent.states import VersionState

STANDING: Final = (VersionState.DRAFT, VersionState.PUBLISHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a rule stands: a word for its colour, what to say, and since when."""

    kind: str
    says: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRule:
    """A rule on a page. `version` is the one that is read aloud: in force, else the latest."""

    rule: ConsentRule
    version: RuleVersion
    effect: str
    sentences: list[Sentence]
    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeGroup:
    """Rules over one thing."""

    kind: str
    name: str
    within: str
    subject: str
    rules: tuple[ShownRule, ...]


def rules_of(
    actor: Actor, *, ended: bool = False, over: Property | None = None
) -> ConsentRuleQuerySet:
    """Rules in the order of a page: over everything, then properties and subjects by name.

    With `over` only those over that property itself.
    """
    standing = RuleVersion.objects.filter(rule=OuterRef("pk"), state__in=STANDING)
    rows = ConsentRule.objects.visible_to(actor).filter(
        ~Exists(standing) if ended else Exists(standing)
    )
    if over is not None:
        rows = rows.filter(property=over)
    narrowness = Case(
        When(subject__isnull=False, then=Value(2)),
        When(property__isnull=False, then=Value(1)),
        default=Value(0),
        output_field=IntegerField(),
    )
    rows = rows.order_by(
        "holder__name",
        "holder",
        narrowness,
        "property__name",
        "property",
        "subject__name",
        "subject",
        "pk",
    )
    return rows.select_related("holder", "property__parent", "subject__property").with_versions()


def find_rule(actor: Actor, shown: str) -> ConsentRule:
    """The rule of an address. Another's, an absent and a malformed one look alike."""
    rows = ConsentRule.objects.visible_to(actor).select_related("holder", "property", "subject")
    rule: ConsentRule = named(rows.with_versions(), read_id(ConsentRule.PREFIX, shown))
    return rule


def grouped(rules: Iterable[ConsentRule], *, actor: Actor) -> list[ScopeGroup]:
    """Rules in the order of `rules_of`, put together by what they are over."""
    rules = list(rules)
    names = names_in((_read(rule).body for rule in rules), actor=actor)
    several = len({rule.holder_id for rule in rules}) > 1

    def place(rule: ConsentRule) -> tuple[Any, ...]:
        return rule.holder_id, rule.property_id, rule.subject_id

    return [
        _group([show(rule, names) for rule in together], several=several)
        for _, together in groupby(rules, key=place)
    ]


def show(rule: ConsentRule, names: Mapping[str, str]) -> ShownRule:
    """One rule, after `with_versions`."""
    version = _read(rule)
    return ShownRule(
        rule=rule,
        version=version,
        effect=version.body["effect"],
        sentences=sentences(version.body, names),
        standings=tuple(standings(rule)),
    )


def standings(rule: ConsentRule) -> Iterable[Standing]:
    """In force, drafted or ended: one or two things to say about a rule."""
    latest, in_force = rule.latest(), rule.in_force()
    if in_force is not None:
        yield Standing(kind="published", says="In force", since=in_force.published_at)
        if latest.state == VersionState.DRAFT:
            yield Standing(kind="draft", says="A change is drafted", since=latest.drafted_at)
    elif latest.state == VersionState.DRAFT:
        yield Standing(kind="draft", says="Draft", since=latest.drafted_at)
    else:
        yield Standing(kind=latest.state, says=latest.get_state_display(), since=latest.ended_at)


def scope_of(rule: ConsentRule) -> str:
    """What a rule is over, in words."""
    return str(rule.subject or rule.property or f"Everything {rule.holder.name} holds")


def title_of(rule: ConsentRule) -> str:
    """What a rule is called, or else what it is over."""
    return rule.name or scope_of(rule)


def called(rule: ConsentRule) -> str:
    """What a rule is called in the midst of a sentence."""
    over = rule.subject or rule.property or f"everything {rule.holder.name} holds"
    return rule.name or f"Your rule for {over}"


def _read(rule: ConsentRule) -> RuleVersion:
    return rule.in_force() or rule.latest()


def _group(rules: list[ShownRule], *, several: bool) -> ScopeGroup:
    rule = rules[0].rule
    if rule.subject_id is not None:
        kind, within = rule.subject.get_kind_display(), str(rule.subject.property or "")
    elif rule.property_id is not None:
        kind, within = "Property", str(rule.property.parent or "")
    else:
        kind, within = "Everything", ""
    return ScopeGroup(
        kind=kind,
        name=scope_of(rule),
        within=within or (rule.holder.name if several and kind != "Everything" else ""),
        subject=rule.subject.shown_id if rule.subject_id is not None else "",
        rules=tuple(rules),
    )
