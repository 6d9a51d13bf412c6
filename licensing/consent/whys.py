"""Why a request was answered so, for a page: each rule with what it does, and what stands without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ledger import ids
from ledger.actor import Actor
from licensing.consent.engine import explanations
from licensing.consent.engine.language import Reason
from licensing.consent.engine.wording import Names, listing
from licensing.consent.models import ConsentRule, RuleVersion
from licensing.consent.rule_lists import called


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One reason: a rule and what it does, or a sentence without one. `about` names a subject."""

    about: str
    rule: ConsentRule | None
    title: str
    says: str


def versions_of(shown: Iterable[str], *, actor: Actor) -> dict[str, RuleVersion]:
    """Those of the named rule versions that the actor sees, with their rules, by shown id."""
    keys = {ids.read(RuleVersion.PREFIX, one) for one in shown if one}
    rows = RuleVersion.objects.visible_to(actor).filter(pk__in=keys)
    rows = rows.select_related("rule__holder", "rule__property", "rule__subject")
    return {each.shown_id: each for each in rows}


def whys(
    reasons: Iterable[Reason], versions: Mapping[str, RuleVersion], abouts: Names
) -> list[Why]:
    """One for each rule with all that it misses, in the order they were found.

    `abouts` are the subjects to be named; a reason about any other names none.
    """
    together: dict[tuple[str, str], list[Reason]] = {}
    for reason in reasons:
        together.setdefault((reason.subject, reason.rule_version), []).append(reason)
    found = []
    for (subject, version), several in together.items():
        about = abouts.get(subject, "")
        known = versions.get(version)
        if known is None:
            found += [
                Why(about=about, rule=None, title="", says=explanations.stands(reason.code))
                for reason in several
            ]
            continue
        says = listing([explanations.does(reason.code, reason.fact) for reason in several])
        found.append(Why(about=about, rule=known.rule, title=called(known.rule), says=says))
    return found
