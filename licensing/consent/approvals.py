"""Requests for approval, each answered once by the holder who wanted to be asked."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from ledger import ids
from ledger.actor import Actor
from ledger.errors import Refused
from licensing.access import audit
from licensing.catalog.models import Subject
from licensing.consent.decisions import grant
from licensing.consent.engine.language import Effect
from licensing.consent.engine.patterns import pattern_of
from licensing.consent.engine.wording import ACTIONS
from licensing.consent.models import ApprovalRequest, ConsentCheck, RuleVersion
from licensing.consent.rules import LONGEST_NAME, Scope, create_rule
from licensing.consent.states import APPROVAL_MOVES, ApprovalState


class AlreadyAnswered(Refused):
    """This has been answered, or its time is over."""

    code = "already_answered"


class NoLongerPossible(Refused):
    """The rules in force now do not allow this even with an approval."""

    code = "no_longer_possible"


def approve(
    *, actor: Actor, now: datetime, approval: ApprovalRequest, always: bool = False
) -> ApprovalRequest:
    """Says yes. With the last yes that was needed, the platform gets its receipt: a check of its
    own, by the rules in force now. `always` also drafts the rules that would answer the same by
    themselves; they say nothing until they are published.

    Raises AlreadyAnswered, NoLongerPossible; with `always` what drafting a rule raises.
    """
    with transaction.atomic():
        approval, others = _answer(actor, now, approval, ApprovalState.APPROVED, always=always)
        if all(other.state == ApprovalState.APPROVED for other in others):
            yes = frozenset(other.holder.shown_id for other in (approval, *others))
            if grant(now=now, check=approval.consent_check, approved=yes) is None:
                raise NoLongerPossible
        return approval


def refuse(
    *, actor: Actor, now: datetime, approval: ApprovalRequest, always: bool = False
) -> ApprovalRequest:
    """Says no. `always` also drafts the rules that would refuse the same by themselves.

    Raises AlreadyAnswered; with `always` what drafting a rule raises.
    """
    with transaction.atomic():
        return _answer(actor, now, approval, ApprovalState.REFUSED, always=always)[0]


def _answer(
    actor: Actor, now: datetime, approval: ApprovalRequest, state: ApprovalState, *, always: bool
) -> tuple[ApprovalRequest, list[ApprovalRequest]]:
    """The answered request and the others of its check, all of them locked in one order, so that
    the last of several who answer at once sees the answers of the rest."""
    together = list(
        ApprovalRequest.objects.select_for_update(of=("self",))
        .select_related("holder", "consent_check__platform")
        .filter(consent_check=approval.consent_check_id)
        .order_by("pk")
    )
    answered = next(one for one in together if one.pk == approval.pk)
    if state not in APPROVAL_MOVES[answered.state] or now >= answered.expires_at:
        raise AlreadyAnswered
    answered.state = state
    answered.answered_at, answered.answered_by = now, actor.label
    if always:
        answered.drafted_rules = _drafts(actor, now, answered)
    answered.save(update_fields=["state", "answered_at", "answered_by", "drafted_rules"])
    audit.record(
        actor=actor,
        now=now,
        verb=f"approval.{state}",
        thing=answered.shown_id,
        organisation_id=answered.holder.organisation_id,
        detail={"check": answered.consent_check.shown_id},
    )
    return answered, [one for one in together if one.pk != answered.pk]


def _drafts(actor: Actor, now: datetime, answered: ApprovalRequest) -> list[UUID]:
    """Drafts a rule over each subject that the holder was asked about; returns their ids."""
    check = answered.consent_check
    effect = Effect.ALLOW if answered.state == ApprovalState.APPROVED else Effect.DENY
    holder = answered.holder
    asking: dict[str, list[UUID]] = {}
    for reason in check.reasons:
        if reason.get("holder") == holder.shown_id and reason["code"] == "approval_needed":
            version = ids.read(RuleVersion.PREFIX, reason["rule_version"])
            asking.setdefault(reason["subject"], []).append(version)
    everyone = {asked["subject"] for asked in check.facts["asked"]}
    wanted, platform = ACTIONS[check.action], check.platform.name
    drafted = []
    for subject, versions in asking.items():
        rule = create_rule(
            actor=actor,
            now=now,
            holder=holder,
            scope=Scope(subject=Subject.objects.get(pk=ids.read(Subject.PREFIX, subject))),
            name=f"{answered.get_state_display()} always: {wanted} on {platform}"[:LONGEST_NAME],
            body=pattern_of(check.facts["request"], effect=effect, beside=everyone - {subject}),
            answers=set(
                RuleVersion.objects.filter(pk__in=versions).values_list("rule_id", flat=True)
            )
            if effect is Effect.ALLOW
            else (),
        )
        drafted.append(rule.pk)
    return drafted


def outcome_of(check: ConsentCheck) -> ConsentCheck | None:
    """The check that carries the receipt, once every holder has approved `check`."""
    return ConsentCheck.objects.filter(approves=check).first()
