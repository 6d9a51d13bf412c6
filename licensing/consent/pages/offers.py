"""What the rule editor offers by name: platforms, company, and what a rule may be over."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet
from rest_framework.serializers import ValidationError

from ledger import ids
from ledger.actor import Actor
from ledger.forms import search_words
from ledger.windows import named, read_id
from licensing.catalog.models import (
    OwnershipShare,
    Platform,
    Property,
    RightsHolder,
    Subject,
)
from licensing.consent.rules import Scope
from licensing.consent.windows.shapes import AnyReference

# How many of each kind are offered without being looked for.
MOST_PLATFORMS: Final = 250
MOST_SCOPES: Final = 500
FEW: Final = 24
MOST_FOUND: Final = 12

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeOption:
    """Something a rule may be over: `value` names the holder and the thing."""

    value: str
    label: str


def platforms(actor: Actor) -> Pairs:
    """The platforms a rule may name, by name."""
    rows = Platform.objects.visible_to(actor).order_by("name", "id")[:MOST_PLATFORMS]
    return [(each.shown_id, each.name) for each in rows]


def company(actor: Actor) -> Pairs:
    """One's own properties and subjects, if they are few enough to be shown at once."""
    found: Pairs = []
    kinds: tuple[QuerySet[Any], ...] = (
        Property.objects.visible_to(actor),
        Subject.objects.visible_to(actor),
    )
    for rows in kinds:
        some = list(rows.order_by("name", "id")[: FEW + 1])
        found += [(each.shown_id, each.name) for each in some]
    return found if len(found) <= FEW else []


def find_company(actor: Actor, text: str) -> Pairs:
    """Those of one's own whose name has `text` in it; or whatever an id, of anybody's, means."""
    text = search_words(text)
    if not text:
        return []
    with suppress(ValidationError):
        return [(AnyReference().run_validation(text), text)]
    found: Pairs = []
    for rows in (
        Subject.objects.visible_to(actor),
        Property.objects.visible_to(actor),
        RightsHolder.objects.visible_to(actor),
    ):
        some: QuerySet[Any] = rows.filter(name__icontains=text).order_by("name", "id")
        found += [(each.shown_id, each.name) for each in some[:MOST_FOUND]]
    return found[:MOST_FOUND]


def scopes(actor: Actor) -> list[tuple[str, list[ScopeOption]]]:
    """All that a rule of the actor's holders may be over, in groups."""
    holders = list(RightsHolder.objects.visible_to(actor).order_by("name", "id"))
    several = len(holders) > 1
    everything = [
        ScopeOption(value=one.shown_id, label=f"Everything {one.name} holds") for one in holders
    ]
    names = {one.pk: one.name for one in holders}

    def label(holder: Any, name: str) -> str:
        return f"{name} ({names[holder]})" if several else name

    properties = [
        ScopeOption(
            value=f"{ids.show('hld', each.holder_id)}/{each.shown_id}",
            label=label(each.holder_id, each.name),
        )
        for each in Property.objects.visible_to(actor).order_by("name", "id")[:MOST_SCOPES]
    ]
    subjects = [
        ScopeOption(
            value=f"{ids.show('hld', holder)}/{ids.show('chr', subject)}", label=label(holder, name)
        )
        for holder, subject, name in _own_subjects(names)
    ]
    groups = [
        ("Everything", everything),
        ("A property, with all below it", properties),
        ("One character, likeness, voice or mark", subjects),
    ]
    return [(title, options) for title, options in groups if options]


def read_scope(actor: Actor, value: str) -> tuple[RightsHolder, Scope]:
    """The holder and the scope that a `ScopeOption` names. Raises NotFound."""
    holder_id, _, thing = value.partition("/")
    holder = _found(RightsHolder, actor, holder_id)
    if not thing:
        return holder, Scope()
    if thing.startswith(f"{Property.PREFIX}_"):
        return holder, Scope(property=_found(Property, actor, thing))
    return holder, Scope(subject=_found(Subject, actor, thing))


def scope_value(actor: Actor, thing: str) -> str:
    """The option for a property or subject named by its id alone; empty if there is none."""
    wanted = f"/{thing}"
    for _, options in scopes(actor):
        for option in options:
            if option.value.endswith(wanted) or option.value == thing:
                return option.value
    return ""


def _own_subjects(holders: dict[Any, str]) -> Sequence[tuple[Any, Any, str]]:
    """Each subject with each of `holders` who registered it or has a share of it."""
    registered = Subject.objects.filter(holder__in=holders).values_list("holder_id", "id", "name")
    shared = (
        OwnershipShare.objects.filter(holder__in=holders)
        .values_list("holder_id", "step__subject_id", "step__subject__name")
        .distinct()
    )
    rows = {*registered[:MOST_SCOPES], *shared[:MOST_SCOPES]}
    return sorted(rows, key=lambda row: (row[2].casefold(), str(row[1]), str(row[0])))[:MOST_SCOPES]


def _found(kind: Any, actor: Actor, shown: str) -> Any:
    return named(kind.objects.visible_to(actor), read_id(kind.PREFIX, shown))
