"""Consent checks: decides by the rules in force now, and makes the answer durable in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from joserfc.jwk import OKPKey
from psycopg.types.json import Jsonb

from ledger import ids, prepared
from ledger.actor import Actor
from ledger.errors import NotAllowed, NotFound
from ledger.ids import new_id
from licensing.catalog.models import Platform
from licensing.consent import facts, keys, receipts, reliance, spending
from licensing.consent.engine import quotas, words
from licensing.consent.engine.counterfactuals import NONE_SPENT, Spent, with_changes
from licensing.consent.engine.deciding import Asked, decide
from licensing.consent.engine.language import Decision, Effect, Request
from licensing.consent.models import ApprovalRequest, ConsentCheck
from licensing.consent.standing import Standing, StandingSubject, shown, stand
from licensing.consent.terms import write_obligations, write_price

# How long a holder has to answer a request for approval.
APPROVAL_LIFE: Final = timedelta(days=30)


class ModeMismatch(NotAllowed):
    """A test key may not ask about live subjects, nor a live key about test ones."""

    code = "mode_mismatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a platform asks: about which subjects, and everything else it says.

    `request` has the facts; who asks, when, and who else appears is filled in by the check. The
    `prompt` is searched for forbidden words and then forgotten. An allow is for so many
    `generations`, 1 to 100, which are as many units of the rules' quotas. The `preview` is for
    whoever has to approve it, and decides nothing.
    """

    subjects: tuple[UUID, ...]
    request: Request
    generations: int = 1
    co_subjects: tuple[UUID, ...] | None = None
    prompt: str | None = None
    preview: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One asking with everything that stands about it, ready to be decided.

    `epochs` are those of all owners of its subjects: for whose words the prompt was searched.
    """

    asking: Asking
    request: Request
    asked: tuple[Asked, ...]
    epochs: Mapping[str, int]
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """A decision, and the rule versions whose quota had no room for it."""

    decision: Decision
    spent: Spent


def check(*, actor: Actor, now: datetime, platform: Platform, asking: Asking) -> ConsentCheck:
    """Decides one asking. See `check_all`."""
    return check_all(actor=actor, now=now, platform=platform, askings=[asking])[0]


def check_all(
    *, actor: Actor, now: datetime, platform: Platform, askings: Sequence[Asking]
) -> list[ConsentCheck]:
    """Decides `askings` by the rules in force and writes every answer, all or none.

    The rules are read in this transaction, so a change whose answer was sent before this began is
    always seen. An allow carries a signed receipt; a needs-approval opens a request to every
    holder who wants to be asked. Raises NotFound for a subject that is not there, ModeMismatch.
    """
    with transaction.atomic():
        named = {
            subject
            for asking in askings
            for subject in (*asking.subjects, *(asking.co_subjects or ()))
        }
        standing = stand(subjects=named, now=now)
        _examine(actor, named, standing)
        cases = [case_of(asking, platform, now, standing) for asking in askings]
        decided = _decided(cases, platform=platform, now=now)
        decisions = [each.decision for each in decided]
        allowed = any(decision.outcome is Effect.ALLOW for decision in decisions)
        signer = _signer(standing.kid, now) if allowed else None
        checks = [
            _check(case, each, platform, signer) for case, each in zip(cases, decided, strict=True)
        ]
        _insert(checks)
        _rely(cases, decided, platform=platform, now=now)
        _open_approvals(checks, decisions, now)
        return checks


def grant(*, now: datetime, check: ConsentCheck, approved: frozenset[str]) -> ConsentCheck | None:
    """Decides `check` anew as of `now`, with `approved` holders' approval, and writes an allow.

    None, and nothing is written, if the rules in force now do not allow it even so. Runs in the
    transaction of the approval that calls it.
    """
    platform = check.platform
    standing = stand(subjects=check.subject_ids, now=now)
    request = facts.read_request(check.facts["request"])
    asking = Asking(
        subjects=tuple(check.subject_ids), request=request, generations=check.generations or 1
    )
    case = case_of(asking, platform, now, standing)
    # The prompt is gone: what was searched for in it holds for the words forbidden then.
    searched = check.facts["epochs"]
    words_hold = all(
        searched.get(holder) == case.epochs[holder]
        for asked in case.asked
        for holder, _ in asked.consents
    )
    request = replace(case.request, words=request.words if words_hold else None)
    case = replace(case, request=request)
    (decided,) = _decided([case], platform=platform, now=now, approved=approved)
    if decided.decision.outcome is not Effect.ALLOW:
        return None
    granted = _check(case, decided, platform, _signer(standing.kid, now))
    granted.approves = check
    granted.facts["approved"] = sorted(approved)
    _insert([granted])
    _rely([case], [decided], platform=platform, now=now)
    return granted


def _examine(actor: Actor, named: set[UUID], standing: Standing) -> None:
    """Every subject named is there, and of the asker's mode."""
    if len(standing.subjects) < len(named):
        raise NotFound
    if any(subject.mode != actor.mode for subject in standing.subjects.values()):
        raise ModeMismatch


