"""A consent check's answer on the wire, as much of it as whoever asks may see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from ledger import ids
from ledger.actor import Actor
from ledger.wire import DecimalText, Id, Instant, Shape, show_instant
from licensing.catalog.models import Platform, RightsHolder, Subject
from licensing.consent.models import ApprovalRequest, ConsentCheck, RuleVersion
from licensing.consent.standing import shown
from licensing.consent.states import ApprovalState, Outcome


class ReasonShape(Shape):
    """Why, as a stable code."""

    code = serializers.CharField(
        help_text="allowed, denied, approval_needed, no_rule, quota_spent, no_owner, kill_switch, "
        "disputed, or a fact with _unknown or _not_covered."
    )
    subject = Id(Subject.PREFIX)
    holder = Id(RightsHolder.PREFIX, required=False)
    rule_version = Id(RuleVersion.PREFIX, required=False)
    fact = serializers.CharField(required=False)


class FactChangeShape(Shape):
    """One fact that would have to be otherwise."""

    fact = serializers.CharField()
    relation = serializers.CharField(
        help_text="one_of, none_of, at_most, at_least, between, from, or none."
    )
    values = serializers.ListField(child=serializers.JSONField())


class OptionShape(Shape):
    """Changes that together would have been allowed."""

    changes = FactChangeShape(many=True)
    sentence = serializers.CharField()


class VerdictShape(Shape):
    """What became of one subject."""

    subject = Id(Subject.PREFIX)
    outcome = serializers.ChoiceField(choices=Outcome.choices)


class PricePartShape(Shape):
    """A sum in one currency and unit."""

    amount = DecimalText()
    currency = serializers.CharField()
    per = serializers.CharField(help_text="generation or second.")


class PriceSumShape(Shape):
    """The prices of all subjects, added up per currency and unit."""

    parts = PricePartShape(many=True)
    by_agreement = serializers.BooleanField(help_text="Some part is priced by an agreement.")


class DutiesShape(Shape):
    """The strictest obligations of every rule that decided."""

    watermark = serializers.BooleanField(required=False)
    c2pa = serializers.BooleanField(required=False)
    attribution = serializers.ListField(child=serializers.CharField(), required=False)
    report_within_hours = serializers.IntegerField(required=False)
    delete_on_revocation = serializers.BooleanField(required=False)


class AskedShape(Shape):
    """A holder who was asked to approve."""

    id = Id(ApprovalRequest.PREFIX)
    holder = Id(RightsHolder.PREFIX)
    state = serializers.ChoiceField(choices=ApprovalState.choices)


class CheckShape(Shape):
    """A consent check and its durable answer."""

    id = Id(ConsentCheck.PREFIX)
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    platform = Id(Platform.PREFIX)
    subjects = serializers.ListField(child=Id(Subject.PREFIX))
    action = serializers.CharField()
    generations = serializers.IntegerField(
        allow_null=True,
        help_text="How many generations it is about, and the receipt of an allow covers; null, any "
        "number, in what was asked before one could say.",
    )
    facts = serializers.DictField(help_text="What was said besides.")
    verdicts = VerdictShape(many=True)
    reasons = ReasonShape(many=True)
    would_allow = OptionShape(many=True, help_text="Of a refusal: the smallest changes.")
    obligations = DutiesShape()
    price = PriceSumShape(help_text="Not shown to one of several holders.")
    rule_versions = serializers.ListField(child=Id(RuleVersion.PREFIX))
    receipt = serializers.CharField(
        allow_null=True, help_text="The compact JWS of an allow, shown to its platform alone."
    )
    issued_at = Instant()
    expires_at = Instant(allow_null=True)
    approvals = AskedShape(many=True)
    granted_by = Id(
        ConsentCheck.PREFIX,
        allow_null=True,
        help_text="Once every holder has approved: the check that carries the receipt.",
    )


class AnsweredShape(Shape):
    """The answers of a batch, in its order."""

    checks = CheckShape(many=True)


def show_check(check: ConsentCheck, actor: Actor, holders: frozenset[str]) -> dict[str, Any]:
    """A check as `CheckShape` describes it. `approvals` and `granted` should be prefetched.

    `holders` are the shown ids of a holder's own; what is about others is not theirs to see.
    """
    facts = check.facts
    answer: dict[str, Any] = {
        "id": check.shown_id,
        "outcome": check.outcome,
        "platform": shown(Platform.PREFIX, check.platform_id),
        "subjects": [asked["subject"] for asked in facts["asked"]],
        "action": check.action,
        "generations": check.generations,
        "facts": check.told,
        "verdicts": facts["verdicts"],
        "reasons": check.reasons,
        "would_allow": check.would_allow,
        "obligations": check.obligations,
        "price": check.price,
        "rule_versions": [ids.show(RuleVersion.PREFIX, one) for one in check.rule_versions],
        "receipt": check.receipt if actor.organisation_kind == "platform" else None,
        "issued_at": show_instant(check.issued_at),
        "expires_at": show_instant(check.expires_at) if check.expires_at else None,
        "approvals": [],
        "granted_by": None,
    }
    if check.outcome == Outcome.NEEDS_APPROVAL:
        answer["approvals"] = [
            {
                "id": approval.shown_id,
                "holder": shown(RightsHolder.PREFIX, approval.holder_id),
                "state": approval.state,
            }
            for approval in check.approvals.all()
        ]
        granted = getattr(check, "granted", None)
        answer["granted_by"] = granted.shown_id if granted is not None else None
    if actor.organisation_kind == "holder":
        return _partly(answer, check, holders)
    return answer


def _partly(answer: dict[str, Any], check: ConsentCheck, holders: frozenset[str]) -> dict[str, Any]:
    """What one of several holders may see of a check: what is about their own."""
    asked = check.facts["asked"]
    if all(holders.issuperset(one["consents"]) for one in asked):
        # In another territory it may hang on what others say.
        alone = holders.issuperset(check.facts["epochs"])
        options = [one for one in answer["would_allow"] if alone or not _elsewhere(one)]
        return {**answer, "would_allow": options}
    own = {one["subject"] for one in asked if not holders.isdisjoint(one["consents"])}
    versions = {
        reason["rule_version"]
        for reason in check.reasons
        if reason.get("holder") in holders and "rule_version" in reason
    }
    return {
        **answer,
        "subjects": _kept(answer["subjects"], own),
        "verdicts": [one for one in answer["verdicts"] if one["subject"] in own],
        "reasons": [
            one
            for one in answer["reasons"]
            if one["subject"] in own and one.get("holder", "") in {"", *holders}
        ],
        "would_allow": [],
        "obligations": {},
        "price": {"parts": [], "by_agreement": False},
        "rule_versions": _kept(answer["rule_versions"], versions),
        "approvals": [one for one in answer["approvals"] if one["holder"] in holders],
    }


def _elsewhere(option: dict[str, Any]) -> bool:
    return any(change["fact"] == "territory" for change in option["changes"])


def _kept(values: Iterable[str], wanted: set[str]) -> list[str]:
    return [value for value in values if value in wanted]
