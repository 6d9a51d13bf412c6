"""What runs, lines, shares, earnings and explanations look like on the wire."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ledger.money import format_exact
from ledger.wire import Currency, Day, Id, Instant, MoneyShape, Shape, Text, show_money
from licensing.catalog.models import OwnershipStep, Platform, RightsHolder, Subject
from licensing.catalog.shares import show_share
from licensing.commerce.models import Agreement, Medium, PriceUnit, TermsVersion
from licensing.consent.models import ConsentCheck, RuleVersion
from licensing.settlement.models import RoyaltyLine, Run, RunPart, RunShare
from licensing.settlement.refusals import BadPeriod
from licensing.settlement.review import failures_of, progress_of, review_of
from licensing.settlement.states import Basis, LineCode, PartKind, PayeeKind, RunKind, RunState
from licensing.usage.models import Batch, Generation


@extend_schema_field({"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"})
class Month(serializers.Field[date, str, str, Any]):
    """A month: `2026-11`; its first day inside."""

    default_error_messages = {"bad_period": str(BadPeriod.__doc__)}

    def to_internal_value(self, data: Any) -> date:
        if not isinstance(data, str) or len(data) != 7 or not data.isascii():
            self.fail("bad_period")
        try:
            month = date.fromisoformat(f"{data}-01")
        except ValueError:
            self.fail("bad_period")
        if not 2000 <= month.year <= 2200:
            self.fail("bad_period")
        return month

    def to_representation(self, value: date) -> str:
        return f"{value:%Y-%m}"


@extend_schema_field(OpenApiTypes.STR)
class Exact(serializers.Field[Decimal, str, str, Any]):
    """An exact decimal of an answer, which may be negative and is never rounded."""

    def to_representation(self, value: Decimal) -> str:
        return format_exact(value)


class NewRunShape(Shape):
    """What to settle: a platform's usage in a currency, up to the end of a month."""

    platform = Id(Platform.PREFIX, "platform")
    currency = Currency()
    period = Month(
        help_text="The running month may be settled too; what comes later is in the next."
    )


class ApprovalShape(Shape):
    """The content that is approved."""

    content_hash = serializers.RegexField(
        r"^[0-9a-f]{64}\Z", help_text="The run's `content_hash` as it was seen."
    )


class ReversalShape(Shape):
    """The content that is taken back, and why."""

    content_hash = serializers.RegexField(
        r"^[0-9a-f]{64}\Z", help_text="The run's `content_hash` as it was seen."
    )
    reason = Text(max_length=500, help_text="Kept with the run and in its entries.")


class RunShape(Shape):
    """A settlement run."""

    id = Id(Run.PREFIX, source="pk")
    mode = serializers.CharField()
    platform = Id(Platform.PREFIX, source="platform_id")
    currency = serializers.CharField()
    period = Month()
    kind = serializers.ChoiceField(RunKind.choices)
    revision = serializers.IntegerField(help_text="Counts the runs of the same period.")
    state = serializers.ChoiceField(RunState.choices)
    state_since = Instant()
    version = serializers.IntegerField(help_text="Counts the run's moves.")
    generations = serializers.IntegerField()
    total = MoneyShape()
    fee = serializers.SerializerMethodField()
    holders = serializers.SerializerMethodField()
    suspense = serializers.SerializerMethodField()
    content_hash = serializers.CharField(
        source="content_hash_hex", help_text="What an approval is bound to; empty before review."
    )
    started_by = serializers.CharField(source="started_by_label")
    started_at = Instant()
    approved_by = serializers.CharField(source="approved_by_label")
    approved_at = Instant(allow_null=True)
    effective_on = Day(allow_null=True, help_text="The day its entries belong to.")
    posted_at = Instant(allow_null=True)
    reversed_by = serializers.CharField(source="reversed_by_label")
    reversed_at = Instant(allow_null=True)
    reversal_reason = serializers.CharField()

    @extend_schema_field(MoneyShape)
    def get_fee(self, run: Run) -> dict[str, str]:
        return show_money(run.fee, run.currency)

    @extend_schema_field(MoneyShape)
    def get_holders(self, run: Run) -> dict[str, str]:
        return show_money(run.holders, run.currency)

    @extend_schema_field(MoneyShape)
    def get_suspense(self, run: Run) -> dict[str, str]:
        return show_money(run.suspense, run.currency)