def case_of(asking: Asking, platform: Platform, now: datetime, standing: Standing) -> Case:
    """`asking` with all that `standing` says about its subjects."""
    request = replace(asking.request, platform=platform.shown_id, at=now)
    asked = []
    epochs = {}
    phrases: set[str] = set()
    for subject_id in asking.subjects:
        subject = standing.subjects[subject_id]
        asked.append(standing.asked(subject, request))
        # Of every owner, not just of those asked here: what others forbid elsewhere is told too.
        for holder in subject.consenting(None):
            word = standing.words[holder]
            epochs[word.holder] = word.epoch
            phrases |= word.book.words
    if asking.prompt is not None:
        request = replace(request, words=words.find(asking.prompt, phrases))
    if asking.co_subjects is not None:
        others = tuple(_answers_to(standing.subjects[other]) for other in asking.co_subjects)
        request = replace(request, co_subjects=others)
    mode = standing.subjects[asking.subjects[0]].mode
    return Case(asking=asking, request=request, asked=tuple(asked), epochs=epochs, mode=mode)


def _answers_to(subject: StandingSubject) -> frozenset[str]:
    """Every id by which a rule may mean a subject that only appears."""
    owners = (shown("hld", holder) for holder in subject.consenting(None))
    return frozenset((*subject.chain, *owners))


def _decided(
    cases: Sequence[Case],
    *,
    platform: Platform,
    now: datetime,
    approved: frozenset[str] = frozenset(),
) -> list[_Decided]:
    """Decides `cases` one after the other, and counts what the allows among them draw.

    A refusal needs no more than a glance at the quotas. Only what may be allowed waits until nobody
    else counts, and is then decided by what is left: so the last unit goes to exactly one.
    """
    limited = {rule.version: rule for case in cases for rule in spending.limited(case.asked)}
    if not limited:
        return [_told(case, _decide(case, approved, NONE_SPENT), NONE_SPENT) for case in cases]
    counts = spending.Counts(platform=platform.pk, at=now)
    counts.read(limited.values())
    found = [_met(case, approved, counts) for case in cases]
    wanted = {
        rule.version: rule
        for case, (decision, spent) in zip(cases, found, strict=True)
        if decision.outcome is Effect.ALLOW
        for rule in quotas.covering(case.request, case.asked)
        if rule.version not in spent
    }
    if wanted:
        counts.hold(wanted.values())
        found = []
        for case in cases:
            decision, spent = _met(case, approved, counts)
            if decision.outcome is Effect.ALLOW:
                drawn = [limited[name] for name in decision.rule_versions if name in limited]
                counts.draw(drawn, units=case.asking.generations)
            found.append((decision, spent))
        counts.write()
    return [_told(case, *each) for case, each in zip(cases, found, strict=True)]


def _met(case: Case, approved: frozenset[str], counts: spending.Counts) -> tuple[Decision, Spent]:
    """The decision as the quotas stand in `counts`, and those that are spent for it."""
    rules = spending.limited(case.asked)
    spent = counts.spent(rules, units=case.asking.generations)
    return _decide(case, approved, spent), spent


def _decide(case: Case, approved: frozenset[str], spent: Spent) -> Decision:
    return decide(case.request, case.asked, approved=approved, spent=spent)


def _told(case: Case, decision: Decision, spent: Spent) -> _Decided:
    decision = with_changes(decision, case.request, case.asked, spent)
    return _Decided(decision=decision, spent=spent)


def _check(
    case: Case, decided: _Decided, platform: Platform, signer: tuple[str, OKPKey] | None
) -> ConsentCheck:
    """The durable form of a decision, with its receipt if it is an allow."""
    decision = decided.decision
    now = case.request.at
    made = ConsentCheck(
        id=new_id(),
        platform=platform,
        mode=case.mode,
        outcome=str(decision.outcome),
        issued_at=now,
        subject_ids=list(case.asking.subjects),
        action=case.request.action,
        generations=case.asking.generations,
        territory=case.request.territory or "",
        rule_versions=[ids.read("rlv", version) for version in decision.rule_versions],
        facts={
            "request": facts.write_request(case.request),
            "asked": [facts.write_asked(asked) for asked in case.asked],
            "epochs": dict(case.epochs),
            "verdicts": facts.write_verdicts(decision),
            **({"spent": facts.write_spent(decided.spent)} if decided.spent else {}),
            **_preview(case, decision),
        },
        reasons=facts.write_reasons(decision.reasons),
        obligations=write_obligations(decision.obligations),
        price=write_price(decision.prices, by_agreement=decision.by_agreement),
        would_allow=facts.write_changes(decision.would_allow),
    )
    if decision.outcome is Effect.ALLOW and signer is not None:
        kid, key = signer
        made.expires_at = now + receipts.LIFE
        made.receipt = receipts.sign(_claims(made, case, decision), kid=kid, key=key)
        made.receipt_digest = receipts.digest(made.receipt)
    return made


