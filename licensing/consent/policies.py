"""The effective policy of one subject, as one of its rights holders may see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q

from ledger import ids
from ledger.actor import Actor
from licensing.catalog.models import Property, RightsHolder, Subject
from licensing.catalog.territories import NAMES
from licensing.consent.engine import wording
from licensing.consent.engine.language import Action
from licensing.consent.engine.outlook import Outlook, prospect, worst
from licensing.consent.models import ConsentRule, KillSwitch
from licensing.consent.naming import co_owners, names_in
from licensing.consent.rule_lists import ShownRule, show
from licensing.consent.standing import Standing, StandingSubject, shown, stand
from licensing.consent.states import VersionState

# How many rules and kill switches one page tells of.
MOST_RULES: Final = 300
MOST_SWITCHES: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level that a subject inherits from, with the rules over it."""

    kind: str
    name: str
    rules: tuple[ShownRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionOutlook:
    """What comes of one action, and the rules in force that speak of it.

    `on_notice` says that one that has ended runs on for those who relied on it.
    """

    action: str
    called: str
    outlook: Outlook
    denies: tuple[ConsentRule, ...]
    asks: tuple[ConsentRule, ...]
    allows: tuple[ConsentRule, ...]
    on_notice: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All that is said about one subject by the actor's holders, and who else has a say.

    `others` are the names of those whose consent is needed besides, by territory; empty is
    everywhere else. `asked` says whether the actor's holders are asked at all; `disputed` names the
    territories with an open claim, empty being everywhere.
    """

    subject: Subject
    asked: bool
    disputed: tuple[str, ...]
    levels: tuple[Level, ...]
    actions: tuple[ActionOutlook, ...]
    switches: tuple[KillSwitch, ...]
    others: tuple[tuple[str, tuple[str, ...]], ...]


def policy_of(*, actor: Actor, now: datetime, subject: Subject) -> Policy:
    """The policy of a subject that the actor sees, in a bounded number of queries."""
    standing = stand(subjects=[subject.pk], now=now)
    stands = standing.subjects[subject.pk]
    own = set(RightsHolder.objects.visible_to(actor).values_list("pk", flat=True))
    asked = own & set(stands.consenting(None))
    rules = _rules(actor, asked, stands)
    by_id = {each.rule.shown_id: each.rule for each in rules}
    return Policy(
        subject=subject,
        asked=bool(asked),
        disputed=tuple(sorted(set(stands.disputed))),
        levels=tuple(_levels(actor, stands, subject, rules)),
        actions=tuple(_action(str(action), asked, standing, stands, by_id) for action in Action),
        switches=tuple(_switches(actor, asked, stands)),
        others=tuple(_others(actor, stands, own)),
    )


def _rules(actor: Actor, asked: set[UUID], stands: StandingSubject) -> list[ShownRule]:
    """The rules in force over anything in the chain, as sentences."""
    properties = [ids.read(Property.PREFIX, one) for one in stands.chain[1:]]
    rows = (
        ConsentRule.objects.visible_to(actor)
        .filter(holder__in=asked, versions__state=VersionState.PUBLISHED)
        .filter(
            Q(subject=stands.id)
            | Q(property__in=properties)
            | Q(subject__isnull=True, property__isnull=True)
        )
    )
    rows = rows.select_related("holder", "property", "subject").with_versions().order_by("pk")
    found = list(rows[:MOST_RULES])
    bodies = [version.body for rule in found if (version := rule.in_force()) is not None]
    names = names_in(bodies, actor=actor)
    return [show(rule, names) for rule in found]


def _levels(
    actor: Actor, stands: StandingSubject, subject: Subject, rules: Sequence[ShownRule]
) -> list[Level]:
    """From the widest to the nearest: everything, each property, the subject itself."""
    keys = [ids.read(Property.PREFIX, one) for one in stands.chain[1:]]
    names = dict(Property.objects.visible_to(actor).filter(pk__in=keys).values_list("pk", "name"))
    found = [Level(kind="Everything", name="Everything you hold", rules=_over(rules, None))]
    found += [
        Level(kind="Property", name=names[key], rules=_over(rules, key))
        for key in reversed(keys)
        if key in names
    ]
    nearest = Level(
        kind=subject.get_kind_display(), name=subject.name, rules=_over(rules, subject.pk)
    )
    return [*found, nearest]


def _over(rules: Sequence[ShownRule], scope: UUID | None) -> tuple[ShownRule, ...]:
    return tuple(each for each in rules if (each.rule.subject_id or each.rule.property_id) == scope)


def _action(
    action: str,
    asked: set[UUID],
    standing: Standing,
    stands: StandingSubject,
    by_id: Mapping[str, ConsentRule],
) -> ActionOutlook:
    """What comes of one action by the words of all the actor's holders who are asked."""
    found = []
    for holder in asked:
        word = standing.words[holder]
        # A switch on one platform only does not stop every request.
        stopped = any(
            not switch.platform and (not switch.scope or switch.scope in stands.chain)
            for switch in word.switches
        )
        found.append(prospect(word.book.over(stands.chain, action), stopped=stopped))

    def rules(name: str) -> tuple[ConsentRule, ...]:
        spoken = [rule for each in found for rule in getattr(each, name)]
        return tuple(
            by_id[rule.rule] for rule in spoken if rule.notice is None and rule.rule in by_id
        )

    return ActionOutlook(
        action=action,
        called=wording.ACTIONS[action],
        outlook=worst([each.outlook for each in found]),
        denies=rules("denies"),
        asks=rules("asks"),
        allows=rules("allows"),
        on_notice=any(
            rule.notice is not None for each in found for rule in (*each.asks, *each.allows)
        ),
    )


def _switches(actor: Actor, asked: set[UUID], stands: StandingSubject) -> list[KillSwitch]:
    properties = [ids.read(Property.PREFIX, one) for one in stands.chain[1:]]
    rows = KillSwitch.objects.visible_to(actor).thrown().filter(holder__in=asked)
    rows = rows.filter(
        Q(subject=stands.id)
        | Q(property__in=properties)
        | Q(subject__isnull=True, property__isnull=True)
    )
    rows = rows.select_related("holder", "property", "subject", "platform").order_by("-pk")
    return list(rows[:MOST_SWITCHES])


def _others(
    actor: Actor, stands: StandingSubject, own: set[UUID]
) -> list[tuple[str, tuple[str, ...]]]:
    """Whose consent is needed besides, by the name of the territory."""
    needed = {
        territory: [shown("hld", holder) for holder in owners if holder not in own]
        for territory, owners in stands.owners.items()
    }
    names = co_owners({one for some in needed.values() for one in some}, actor=actor)
    return [
        (
            NAMES.get(territory, territory),
            tuple(sorted(names.get(one, "another owner") for one in some)),
        )
        for territory, some in sorted(needed.items())
        if some
    ]
