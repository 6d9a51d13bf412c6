"""Decides a request by the rules in force: pure, deterministic, and total.

Per subject and per holder whose consent it needs: any covering deny wins, at any level; otherwise a
covering needs-approval; otherwise at least one covering allow; otherwise no rule means no. The
request is what the worst of these is. A rule whose quota has no room can allow nothing, nor let
anything be approved: so a spent quota never opens what was closed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final

from licensing.consent.compiling import Company, CompiledRule, RuleBook
from licensing.consent.language import (
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
_ALLOW, _DENY, _ASK = Effect.ALLOW, Effect.DENY, Effect.NEEDS_APPROVAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A subject of a request: where it stands and whose consent it needs.

    `chain` is its own id and then its property, its parent and so on. `consents` has the book of
    every holder whose consent is needed. `holds` are reasons that stop it whatever the rules say,
    such as `kill_switch`.
    """

    subject: str
    chain: tuple[str, ...]
    consents: tuple[tuple[str, RuleBook], ...]
    holds: tuple[str, ...] = ()

    @property
    def answers_to(self) -> frozenset[str]:
        """Every id by which another's rule may mean it."""
        return frozenset((*self.chain, *(holder for holder, _ in self.consents)))


@dataclass(slots=True)
class _Answer:
    """One holder's answer about one subject. Not frozen, as it never leaves: that is made faster."""

    subject: Asked
    holder: str
    outcome: Effect
    reasons: list[Reason]
    deciding: list[CompiledRule]
    near: Sequence[str] = ()


@dataclass(slots=True)
class _Question:
    """What is decided, and what is known besides the rules. Not frozen, for the same reason."""

    request: Request
    approved: frozenset[str]
    spent: Collection[str]


def decide(
    request: Request,
    asked: Sequence[Asked],
    *,
    approved: frozenset[str] = frozenset(),
    spent: Collection[str] = (),
) -> Decision:
    """What the rules in force say to `request`.

    `approved` are holders who have already approved this very request: their needs-approval rules
    then count as allows. `spent` are the rule versions whose quota has no room for it. Raises
    nothing for any well-formed input.
    """
    question = _Question(request, approved, spent)
    answers: list[_Answer] = []
    verdicts = []
    for subject in asked:
        company = company_of(request, asked, subject)
        own = [_ask(question, company, subject, consent) for consent in subject.consents]
        if subject.holds or not own:
            own.append(_held(subject))
        answers += own
        verdicts.append(Verdict(subject=subject.subject, outcome=_worst(own)))
    outcome = _worst(answers)
    # A refusal is told by what refused; an approval by who has to be asked.
    telling = [answer for answer in answers if answer.outcome is outcome]
    versions = {rule.version for answer in telling for rule in answer.deciding}
    for answer in telling:
        versions.update(answer.near)
    obligations, prices, by_agreement = _terms(answers) if outcome is not _DENY else _NOTHING
    return Decision(
        outcome=outcome,
        reasons=tuple([reason for answer in telling for reason in answer.reasons]),
        verdicts=tuple(verdicts),
        rule_versions=tuple(sorted(versions)),
        obligations=obligations,
        prices=prices,
        by_agreement=by_agreement,
        awaiting=tuple(sorted({answer.holder for answer in telling})) if outcome is _ASK else (),
    )


_Terms = tuple[Obligations, tuple[Price, ...], bool]
_NOTHING: Final[_Terms] = (NO_OBLIGATIONS, (), False)


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


def _held(subject: Asked) -> _Answer:
    """What stops a subject whatever the rules say."""
    codes = subject.holds if subject.consents else (*subject.holds, "no_owner")
    reasons = [Reason(code=code, subject=subject.subject) for code in sorted(codes)]
    return _Answer(subject, "", _DENY, reasons, [])


