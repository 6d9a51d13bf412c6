"""Decides a request by the rules in force: pure, deterministic, and total.

Per subject and per holder whose consent it needs: any covering deny wins, at any level; otherwise a
covering needs-approval; otherwise at least one covering allow; otherwise no rule means no. The
request is what the worst of these is. A rule whose quota has no room can allow nothing, nor let
anything be approved: so a spent quota never opens what was closed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from operator import itemgetter
from typing import Final

from licensing.consent.engine.compiling import CompiledRule, Missing, RuleBook, bind
from licensing.consent.engine.conditions import Company
from licensing.consent.engine.language import (
    NO_OBLIGATIONS,
    Decision,
    Effect,
    Obligations,
    Per,
    Price,
    Reason,
    Request,
    Verdict,
)

# How many near misses a refusal tells of, per subject and holder.
NEAR_MISSES: Final = 8
_EXACT: Final = Context(prec=60)
_ZERO: Final = Decimal(0)
_NO_BOOK: Final = bind(())
_ALLOW, _DENY, _ASK = Effect.ALLOW, Effect.DENY, Effect.NEEDS_APPROVAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A subject of a request: where it stands and whose consent it needs.

    `chain` is its own id and then its property, its parent and so on. `consents` has the book of
    every holder whose consent is needed. `holds` are reasons that stop it whatever the rules say,
    such as `kill_switch`. Where others are asked in other territories, `elsewhere` has the same by
    the territory; '' is every other. It decides nothing here.
    """

    subject: str
    chain: tuple[str, ...]
    consents: tuple[tuple[str, RuleBook], ...]
    holds: tuple[str, ...] = ()
    elsewhere: Mapping[str, Asked] | None = None

    def asked_in(self, territory: str) -> Asked:
        """The same subject as it is asked about there."""
        if self.elsewhere is None:
            return self
        return self.elsewhere.get(territory) or self.elsewhere[""]

    def everywhere(self) -> tuple[Asked, ...]:
        """As it is asked about here, and in other territories."""
        return (self, *(self.elsewhere or {}).values())

    def with_elsewhere(self, change: Callable[[str, Asked], Asked]) -> Asked:
        """The same with what `change` makes of each territory and of how it is asked about there."""
        if self.elsewhere is None:
            return self
        changed = {place: change(place, there) for place, there in self.elsewhere.items()}
        return replace(self, elsewhere=changed)

    @property
    def stopped(self) -> bool:
        """Whether no rule can allow it: something holds it, or nobody owns it."""
        return bool(self.holds) or not self.consents

    @property
    def answers_to(self) -> frozenset[str]:
        """Every id by which another's rule may mean it."""
        return frozenset((*self.chain, *(holder for holder, _ in self.consents)))


# Neither of these is frozen, as they never leave: that is made faster.
@dataclass(slots=True)
class _Question:
    """What is decided about one subject, in whose company, and what is known besides the rules."""

    request: Request
    subject: Asked
    company: Company
    approved: frozenset[str]
    spent: Collection[str]


@dataclass(slots=True)
class _Answer:
    """One holder's answer to a question; why, as a code; and the rules that made it."""

    question: _Question
    holder: str
    book: RuleBook
    outcome: Effect
    code: str
    deciding: list[CompiledRule]


def decide(
    request: Request,
    asked: Sequence[Asked],
    *,
    approved: frozenset[str] = frozenset(),
    spent: Collection[str] = (),
) -> Decision:
    """What the rules in force say to `request`, and why.

    `approved` are holders who have already approved this very request: their needs-approval rules
    then count as allows. `spent` are the rule versions whose quota has no room for it. Raises
    nothing for any well-formed input.
    """
    answers: list[_Answer] = []
    verdicts = []
    for subject in asked:
        company = company_of(request, asked, subject)
        own = _answers(_Question(request, subject, company, approved, spent))
        answers += own
        verdicts.append(Verdict(subject.subject, _worst(own)))
    outcome = _worst(answers)
    # A refusal is told by what refused; an approval by who has to be asked.
    telling = [answer for answer in answers if answer.outcome is outcome]
    reasons: list[Reason] = []
    for answer in telling:
        reasons += _reasons(answer)
    versions = {reason.rule_version for reason in reasons}
    versions.discard("")
    obligations, prices, by_agreement = _terms(answers) if outcome is not _DENY else _NOTHING
    return Decision(
        outcome=outcome,
        reasons=tuple(reasons),
        verdicts=tuple(verdicts),
        rule_versions=tuple(sorted(versions)),
        obligations=obligations,
        prices=prices,
        by_agreement=by_agreement,
        awaiting=tuple(sorted({answer.holder for answer in telling})) if outcome is _ASK else (),
    )


