"""Recorded requests decided twice as of one moment: by the rules in force, and with the draft.

Everything stands as it stood when a subject or holder was first met: owners, kill switches, rules.
A worker that goes on for another takes each holder's word of the epoch that was met then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from ledger import ids
from licensing.catalog.models import RightsHolder
from licensing.consent import facts
from licensing.consent.bodies import read_body
from licensing.consent.compiling import CompiledRule, RuleBook, bind, compile_rule
from licensing.consent.counterfactuals import smallest_changes
from licensing.consent.engine import Asked, decide
from licensing.consent.language import Change, Decision, Effect, Per, Price, Request
from licensing.consent.models import ConsentCheck, RuleVersion
from licensing.consent.standing import Standing, StandingSubject, Word, shown, stand, word_at
from licensing.simulation.models import Simulation
from licensing.simulation.reading import Searched, Stored, concerned, read_checks, read_stored
from licensing.simulation.tally import Replayed, Tally, Worth, difference, worth

Json = dict[str, Any]
# Distinct requests whose answers are remembered; when there are more, all are forgotten.
_REMEMBERED: Final = 20_000
_ALLOW: Final = Effect.ALLOW
_INNER: Final = ("action", "platform", "words", "co_subjects")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Both:
    """One subject as it is asked about by the rules in force, and with the draft."""

    now: Asked
    draft: Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """One recorded request, ready to be decided twice."""

    request: Request
    now: tuple[Asked, ...]
    draft: tuple[Asked, ...]
    approved: frozenset[str]
    # Whether nobody else's consent is needed: only then is everything the holder's to see.
    alone: bool


class Replayer:
    """Replays checks for one simulation and counts what becomes of them in `tally`."""

    def __init__(self, simulation: Simulation, *, as_of: datetime) -> None:
        saved = simulation.checkpoint or {}
        self.as_of = as_of
        self.tally = Tally.read(saved["tally"]) if saved else Tally()
        self.epochs: dict[str, int] = dict(saved.get("epochs", ()))
        self.subjects = concerned(rule=simulation.rule, as_of=as_of)
        self._standing = Standing()
        self._holder = simulation.rule.holder_id
        self._own = _own_holders(simulation.rule.holder)
        self._draft = _compiled(simulation)
        versions = RuleVersion.objects.filter(rule=simulation.rule).values_list("pk", flat=True)
        self._replaced = frozenset(shown("rlv", version) for version in versions)
        self._books: dict[UUID, tuple[RuleBook, RuleBook]] = {}
        self._both: dict[tuple[UUID, str | None, str], _Both] = {}
        self._searched = Searched()
        self._replays: dict[str, Replayed] = {}
        self._counts: dict[str, int] = {}

    def replay(self, checks: Sequence[UUID]) -> None:
        """Replays checks, in the order given."""
        texts = read_checks(checks)
        fresh = {text for text in texts.values() if text not in self._replays}
        stored = {text: read_stored(text) for text in fresh}
        self._learn(subject for one in stored.values() for subject in one.subjects)
        for check in checks:
            text = texts[check]
            if text not in self._replays:
                if len(self._replays) >= _REMEMBERED:
                    self._count()
                    self._replays.clear()
                one = stored.get(text) or read_stored(text)
                self._replays[text] = self._replay(check, one)
            self._counts[text] = self._counts.get(text, 0) + 1
        self._count()

    def checkpoint(self, last: UUID) -> Json:
        """All that another worker needs to go on after `last`."""
        return {"after": str(last), "tally": self.tally.write(), "epochs": self.epochs}

    def _count(self) -> None:
        for text, times in self._counts.items():
            self.tally.add(self._replays[text], times)
        self._counts.clear()

    def _learn(self, subjects: Iterable[UUID]) -> None:
        """Reads how subjects stand that were not met before, and what their owners say."""
        fresh = {subject for subject in subjects if subject not in self._standing.subjects}
        if not fresh:
            return
        found = stand(subjects=fresh, now=self.as_of)
        self._standing.subjects |= found.subjects
        for holder, word in found.words.items():
            if holder in self._standing.words:
                continue
            epoch = self.epochs.setdefault(word.holder, word.epoch)
            if epoch != word.epoch:
                word = word_at(holder=holder, epoch=epoch)  # noqa: PLW2901 - the same one's, then
            self._standing.words[holder] = word

    def _replay(self, check: UUID, stored: Stored) -> Replayed:
        asking = self._asking(stored)
        now = decide(asking.request, asking.now, approved=asking.approved)
        draft = now
        if self._speaks(asking):
            draft = decide(asking.request, asking.draft, approved=asking.approved)
        way = (str(now.outcome), str(draft.outcome))
        if self.tally.wants_example(way):
            example = self._example(check, stored, asking, draft)
            self.tally.examples.setdefault(way, []).append(example)
        stream, value = _value(stored, asking, now, draft)
        return Replayed(
            recorded=stored.outcome,
            was=way[0],
            becomes=way[1],
            platform=asking.request.platform,
            action=asking.request.action,
            territory=asking.request.territory,
            subjects=tuple(
                self.subjects[subject] for subject in stored.subjects if subject in self.subjects
            ),
            stream=stream,
            worth=value,
            hangs_on_words=bool(asking.request.unsearched) and _hangs(asking, now, draft),
            stopped=any(subject.holds for subject in asking.now),
        )

    def _speaks(self, asking: _Asking) -> bool:
        """Whether what differs between the two speaks of this request at all."""
        return any(now is not draft for now, draft in zip(asking.now, asking.draft, strict=True))

    def _asking(self, stored: Stored) -> _Asking:
        said = {**stored.request, "at": _NO_TIME}
        request = replace(facts.read_request(said), at=self.as_of)
        standing = [self._standing.subjects[subject] for subject in stored.subjects]
        consenting = {
            holder for subject in standing for holder in subject.consenting(request.territory)
        }
        both = [self._stands(subject, request) for subject in standing]
        if request.words is not None:
            request = replace(request, unsearched=self._unsearched(stored, consenting))
        return _Asking(
            request=request,
            now=tuple(one.now for one in both),
            draft=tuple(one.draft for one in both),
            approved=stored.approved,
            alone=all(self._words[holder].holder in self._own for holder in consenting),
        )

    @property
    def _words(self) -> Mapping[UUID, Word]:
        return self._standing.words

    def _stands(self, subject: StandingSubject, request: Request) -> _Both:
        """A subject as it is asked about by this platform in this territory."""
        place = (subject.id, request.territory, request.platform)
        found = self._both.get(place)
        if found is None:
            consenting = subject.consenting(request.territory)
            stopped = any(
                self._words[holder].holds(subject.chain, request.platform) for holder in consenting
            )
            holds = ("kill_switch",) if stopped else ()
            now, draft = (
                Asked(
                    subject=subject.chain[0],
                    chain=subject.chain,
                    consents=tuple(
                        (self._words[holder].holder, self._book(holder)[which])
                        for holder in consenting
                    ),
                    holds=holds,
                )
                for which in (0, 1)
            )
            differs = self._holder in consenting
            found = self._both[place] = _Both(now=now, draft=draft if differs else now)
        return found

    def _book(self, holder: UUID) -> tuple[RuleBook, RuleBook]:
        """A holder's rules in force, and those with the draft. What others are paid is not this
        holder's to see, so theirs are without a price, which decides nothing."""
        if holder not in self._books:
            word = self._words[holder]
            now = word.book
            if word.holder not in self._own:
                now = bind(replace(rule, price=None) for rule in now.rules)
            draft = now
            if holder == self._holder:
                kept = [rule for rule in now.rules if rule.version not in self._replaced]
                draft = bind([*kept, self._draft])
            self._books[holder] = (now, draft)
        return self._books[holder]

    def _unsearched(self, stored: Stored, consenting: Iterable[UUID]) -> frozenset[str]:
        """Words that are forbidden now or by the draft and that the prompt was not searched for."""
        wanted = frozenset[str]().union(
            *(book.words for holder in consenting for book in self._book(holder))
        )
        if not wanted:
            return wanted
        return wanted.difference(
            *(
                self._searched.words(holder, ids.read("hld", holder), epoch)
                for holder, epoch in stored.epochs.items()
            )
        )

    def _example(self, check: UUID, stored: Stored, asking: _Asking, draft: Decision) -> Json:
        """One request that flips, as much of it as is the holder's to see."""
        own = {
            asked.subject
            for asked in asking.now
            if not self._own.isdisjoint(holder for holder, _ in asked.consents)
        }
        changes: tuple[tuple[Change, ...], ...] = ()
        if draft.outcome is Effect.DENY and asking.alone:
            changes = smallest_changes(asking.request, asking.draft)
        return {
            "consent_check": ids.show(ConsentCheck.PREFIX, check),
            "platform": asking.request.platform,
            "subjects": [asked.subject for asked in asking.now if asked.subject in own],
            "action": asking.request.action,
            "facts": {name: v for name, v in stored.request.items() if name not in _INNER},
            "reasons": [
                reason
                for reason in facts.write_reasons(draft.reasons)
                if reason["subject"] in own and reason.get("holder", "") in {"", *self._own}
            ],
            "would_allow": facts.write_changes(changes),
        }


