"""Recorded requests decided twice as of one moment: by the rules in force, and with the draft.

Everything stands as it stood when a subject or holder was first met: owners, kill switches, rules.
A worker that goes on for another takes each holder's word of the epoch that was met then, and as
disputed what was disputed when the first one began.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any, Final
from uuid import UUID

from ledger import ids
from licensing.catalog.models import RightsHolder
from licensing.claims.disputes import disputed_in_mode
from licensing.consent import facts
from licensing.consent.engine.bodies import read_body
from licensing.consent.engine.compiling import CompiledRule, RuleBook, bind, compile_rule
from licensing.consent.engine.counterfactuals import smallest_changes
from licensing.consent.engine.deciding import Asked, company_of, decide
from licensing.consent.engine.language import Change, Decision, Effect, Per, Price, Request
from licensing.consent.engine.voices import Word, asked_about, asked_everywhere
from licensing.consent.models import ConsentCheck
from licensing.consent.standing import StandingSubject, shown, stand, word_at
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
    """One subject as it is asked about by the rules in force, and with the draft; all words that
    any of its owners forbids in either; and whether nobody else's consent is needed."""

    now: Asked
    draft: Asked
    words: frozenset[str]
    alone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """One recorded request, ready to be decided twice."""

    request: Request
    now: tuple[Asked, ...]
    draft: tuple[Asked, ...]
    approved: frozenset[str]
    # Only then is everything about it the holder's to see.
    alone: bool


