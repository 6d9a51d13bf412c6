"""A request tried by one of its rights holders: what would be answered, with nothing recorded.

No receipt is signed, no approval asked for, no quota drawn on. Only the holder's own rules are
looked at. Whoever else has to consent is named, and what they say stays theirs: it counts as a yes
here, as the answer is about the holder's own word.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from ledger.actor import Actor
from ledger.errors import NotFound
from licensing.catalog.models import Platform, RightsHolder, Subject
from licensing.consent import decisions, spending
from licensing.consent.decisions import Asking
from licensing.consent.engine.bodies import read_body
from licensing.consent.engine.compiling import RuleBook, bind, compile_rule
from licensing.consent.engine.counterfactuals import with_changes
from licensing.consent.engine.deciding import Asked, decide
from licensing.consent.engine.language import Decision, Effect, RuleBody
from licensing.consent.engine.voices import Word
from licensing.consent.models import RuleVersion
from licensing.consent.standing import Standing, shown, stand


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What the holder's own rules answer, and who else would have to consent, by shown id.

    `asked` says whether the holder is asked at all: somebody else may consent for everyone.
    """

    decision: Decision
    asked: bool
    others: tuple[str, ...]


def try_asking(
    *,
    actor: Actor,
    now: datetime,
    platform: Platform,
    asking: Asking,
    strangers: Sequence[str] = (),
    draft: RuleVersion | None = None,
) -> Trial:
    """What `platform` would be answered to `asking`; with `draft` as if that were published.

    `strangers` are ids of others in the picture that are not the actor's to see: they answer to
    just that id. Raises NotFound for a subject that the actor does not see.
    """
    named = {*asking.subjects, *(asking.co_subjects or ())}
    if Subject.objects.visible_to(actor).filter(pk__in=named).count() < len(named):
        raise NotFound
    standing = stand(subjects=named, now=now)
    own = set(RightsHolder.objects.visible_to(actor).values_list("pk", flat=True))
    _speak_for(own, standing, draft)
    case = decisions.case_of(asking, platform, now, standing)
    asked = _where_asked(case.asked, {shown("hld", holder) for holder in own})
    request = case.request
    if strangers:
        seen = request.co_subjects or ()
        request = replace(request, co_subjects=(*seen, *(frozenset({one}) for one in strangers)))
    counts = spending.Counts(platform=platform.pk, at=now)
    limited = spending.limited(asked)
    if limited:
        counts.read(limited)
    spent = counts.spent(limited, units=asking.generations)
    decision = with_changes(decide(request, asked, spent=spent), request, asked, spent)
    needed = {
        holder
        for subject in asking.subjects
        for holder in standing.subjects[subject].consenting(request.territory)
    }
    return Trial(
        decision=_about_own(decision, {shown("hld", holder) for holder in own}),
        asked=not needed or not own.isdisjoint(needed),
        others=tuple(sorted(shown("hld", holder) for holder in needed - own)),
    )


def _speak_for(own: set[UUID], standing: Standing, draft: RuleVersion | None) -> None:
    """Lets the words of `own` holders stand, with the draft in its place, and the others' be a yes."""
    for holder, word in standing.words.items():
        if holder not in own:
            standing.words[holder] = Word(holder=word.holder, epoch=word.epoch, book=_YES)
        elif draft is not None and holder == draft.holder_id:
            standing.words[holder] = replace(word, book=_with(draft, word.book))


def _where_asked(asked: Sequence[Asked], own: Set[str]) -> tuple[Asked, ...]:
    """The subjects, of which nothing is told about territories where only others are asked."""

    def elsewhere(place: str, there: Asked) -> Asked:
        holders = {holder for each in asked for holder, _ in each.asked_in(place).consents}
        return replace(there, consents=()) if holders.isdisjoint(own) else there

    return tuple(each.with_elsewhere(elsewhere) for each in asked)


def _with(draft: RuleVersion, book: RuleBook) -> RuleBook:
    """A book in which `draft` stands instead of whatever its rule has said so far."""
    rule = draft.rule
    scope = rule.subject or rule.property
    tried = compile_rule(
        version=draft.shown_id,
        rule=rule.shown_id,
        scope=scope.shown_id if scope is not None else "",
        body=read_body(draft.body),
    )
    return bind([*(each for each in book.rules if each.rule != rule.shown_id), tried])


def _about_own(decision: Decision, own: set[str]) -> Decision:
    """The decision without the yes that stands for others."""
    return replace(
        decision,
        reasons=tuple(each for each in decision.reasons if not each.holder or each.holder in own),
        rule_versions=tuple(filter(None, decision.rule_versions)),
    )


_YES: Final = bind([compile_rule(version="", scope="", body=RuleBody(effect=Effect.ALLOW))])