_NO_TIME: Final = "2000-01-01T00:00:00+00:00"


def _own_holders(holder: RightsHolder) -> frozenset[str]:
    """The holders of one organisation see what is any of theirs."""
    rows = RightsHolder.objects.filter(organisation_id=holder.organisation_id)
    return frozenset(each.shown_id for each in rows)


def _compiled(simulation: Simulation) -> CompiledRule:
    """The draft as it was worded when the simulation was started."""
    rule = simulation.rule
    scope = ""
    if rule.subject_id is not None:
        scope = shown("chr", rule.subject_id)
    elif rule.property_id is not None:
        scope = shown("prp", rule.property_id)
    return compile_rule(
        version=shown("rlv", simulation.version_id),
        rule=shown("rul", rule.pk),
        scope=scope,
        body=read_body(simulation.body),
    )


def _hangs(asking: _Asking, now: Decision, draft: Decision) -> bool:
    """Whether either answer would be another if the words nobody looked for were all absent, or
    all there."""
    request = asking.request
    found = request.words or frozenset()
    outcomes = (now.outcome, draft.outcome)
    for words in (found, found | request.unsearched):
        known = replace(request, words=words, unsearched=frozenset())
        again = tuple(
            decide(known, asked, approved=asking.approved).outcome
            for asked in (asking.now, asking.draft)
        )
        if again != outcomes:
            return True
    return False


def _value(
    stored: Stored, asking: _Asking, now: Decision, draft: Decision
) -> tuple[str, Worth | None]:
    """Which stream of money one request belongs to, and what it is worth there."""
    seconds = asking.request.duration
    if now.outcome is _ALLOW and draft.outcome is not _ALLOW:
        if stored.outcome == _ALLOW and asking.alone:
            return "lost", _recorded(stored.price, seconds)
        return "lost", _worth(now, seconds)
    if draft.outcome is not _ALLOW:
        return "", None
    after = _worth(draft, seconds)
    if now.outcome is not _ALLOW:
        return "gained", after
    if (now.prices, now.by_agreement) == (draft.prices, draft.by_agreement):
        return "", None
    return "repriced", difference(_worth(now, seconds), after)


def _worth(decision: Decision, seconds: int | None) -> Worth:
    return worth(decision.prices, by_agreement=decision.by_agreement, seconds=seconds)


def _recorded(price: Mapping[str, Any], seconds: int | None) -> Worth:
    """What was answered then."""
    parts = [
        Price(per=Per(part["per"]), amount=Decimal(part["amount"]), currency=part["currency"])
        for part in price["parts"]
    ]
    return worth(parts, by_agreement=price["by_agreement"], seconds=seconds)