class ProgressShape(Shape):
    """How far the present stage has come; `rows` are generations, or shares once approved."""

    parts = serializers.IntegerField()
    parts_done = serializers.IntegerField()
    parts_quarantined = serializers.IntegerField()
    rows = serializers.IntegerField()
    rows_done = serializers.IntegerField()
    rows_per_second = Exact(allow_null=True)
    seconds_left = serializers.IntegerField(allow_null=True)


class PayeeSumShape(Shape):
    """What a payee gets."""

    payee = serializers.ChoiceField(PayeeKind.choices)
    holder = Id(RightsHolder.PREFIX, allow_null=True)
    name = serializers.CharField()
    amount = MoneyShape()


class SubjectSumShape(Shape):
    """What a subject's usage comes to."""

    subject = Id(Subject.PREFIX)
    name = serializers.CharField()
    amount = MoneyShape()


class AnomalyShape(Shape):
    """Usage that earns nothing, or for nobody known, and why."""

    code = serializers.ChoiceField(LineCode.choices)
    subject = Id(Subject.PREFIX)
    name = serializers.CharField()
    generations = serializers.IntegerField()


class PreviousShape(Shape):
    """The run before, and the difference to it."""

    run = Id(Run.PREFIX)
    total = MoneyShape()
    change = MoneyShape()


class ReviewShape(Shape):
    """What an approver looks at; each list has at most 100 rows, the largest first."""

    payees = PayeeSumShape(many=True)
    subjects = SubjectSumShape(many=True)
    anomalies = AnomalyShape(many=True)
    previous = PreviousShape(allow_null=True)
    taken_back = serializers.IntegerField(help_text="Shares below zero: what is taken back.")


class FailureShape(Shape):
    """A part whose last attempt failed."""

    part = Id(RunPart.PREFIX, source="pk")
    kind = serializers.ChoiceField(PartKind.choices)
    number = serializers.IntegerField()
    attempt = serializers.IntegerField()
    error = serializers.CharField()


class RunDetailShape(RunShape):
    """A run with its progress and what its approver looks at."""

    progress = serializers.SerializerMethodField()
    review = serializers.SerializerMethodField()
    failures = serializers.SerializerMethodField()
    error = serializers.CharField(help_text="Why it cannot go on, if it cannot.")

    @extend_schema_field(ProgressShape)
    def get_progress(self, run: Run) -> Any:
        return ProgressShape(progress_of(run)).data

    @extend_schema_field(ReviewShape)
    def get_review(self, run: Run) -> Any:
        return ReviewShape(review_of(run)).data

    @extend_schema_field(FailureShape(many=True))
    def get_failures(self, run: Run) -> Any:
        return FailureShape(failures_of(run), many=True).data


class RoyaltyLineShape(Shape):
    """A royalty line: what a subject earned on a day under a clause, exact and unrounded."""

    id = Id(RoyaltyLine.PREFIX, source="pk")
    run = Id(Run.PREFIX, source="run_id")
    subject = Id(Subject.PREFIX, source="subject_id")
    origin = Id(Subject.PREFIX, source="origin_id", allow_null=True)
    basis = serializers.ChoiceField(Basis.choices)
    code = serializers.ChoiceField(LineCode.choices)
    terms = Id(TermsVersion.PREFIX, source="terms_id", allow_null=True)
    ownership = Id(OwnershipStep.PREFIX, source="step_id", allow_null=True)
    service_day = Day()
    territory = serializers.CharField()
    medium = serializers.ChoiceField(Medium.choices)
    licensed = serializers.BooleanField()
    generations = serializers.IntegerField(help_text="Those it has a part of.")
    seconds = serializers.IntegerField()
    entitled_generations = Exact(help_text="Its part of them.")
    entitled_seconds = Exact()
    rate_generation = Exact(allow_null=True)
    rate_second = Exact(allow_null=True)
    gross = Exact(help_text="Exact, before the one rounding.")
    currency = serializers.CharField(source="run.currency")


