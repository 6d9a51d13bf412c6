"""What destinations, batches and items look like on the wire."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ledger.ids import show
from ledger.payouts.models import DestinationKind, PayoutBatch, PayoutItem
from ledger.payouts.states import BatchState, ItemState
from ledger.wire import Currency, Day, DecimalText, Instant, MoneyShape, Shape, Text, show_money


class DestinationIn(Shape):
    """Where a payee is to be paid."""

    party = Text(max_length=80, help_text="The payee, such as `hld_…`.")
    kind = serializers.ChoiceField(choices=DestinationKind.choices)
    account = Text(max_length=140, help_text="An IBAN, or a description for payment by hand.")
    account_name = Text(max_length=140, help_text="Whose account it is.")


class DestinationOut(Shape):
    """A destination. The account is never shown whole."""

    id = serializers.CharField(source="shown_id")
    party = serializers.CharField()
    kind = serializers.ChoiceField(choices=DestinationKind.choices)
    account = serializers.CharField(source="masked", help_text="Masked.")
    account_name = serializers.CharField()
    registered_at = Instant()
    usable_from = Instant(help_text="A changed destination waits 72 hours.")
    replaced_at = Instant(allow_null=True)


class BatchIn(Shape):
    """Whom to pay: everybody from the threshold up, or the payees named."""

    currency = Currency()
    threshold = DecimalText(help_text="The least that is paid to a payee.")
    parties = serializers.ListField(
        child=Text(max_length=80), required=False, allow_empty=False, max_length=5000
    )


class ItemIn(Shape):
    """One payee of a draft."""

    party = Text(max_length=80)
    amount = DecimalText(help_text="Whole minor units.")


class SeenIn(Shape):
    """The content that was seen."""

    content_hash = serializers.RegexField(
        r"^[0-9a-f]{64}\Z", required=False, help_text="Refused with 409 if it is another by now."
    )


class ApproveIn(Shape):
    """The content that is approved."""

    content_hash = serializers.RegexField(
        r"^[0-9a-f]{64}\Z", help_text="The batch's `content_hash` as it was seen."
    )


class ReasonIn(Shape):
    """Why."""

    reason = Text(max_length=300)


class PaidIn(Shape):
    """The evidence of a payment."""

    reference = Text(max_length=140, help_text="The bank's own reference.")
    paid_on = Day()


class LeftOutShape(Shape):
    """A payee who is paid nothing by this batch, and why."""

    party = serializers.CharField()
    payable = serializers.CharField(help_text="What is owed, as a decimal string.")
    reason = serializers.ChoiceField(
        choices=["no_destination", "below_threshold", "below_minor_unit", "already_proposed"]
    )
    detail = serializers.CharField()


class ItemShape(Shape):
    """One payee's payment."""

    id = serializers.CharField(source="shown_id")
    batch = serializers.SerializerMethodField()
    party = serializers.CharField()
    amount = MoneyShape(source="money")
    destination = serializers.CharField(source="destination.masked", help_text="Masked.")
    state = serializers.ChoiceField(choices=ItemState.choices)
    state_since = Instant()
    reference = serializers.CharField(help_text="The bank's reference, once paid.")
    paid_on = Day(allow_null=True)
    reason = serializers.CharField()

    def get_batch(self, item: PayoutItem) -> str:
        return show(PayoutBatch.PREFIX, item.batch_id)


class BatchSummary(Shape):
    """A batch without its items."""

    id = serializers.CharField(source="shown_id")
    mode = serializers.CharField(source="book.mode")
    state = serializers.ChoiceField(choices=BatchState.choices)
    state_since = Instant()
    version = serializers.IntegerField()
    rail = serializers.CharField()
    total = MoneyShape(source="total_money")
    item_count = serializers.IntegerField()
    threshold = serializers.SerializerMethodField()
    content_hash = serializers.CharField(source="content_hash_hex")
    prepared_by = serializers.CharField(source="prepared_by_label")
    prepared_at = Instant()
    approved_by = serializers.CharField(source="approved_by_label")
    approved_at = Instant(allow_null=True)

    @extend_schema_field(MoneyShape)
    def get_threshold(self, batch: PayoutBatch) -> dict[str, str]:
        return show_money(batch.threshold, batch.currency)


class BatchShape(BatchSummary):
    """A batch with its items, and the payees it leaves out."""

    items = serializers.SerializerMethodField()
    left_out = LeftOutShape(many=True)

    @extend_schema_field(ItemShape(many=True))
    def get_items(self, batch: PayoutBatch) -> list[dict[str, Any]]:
        rows = PayoutItem.objects.filter(batch=batch).select_related("batch", "destination")
        return [dict(ItemShape(item).data) for item in rows.order_by("pk")]
