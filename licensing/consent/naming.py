"""What the ids in rules are called, as far as whoever looks may know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.models import Model, QuerySet

from ledger import ids
from ledger.actor import Actor
from licensing.catalog.models import (
    OwnershipStep,
    Platform,
    Property,
    RightsHolder,
    Subject,
)
from licensing.consent.engine import words

_KINDS: Final[Mapping[str, Any]] = {
    kind.PREFIX: kind for kind in (Platform, Property, RightsHolder, Subject)
}


def names_in(bodies: Iterable[Mapping[str, Any]], *, actor: Actor) -> dict[str, str]:
    """The names of whatever `bodies` name, in at most one query per kind of thing.

    What the actor may not see has none and stands as its id. A folded word is found as `word:…`.
    """
    named: set[str] = set()
    phrases: set[str] = set()
    for body in bodies:
        for chosen in (body.get("platforms") or {}).values():
            named.update(chosen)
        for others in (body.get("co_appearance") or {}).values():
            named.update(others)
        phrases.update(body.get("forbidden_words") or ())
    found = names_of(named, actor=actor)
    found |= {f"word:{words.fold(phrase)}": phrase for phrase in phrases}
    return found


def names_of(shown: Iterable[str], *, actor: Actor) -> dict[str, str]:
    """The names of things by their shown ids, in at most one query per kind of thing."""
    wanted: dict[str, set[Any]] = defaultdict(set)
    for text in shown:
        prefix = text.partition("_")[0]
        if prefix in _KINDS:
            try:
                wanted[prefix].add(ids.read(prefix, text))
            except ValueError:
                continue
    found: dict[str, str] = {}
    for prefix, keys in wanted.items():
        rows: QuerySet[Model] = _KINDS[prefix].objects.visible_to(actor).filter(pk__in=keys)
        found |= {ids.show(prefix, key): name for key, name in rows.values_list("pk", "name")}
    return found


def co_owners(shown: Iterable[str], *, actor: Actor) -> dict[str, str]:
    """The names of those who own a share of something that the actor sees, by shown id."""
    keys = [ids.read(RightsHolder.PREFIX, one) for one in shown]
    if not keys:
        return {}
    steps = OwnershipStep.objects.visible_to(actor)
    rows = RightsHolder.objects.filter(pk__in=keys, shares__step__in=steps).distinct()
    return {each.shown_id: each.name for each in rows}