class RunShareShape(Shape):
    """What one payee gets of one subject's total; below zero where it is taken back."""

    id = Id(RunShare.PREFIX, source="pk")
    payee = serializers.ChoiceField(PayeeKind.choices)
    holder = Id(RightsHolder.PREFIX, source="holder_id", allow_null=True)
    subject = Id(Subject.PREFIX, source="total.subject_id")
    terms = Id(TermsVersion.PREFIX, source="total.terms_id")
    ownership = Id(OwnershipStep.PREFIX, source="total.step_id", allow_null=True)
    service_month = Month(source="total.service_month")
    amount = serializers.SerializerMethodField()

    @extend_schema_field(MoneyShape)
    def get_amount(self, share: RunShare) -> dict[str, str]:
        return show_money(share.amount, share.run.currency)


class EarningShape(Shape):
    """What a holder has earned with a subject on a platform in a month; posted runs only."""

    holder = Id(RightsHolder.PREFIX, source="holder_id")
    subject = Id(Subject.PREFIX, source="subject_id")
    platform = Id(Platform.PREFIX, source="platform_id")
    month = Month(help_text="When it was made, whenever it was settled.")
    amount = MoneyShape(source="money")


class ClauseShape(Shape):
    """The clause that priced a line."""

    agreement = Id(Agreement.PREFIX, source="agreement_id")
    terms = Id(TermsVersion.PREFIX, source="pk")
    number = serializers.IntegerField()
    effective_on = Day()
    fee_percent = Exact()
    remix_percent = Exact()


class ClausePriceShape(Shape):
    """A price of the clause that applied."""

    unit = serializers.ChoiceField(PriceUnit.choices)
    amount = Exact()


class LineOwnerShape(Shape):
    """An owner on the day."""

    holder = Id(RightsHolder.PREFIX, source="holder_id")
    share = serializers.SerializerMethodField()

    def get_share(self, share: Any) -> str:
        return show_share(Fraction(share.parts, share.step.parts))


class SourceBatchShape(Shape):
    """A sealed batch the line was rated from."""

    id = Id(Batch.PREFIX, source="pk")
    count = serializers.IntegerField()
    content_hash = serializers.SerializerMethodField()
    sealed_at = Instant()

    def get_content_hash(self, batch: Batch) -> str:
        return bytes(batch.content_hash or b"").hex()


class ContributionShape(Shape):
    """A generation behind the line, with the line's exact part of it."""

    id = Id(Generation.PREFIX)
    external_id = serializers.CharField()
    occurred_at = Instant()
    seconds = serializers.IntegerField(allow_null=True)
    batch = Id(Batch.PREFIX)
    consent_check = Id(ConsentCheck.PREFIX, allow_null=True)
    rule_versions = serializers.ListField(child=Id(RuleVersion.PREFIX))
    entitlement = serializers.IntegerField(help_text="Of 10^8.")
    gross = Exact(help_text="Exact and unrounded.")


class ExplanationShape(Shape):
    """Where a line comes from: clause, owners, batches, and up to 20 of its generations."""

    line = RoyaltyLineShape()
    clause = ClauseShape(source="line.terms", allow_null=True)
    prices = ClausePriceShape(many=True)
    owners = LineOwnerShape(many=True)
    batches = SourceBatchShape(many=True)
    generations = ContributionShape(many=True)
    entries = serializers.ListField(
        child=serializers.CharField(), help_text="Keys of the journal entries it is part of."
    )