class Replayer:
    """Replays checks for one simulation and counts what becomes of them in `tally`."""

    def __init__(self, simulation: Simulation) -> None:
        saved = simulation.checkpoint or {}
        assert simulation.as_of is not None
        assert simulation.started_at is not None
        # Everything stands as it stood then, even where the draft begins later.
        self._now = simulation.started_at
        self._at = simulation.as_of.isoformat()
        self.tally = Tally.read(saved["tally"]) if saved else Tally()
        self.epochs: dict[str, int] = dict(saved.get("epochs", ()))
        self.disputed: dict[str, list[str]] = (
            saved["disputed"]
            if "disputed" in saved
            else disputed_in_mode(simulation.rule.holder.organisation.mode)
        )
        self.subjects = concerned(rule=simulation.rule, now=self._now)
        self._standing: dict[str, StandingSubject] = {}
        self._words: dict[UUID, Word] = {}
        self._holder = shown("hld", simulation.rule.holder_id)
        self._own = _own_holders(simulation.rule.holder)
        self._draft = _compiled(simulation)
        # What is in one of the two books alone.
        self._differing = bind([self._draft])
        self._books: dict[UUID, tuple[RuleBook, RuleBook]] = {}
        self._both: dict[tuple[str, str | None, str], _Both] = {}
        self._searched = Searched()
        self._replays: dict[str, Replayed] = {}
        self._counts: dict[str, int] = {}

    def replay(self, checks: Sequence[str]) -> None:
        """Replays checks, named by their ids in hexadecimal."""
        rows = read_checks(checks)
        fresh = {text for _, text in rows if text not in self._replays}
        stored = {text: read_stored(text) for text in fresh}
        self._learn(subject for one in stored.values() for subject in one.subjects)
        for check, text in rows:
            if text not in self._replays:
                if len(self._replays) >= _REMEMBERED:
                    self._count()
                    self._replays.clear()
                one = stored.get(text) or read_stored(text)
                self._replays[text] = self._replay(check, one)
            self._counts[text] = self._counts.get(text, 0) + 1
        self._count()

    def checkpoint(self, last: str) -> Json:
        """All that another worker needs to go on after `last`."""
        return {
            "after": last,
            "tally": self.tally.write(),
            "epochs": self.epochs,
            "disputed": self.disputed,
        }

    def _count(self) -> None:
        for text, times in self._counts.items():
            self.tally.add(self._replays[text], times)
        self._counts.clear()

    def _learn(self, subjects: Iterable[str]) -> None:
        """Reads how subjects stand that were not met before, and what their owners say."""
        fresh = {subject for subject in subjects if subject not in self._standing}
        if not fresh:
            return
        found = stand(subjects=map(UUID, fresh), now=self._now)
        for subject in found.subjects.values():
            disputed = self.disputed.get(str(subject.id), ())
            self._standing[str(subject.id)] = replace(subject, disputed=tuple(disputed))
        for holder, word in found.words.items():
            if holder not in self._words:
                epoch = self.epochs.setdefault(word.holder, word.epoch)
                same = epoch == word.epoch
                self._words[holder] = word if same else word_at(holder=holder, epoch=epoch)

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
            subjects=tuple([self.subjects[one] for one in stored.subjects if one in self.subjects]),
            stream=stream,
            worth=value,
            hangs_on_words=bool(asking.request.unsearched) and _hangs(asking, now, draft),
            stopped=any(subject.holds for subject in asking.now),
        )

    def _speaks(self, asking: _Asking) -> bool:
        """Whether what differs between the two covers this request: otherwise it changes nothing."""
        request = asking.request
        for subject in asking.now:
            if all(holder != self._holder for holder, _ in subject.consents):
                continue
            company = company_of(request, asking.now, subject)
            for rule in self._differing.over(subject.chain, request.action):
                if rule.covers(request, company):
                    return True
        return False

    def _asking(self, stored: Stored) -> _Asking:
        request = facts.read_request({**stored.request, "at": self._at})
        both = [self._stands(subject, request) for subject in stored.subjects]
        if request.words is not None and (unsearched := self._unsearched(stored, both)):
            request = replace(request, unsearched=unsearched)
        return _Asking(
            request=request,
            now=tuple([one.now for one in both]),
            draft=tuple([one.draft for one in both]),
            approved=stored.approved,
            alone=all(one.alone for one in both),
        )

    def _stands(self, subject_id: str, request: Request) -> _Both:
        """A subject as it is asked about by this platform in this territory."""
        place = (subject_id, request.territory, request.platform)
        if place not in self._both:
            self._both[place] = self._asked(self._standing[subject_id], request)
        return self._both[place]

    def _asked(self, subject: StandingSubject, request: Request) -> _Both:
        def ask(holders: tuple[UUID, ...], which: int, *, disputed: bool) -> Asked:
            words = [
                replace(self._words[holder], book=self._book(holder)[which]) for holder in holders
            ]
            return asked_about(subject.chain, words, request.platform, disputed=disputed)

        now, draft = (
            asked_everywhere(
                subject.owners,
                request.territory,
                partial(ask, which=which),
                disputed=subject.disputed,
            )
            for which in (0, 1)
        )
        books = [book for holder in subject.consenting(None) for book in self._book(holder)]
        return _Both(
            now=now,
            draft=draft,
            words=frozenset[str]().union(*(book.words for book in books)),
            alone=self._is_own(now),
        )

    def _is_own(self, asked: Asked) -> bool:
        return all(holder in self._own for holder, _ in asked.consents)

    def _told(self, asked: Asked) -> Asked:
        """A subject of which nothing is told about territories where others are asked."""
        return asked.with_elsewhere(
            lambda _, there: there if self._is_own(there) else replace(there, consents=())
        )

    def _book(self, holder: UUID) -> tuple[RuleBook, RuleBook]:
        """A holder's rules in force, and those with the draft. What others are paid is not this
        holder's to see, so theirs are without a price, which decides nothing."""
        if holder not in self._books:
            word = self._words[holder]
            now = word.book
            if word.holder not in self._own:
                now = bind(replace(rule, price=None) for rule in now.rules)
            draft = now
            if word.holder == self._holder:
                gone = [rule for rule in now.rules if self._replaces(rule)]
                kept = [rule for rule in now.rules if not self._replaces(rule)]
                draft = bind([*kept, self._draft])
                self._differing = bind([*gone, self._draft])
            self._books[holder] = (now, draft)
        return self._books[holder]

    def _replaces(self, rule: CompiledRule) -> bool:
        """Whether the draft would stand in its place. What has ended already runs on beside both."""
        return rule.rule == self._draft.rule and rule.notice is None

    def _unsearched(self, stored: Stored, both: Sequence[_Both]) -> frozenset[str]:
        """Words that are forbidden now or by the draft and that the prompt was not searched for."""
        wanted = frozenset[str]().union(*[one.words for one in both])
        if not wanted:
            return wanted
        return wanted.difference(
            *[self._searched.words(holder, epoch) for holder, epoch in stored.epochs.items()]
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
            changes = smallest_changes(asking.request, tuple(map(self._told, asking.draft)))
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
        answers=(shown("rul", answered) for answered in rule.answers),
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

    def decided(decision: Decision) -> Worth:
        return _worth(stored, decision.prices, by_agreement=decision.by_agreement)

    if now.outcome is _ALLOW and draft.outcome is not _ALLOW:
        if stored.outcome == _ALLOW and asking.alone:
            by_agreement = stored.price["by_agreement"]
            return "lost", _worth(stored, _prices(stored.price), by_agreement=by_agreement)
        return "lost", decided(now)
    if draft.outcome is not _ALLOW:
        return "", None
    if now.outcome is not _ALLOW:
        return "gained", decided(draft)
    if (now.prices, now.by_agreement) == (draft.prices, draft.by_agreement):
        return "", None
    return "repriced", difference(decided(now), decided(draft))


def _worth(stored: Stored, prices: Iterable[Price], *, by_agreement: bool) -> Worth:
    return worth(
        prices,
        by_agreement=by_agreement,
        generations=stored.generations,
        seconds=stored.request.get("duration_seconds"),
    )


def _prices(written: Mapping[str, Any]) -> Iterator[Price]:
    """What was answered then."""
    for part in written["parts"]:
        amount = Decimal(part["amount"])
        yield Price(per=Per(part["per"]), amount=amount, currency=part["currency"])