def _preview(case: Case, decision: Decision) -> dict[str, Any]:
    """What the holders are shown, if any is to be asked."""
    preview = case.asking.preview
    if preview is None or decision.outcome is not Effect.NEEDS_APPROVAL:
        return {}
    return {"preview": dict(preview)}


def _claims(check: ConsentCheck, case: Case, decision: Decision) -> dict[str, Any]:
    assert check.expires_at is not None
    return {
        "jti": check.shown_id,
        "iss": settings.BASE_URL,
        "aud": case.request.platform,
        "mode": check.mode,
        "iat": int(check.issued_at.timestamp()),
        "exp": int(check.expires_at.timestamp()),
        "subjects": [asked.subject for asked in case.asked],
        "action": check.action,
        "generations": check.generations,
        "facts": facts.said(case.request),
        "obligations": check.obligations,
        "price": check.price,
        "rule_versions": list(decision.rule_versions),
    }


# Writes one decision. Plain SQL, because building the row through the ORM costs more than deciding.
# Its id is new, so it is written once; a repeat of the request is a decision of its own unless it
# carries an idempotency key.
_INSERT: Final = """
INSERT INTO consent_consentcheck
    (id, platform_id, mode, outcome, issued_at, expires_at, receipt, receipt_digest, subject_ids,
     action, generations, territory, rule_versions, facts, reasons, obligations, price, would_allow,
     approves_id)
VALUES
    (%(id)s, %(platform_id)s, %(mode)s, %(outcome)s, %(issued_at)s, %(expires_at)s, %(receipt)s,
     %(receipt_digest)s, %(subject_ids)s, %(action)s, %(generations)s, %(territory)s, %(rule_versions)s,
     %(facts)s, %(reasons)s, %(obligations)s, %(price)s, %(would_allow)s, %(approves_id)s)
"""
_COLUMNS: Final = tuple(field.attname for field in ConsentCheck._meta.concrete_fields)
_JSON: Final = ("facts", "reasons", "obligations", "price", "would_allow")


def _insert(checks: Sequence[ConsentCheck]) -> None:
    """Writes decisions, in the transaction that took them."""
    written = []
    for check in checks:
        row = {name: getattr(check, name) for name in _COLUMNS}
        row |= {name: Jsonb(row[name]) for name in _JSON}
        written.append(row)
        check._state.adding = False
    prepared.write(_INSERT, written)


def _rely(
    cases: Sequence[Case], decided: Sequence[_Decided], *, platform: Platform, now: datetime
) -> None:
    """Notes the rules that promised a notice and that `platform` has got receipts under."""
    rules = {
        book.promises[version]
        for case, each in zip(cases, decided, strict=True)
        if each.decision.outcome is Effect.ALLOW
        for asked in case.asked
        for _, book in asked.consents
        if book.promises
        for version in each.decision.rule_versions
        if version in book.promises
    }
    if rules:
        reliance.note(platform=platform.pk, rules=rules, now=now)


def _signer(kid: str | None, now: datetime) -> tuple[str, OKPKey]:
    """The key that signs. Which one is current was read with the rules; its overlap with the last
    makes a moment's staleness harmless."""
    if kid is not None:
        try:
            return kid, keys.private_key(kid)
        except keys.NoSuchKey:
            pass  # The secret has changed: the key is replaced.
    key = keys.current(now=now)
    return key.kid, keys.private_key(key.kid)


def _open_approvals(
    checks: Sequence[ConsentCheck], decisions: Sequence[Decision], now: datetime
) -> None:
    asked = [
        ApprovalRequest(
            consent_check=check,
            holder_id=ids.read("hld", holder),
            asked_at=now,
            expires_at=now + APPROVAL_LIFE,
        )
        for check, decision in zip(checks, decisions, strict=True)
        for holder in decision.awaiting
    ]
    if asked:
        ApprovalRequest.objects.bulk_create(asked)
