"""What simulations and their results look like on the wire."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ledger.wire import Id, Instant, Integer, MoneyShape, Shape
from licensing.catalog.models import Platform, Subject
from licensing.consent.models import ConsentCheck, ConsentRule, RuleVersion
from licensing.consent.states import Outcome
from licensing.consent.windows.answers import OptionShape, ReasonShape
from licensing.simulation.simulations import DAYS, MOST_DAYS
from licensing.simulation.states import SimulationState


class NewSimulationShape(Shape):
    """A draft to be tried on what was asked: in the last days, or from one moment to another."""

    default_error_messages = {
        "days_or_from": "Say either `days` or `from`.",
        "to_without_from": "Say `from` as well.",
    }

    rule = Id(ConsentRule.PREFIX, "rule")
    days = Integer(
        min_value=1, max_value=MOST_DAYS, required=False, help_text=f"{DAYS} if nothing is said."
    )
    to = Instant(required=False, help_text="Up to but without; now if left out.")

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python's, so it cannot stand as an attribute."""
        return {**super().get_fields(), "from": Instant(required=False)}

    def validate(self, attrs: Any) -> Any:
        if "days" in attrs and ("from" in attrs or "to" in attrs):
            self.fail("days_or_from")
        if "to" in attrs and "from" not in attrs:
            self.fail("to_without_from")
        return attrs


class WayShape(Shape):
    """How many requests went one way."""

    was = serializers.ChoiceField(Outcome.choices, help_text="By the rules in force.")
    becomes = serializers.ChoiceField(Outcome.choices, help_text="With the draft.")
    requests = serializers.IntegerField()


class WaysOfShape(Shape):
    """How many requests of one value flip, and which way."""

    requests = serializers.IntegerField()
    changed = serializers.IntegerField()
    ways = WayShape(many=True)


class ValueShape(WaysOfShape):
    """How many requests of one platform, action, territory or subject flip, and which way."""

    value = serializers.CharField(allow_null=True, help_text="Null: it was not said.")


class OtherShape(WaysOfShape):
    """All further values in one."""

    values = serializers.IntegerField(help_text="How many there are.")


class BreakdownShape(Shape):
    """The hundred values that change most, and the rest in one."""

    values = ValueShape(many=True)
    other = OtherShape(allow_null=True)


class BreakdownsShape(Shape):
    """The same requests, told apart in four ways; a request counts for each of its subjects."""

    platform = BreakdownShape()
    action = BreakdownShape()
    territory = BreakdownShape()
    subject = BreakdownShape()


class StreamShape(Shape):
    """The money in one kind of change: of the holder's own consent alone, exact, for as many
    generations as were asked for."""

    requests = serializers.IntegerField()
    amounts = MoneyShape(many=True, help_text="One sum per currency; a difference may be negative.")
    by_agreement = serializers.IntegerField(
        help_text="Requests priced by agreement, at least partly."
    )
    unmeasured = serializers.IntegerField(
        help_text="Requests priced per second that do not say how long they are."
    )


class SimulatedMoneyShape(Shape):
    """What a draft is worth."""

    lost = StreamShape(help_text="Would no longer be allowed: at the price recorded then.")
    gained = StreamShape(help_text="Would newly be allowed: at the price of then.")
    repriced = StreamShape(help_text="Stays allowed at another price: the difference.")


class RecordedShape(Shape):
    """Recorded answers that the rules in force now no longer give."""

    differ = serializers.IntegerField()
    ways = WayShape(many=True, help_text="From what was recorded to what the rules now say.")


class ExampleShape(Shape):
    """One request that flips, as far as it is yours to see."""

    consent_check = Id(ConsentCheck.PREFIX)
    issued_at = Instant()
    platform = Id(Platform.PREFIX)
    subjects = serializers.ListField(child=Id(Subject.PREFIX))
    action = serializers.CharField()
    facts = serializers.DictField(help_text="What was said besides.")
    reasons = ReasonShape(many=True, help_text="Of the answer with the draft.")
    would_allow = OptionShape(many=True, help_text="Where the draft refuses: the smallest changes.")


class ExamplesShape(Shape):
    """Up to twenty requests that flip one way, newest first."""

    was = serializers.ChoiceField(Outcome.choices)
    becomes = serializers.ChoiceField(Outcome.choices)
    requests = ExampleShape(many=True)


class ResultShape(WaysOfShape):
    """What the draft would change: recorded requests decided by the rules in force, and with the
    draft in the place of its rule's version."""

    as_of = Instant(
        help_text="Both were decided as of this moment: when the simulation began, or when the "
        "draft's own window begins."
    )
    by = BreakdownsShape()
    money = SimulatedMoneyShape()
    recorded = RecordedShape()
    hang_on_words = serializers.IntegerField(
        help_text="Requests whose answer hangs on words that were not searched for when the prompt "
        "was there. They are taken as unknown."
    )
    stopped = serializers.IntegerField(help_text="Refused whatever the rules say.")
    quotas = serializers.ChoiceField(
        choices=["ignored"], help_text="Decided as if no quota were used up."
    )
    notices = serializers.ChoiceField(
        choices=["run_out"],
        help_text="What the draft replaces does not run on for anybody who relied on it: as it "
        "will be once any notice of its revocation has run out.",
    )
    examples = ExamplesShape(many=True)


class SimulationShape(Shape):
    """A simulation, and how far it is."""

    id = Id("sim", source="pk")
    rule = Id(ConsentRule.PREFIX, source="rule_id")
    rule_version = Id(RuleVersion.PREFIX, source="version_id")
    revision = serializers.IntegerField(help_text="Which edit of the draft is tried.")
    content_hash = serializers.CharField(
        source="content_hash_hex", help_text="SHA-256 of the canonical body that is tried."
    )
    of_latest = serializers.BooleanField(help_text="False once the rule was edited further.")
    to = Instant(source="window_to")
    state = serializers.ChoiceField(SimulationState.choices)
    requests = serializers.IntegerField(
        allow_null=True, help_text="To be replayed; null until it runs."
    )
    replayed = serializers.IntegerField()
    error = serializers.CharField(help_text="Why its last attempt failed.")
    created_at = Instant()
    started_at = Instant(allow_null=True)
    finished_at = Instant(allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python's, so it cannot stand as an attribute."""
        return {**super().get_fields(), "from": Instant(source="window_from")}


class SimulationDetailShape(SimulationShape):
    """A simulation with its result."""

    result = ResultShape(allow_null=True, help_text="There once it is done.")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        # Kept as it is told.
        fields = self.fields
        fields.pop("result", None)
        return {**super().to_representation(instance), "result": instance.result}