def allows(request: Request, asked: Sequence[Asked], *, spent: Collection[str] = ()) -> bool:
    """Whether `decide` would allow it: for whoever asks often and not why."""
    none = frozenset[str]()
    for subject in asked:
        company = company_of(request, asked, subject)
        if _worst(_answers(_Question(request, subject, company, none, spent))) is not _ALLOW:
            return False
    return bool(asked)


def company_of(request: Request, asked: Sequence[Asked], subject: Asked) -> Company:
    """Everyone else in the picture, as far as it is known."""
    if len(asked) == 1:
        return request.co_subjects or ()
    others = tuple(other.answers_to for other in asked if other is not subject)
    return others + (request.co_subjects or ())


def _worst(answers: Sequence[_Answer]) -> Effect:
    """Deny over needs-approval over allow; of nothing at all, deny."""
    worst = _ALLOW if answers else _DENY
    for answer in answers:
        if answer.outcome is _DENY:
            return _DENY
        if answer.outcome is _ASK:
            worst = _ASK
    return worst


def _answers(question: _Question) -> list[_Answer]:
    """The answer of each holder, and of what stops a subject whatever the rules say."""
    subject = question.subject
    answers = [_answer(question, holder, book) for holder, book in subject.consents]
    if subject.holds or not answers:
        answers.append(_Answer(question, "", _NO_BOOK, _DENY, "held", []))
    return answers


def _answer(question: _Question, holder: str, book: RuleBook) -> _Answer:
    """One holder's answer: deny, then needs-approval, then allow, then no."""
    spent = question.spent
    covering = book.covering(question.subject.chain, question.request, question.company)
    if book.on_notice:
        covering = _with_what_runs_on(covering, spent)
    if not covering:
        return _Answer(question, holder, book, _DENY, "no_rule", [])
    denies = [rule for rule in covering if rule.effect is _DENY]
    if denies:
        return _Answer(question, holder, book, _DENY, "denied", denies)
    allows = [rule for rule in covering if rule.effect is _ALLOW and rule.version not in spent]
    asks = [rule for rule in covering if rule.effect is _ASK]
    if asks:
        room = [rule for rule in asks if rule.version not in spent]
        if not room:
            # Whoever wants to be asked about so many is not passed over by the next one.
            return _Answer(question, holder, book, _DENY, "quota_spent", asks)
        answering = _answering(allows, asks)
        if answering or holder in question.approved:
            return _Answer(question, holder, book, _ALLOW, "allowed", room + answering)
        return _Answer(question, holder, book, _ASK, "approval_needed", room)
    if allows:
        return _Answer(question, holder, book, _ALLOW, "allowed", allows)
    return _Answer(question, holder, book, _DENY, "no_rule", [])


def _reasons(answer: _Answer) -> list[Reason]:
    """Why it is answered so."""
    subject, holder = answer.question.subject, answer.holder
    if answer.deciding:
        code, about = answer.code, subject.subject
        if code != "allowed":
            return [Reason(code, about, holder, rule.version) for rule in answer.deciding]
        # What wanted to be asked says so, though it has been answered.
        return [
            Reason("approval_needed" if rule.effect is _ASK else code, about, holder, rule.version)
            for rule in answer.deciding
        ]
    if answer.code == "held":
        codes = subject.holds if subject.consents else (*subject.holds, "no_owner")
        return [Reason(code, subject.subject) for code in sorted(codes)]
    return _no_rule(answer)


def _with_what_runs_on(
    covering: Sequence[CompiledRule], spent: Collection[str]
) -> list[CompiledRule]:
    """Those of `covering` that decide, where some of them have ended and run on.

    An allow that runs on stands in the place of its rule's later versions, unless another rule
    wants to be asked. What asks and has ended is asked only where nothing else covers: running on
    never closes anything. Denies stay as they are.
    """
    ended = [rule for rule in covering if rule.notice is not None]
    asks = [rule for rule in covering if rule.effect is _ASK and rule.notice is None]
    agreed = [rule for rule in ended if rule.effect is _ALLOW and rule.version not in spent]
    first: dict[str, CompiledRule] = {}
    for rule in sorted(agreed, key=_number):
        first.setdefault(rule.rule, rule)
    if all(ask.rule in first for ask in asks):
        covering = [
            rule for rule in covering if rule.effect is _DENY or first.get(rule.rule, rule) is rule
        ]
    others = [rule for rule in covering if rule.effect is not _ASK or rule.notice is None]
    return others if any(rule.effect is not _DENY for rule in others) else list(covering)