def _ask(
    question: _Question, company: Company, subject: Asked, consent: tuple[str, RuleBook]
) -> _Answer:
    """One holder's answer: deny, then needs-approval, then allow, then no."""
    request, spent = question.request, question.spent
    holder, book = consent
    candidates = book.speaking(subject.chain, request)
    covering = [rule for rule in candidates if rule.covers(request, company)]
    if book.on_notice:
        covering = _with_what_runs_on(covering, spent)
    for effect in _CODES:
        deciding = [rule for rule in covering if rule.effect is effect]
        if not deciding:
            continue
        answering: list[CompiledRule] = []
        if effect is _ASK:
            answering = _answering(covering, deciding, spent)
        if spent and effect is not _DENY:
            room = [rule for rule in deciding if rule.version not in spent]
            if not room and effect is _ASK:
                # Whoever wants to be asked about so many is not passed over by the next one.
                return _spent(subject, holder, deciding)
            if not room:
                continue
            deciding = room
        outcome = effect
        if effect is _ASK and (answering or holder in question.approved):
            deciding, outcome = deciding + answering, _ALLOW
        reasons = [
            Reason(
                code=_CODES[rule.effect],
                subject=subject.subject,
                holder=holder,
                rule_version=rule.version,
            )
            for rule in deciding
        ]
        return _Answer(subject, holder, outcome, reasons, deciding)
    return _no_rule(question, company, subject, holder, candidates)


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


def _spent(subject: Asked, holder: str, rules: Sequence[CompiledRule]) -> _Answer:
    """No quota of those that would have been asked has room."""
    reasons = [
        Reason(
            code="quota_spent", subject=subject.subject, holder=holder, rule_version=rule.version
        )
        for rule in rules
    ]
    return _Answer(subject, holder, _DENY, reasons, list(rules))


# In the order of precedence.
_CODES: Final = {_DENY: "denied", _ASK: "approval_needed", _ALLOW: "allowed"}


def _answering(
    covering: Sequence[CompiledRule], asking: Sequence[CompiledRule], spent: Collection[str]
) -> list[CompiledRule]:
    """The allows that answer for good what all of `asking` ask; none if a question is left open."""
    answering = [
        rule
        for rule in covering
        if rule.answers and rule.effect is _ALLOW and rule.version not in spent
    ]
    answered = frozenset[str]().union(*(rule.answers for rule in answering))
    if any(rule.rule not in answered for rule in asking):
        return []
    asked = {rule.rule for rule in asking}
    return [rule for rule in answering if not rule.answers.isdisjoint(asked)]


def _no_rule(
    question: _Question,
    company: Company,
    subject: Asked,
    holder: str,
    candidates: Sequence[CompiledRule],
) -> _Answer:
    """No rule allows it; the allows that come nearest say which facts they miss."""
    spent = question.spent
    reasons = [Reason(code="no_rule", subject=subject.subject, holder=holder)]
    missing = [
        (_missed(rule, question.request, company), rule.version)
        for rule in candidates
        if rule.effect is _ALLOW
    ]
    missing.sort(key=lambda found: (len(found[0]) + (found[1] in spent), found[1]))
    del missing[NEAR_MISSES:]
    for missed, version in missing:
        if version in spent:
            reasons.append(
                Reason(
                    code="quota_spent",
                    subject=subject.subject,
                    holder=holder,
                    rule_version=version,
                )
            )
        reasons += [
            Reason(
                code=f"{fact}_{'unknown' if result is None else 'not_covered'}",
                subject=subject.subject,
                holder=holder,
                rule_version=version,
                fact=fact,
            )
            for fact, result in missed.items()
        ]
    return _Answer(subject, holder, _DENY, reasons, [], [version for _, version in missing])


def _missed(rule: CompiledRule, request: Request, company: Company) -> Mapping[str, bool | None]:
    """The facts that keep an allow from covering; one that fails outright outweighs an unknown."""
    missed: dict[str, bool | None] = {}
    for condition in rule.conditions:
        result = condition.test(request, company)
        if not result and missed.get(condition.fact) is not False:
            missed[condition.fact] = result
    return missed


def _terms(answers: Iterable[_Answer]) -> _Terms:
    """The strictest obligations of all that decided, and the sum of one price per consent."""
    obligations = NO_OBLIGATIONS
    sums: dict[tuple[str, Per], Decimal] = {}
    by_agreement = False
    for answer in answers:
        for rule in answer.deciding:
            if rule.obligations is not NO_OBLIGATIONS:
                obligations |= rule.obligations
        price = _price(answer.subject, answer.deciding)
        if price is None:
            continue
        if price.per is Per.AGREEMENT:
            by_agreement = True
        else:
            place = (price.currency, price.per)
            sums[place] = _EXACT.add(sums.get(place, _ZERO), price.amount)
    prices = tuple(
        Price(per=per, amount=amount, currency=currency)
        for (currency, per), amount in sorted(sums.items())
    )
    return obligations, prices, by_agreement


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