def _number(rule: CompiledRule) -> int:
    return rule.notice.number if rule.notice is not None else 0


def _answering(
    allows: Sequence[CompiledRule], asking: Sequence[CompiledRule]
) -> list[CompiledRule]:
    """Those of `allows` that answer for good what all of `asking` ask; none if a question is left
    open."""
    answering = [rule for rule in allows if rule.answers]
    if not answering:
        return []
    answered = frozenset[str]().union(*(rule.answers for rule in answering))
    if any(rule.rule not in answered for rule in asking):
        return []
    asked = {rule.rule for rule in asking}
    return [rule for rule in answering if not rule.answers.isdisjoint(asked)]


def _no_rule(answer: _Answer) -> list[Reason]:
    """No rule allows it; the allows that come nearest say which facts they miss."""
    about, holder, spent = answer.question.subject.subject, answer.holder, answer.question.spent
    reasons = [Reason("no_rule", about, holder)]
    for _, version, facts, _ in _nearest(answer.question, answer.book):
        if version in spent:
            reasons.append(Reason("quota_spent", about, holder, version))
        for fact, result in facts:
            code = fact + ("_unknown" if result is None else "_not_covered")
            reasons.append(Reason(code, about, holder, version, fact))
    return reasons


def _nearest(question: _Question, book: RuleBook) -> list[Missing]:
    """The allows that come nearest. A quota without room is as one fact more that is missed."""
    request, spent = question.request, question.spent
    near: list[Missing] = []
    for shelf in book.along(question.subject.chain, request.action):
        near += shelf.missing(request, question.company)
    if book.on_notice:
        near = [one for one in near if one[-1].speaks(request)]
    if spent:
        near = [
            (number + (version in spent), version, facts, rule)
            for number, version, facts, rule in near
        ]
    near.sort(key=_NEARNESS)
    return near[:NEAR_MISSES]


# How many facts are missed; of equals by version.
_NEARNESS: Final = itemgetter(0, 1)


_Terms = tuple[Obligations, tuple[Price, ...], bool]
_NOTHING: Final[_Terms] = (NO_OBLIGATIONS, (), False)


def _terms(answers: Iterable[_Answer]) -> _Terms:
    """The strictest obligations of all that decided, and the sum of one price per consent."""
    obligations = NO_OBLIGATIONS
    prices = []
    for answer in answers:
        for rule in answer.deciding:
            if rule.obligations is not NO_OBLIGATIONS:
                obligations |= rule.obligations
        price = _price(answer.question.subject, answer.deciding)
        if price is not None:
            prices.append(price)
    if not prices:
        return obligations, (), False
    by_agreement = any(price.per is Per.AGREEMENT for price in prices)
    return obligations, _sums(prices), by_agreement


def _sums(prices: Iterable[Price]) -> tuple[Price, ...]:
    """One price for each currency and unit. What is left to an agreement adds nothing."""
    sums: dict[tuple[str, Per], Decimal] = {}
    for price in prices:
        if price.per is not Per.AGREEMENT:
            place = (price.currency, price.per)
            sums[place] = _EXACT.add(sums.get(place, _ZERO), price.amount)
    return tuple(
        Price(per=per, amount=amount, currency=currency)
        for (currency, per), amount in sorted(sums.items())
    )


def _price(subject: Asked, deciding: Sequence[CompiledRule]) -> Price | None:
    """Of several rules that decided, the nearest to the subject prices it; of equals the dearest."""
    priced = [rule for rule in deciding if rule.price is not None]
    if len(priced) < 2:
        return priced[0].price if priced else None
    nearest = min(_distance(subject, rule) for rule in priced)
    prices = [rule.price for rule in priced if rule.price and _distance(subject, rule) == nearest]
    return max(prices, key=lambda price: (price.amount, price.currency, price.per))


def _distance(subject: Asked, rule: CompiledRule) -> int:
    return subject.chain.index(rule.scope) if rule.scope else len(subject.chain)
