"""Claims in the admin: what both sides have said, and the house's decision with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from ledger.actor import Actor
from ledger.desk import DeskAdmin, Seen, Step
from licensing.claims import answering
from licensing.claims.models import Claim
from licensing.claims.states import ClaimState

_COLOURS: Final = {
    ClaimState.DISPUTED: "danger",
    ClaimState.CONCEDED: "warning",
    ClaimState.UPHELD: "warning",
}


def _decide(actor: Actor, now: datetime, claim: Claim, seen: Seen, *, outcome: str) -> None:
    answering.resolve_claim(
        actor=actor,
        now=now,
        claim=claim,
        outcome=outcome,
        reason=seen.why,
        # Without a hash nothing was seen.
        seen=seen.content_hash or "nothing",
    )


def _is_party(actor: Actor, claim: Claim) -> bool:
    return actor.person_id in (claim.filed_by, claim.contested_by)


def _decision(outcome: ClaimState, *, button: str, icon: str, effect: str) -> Step[Claim]:
    return Step(
        button=button,
        icon=icon,
        question=f"{button} this claim?",
        effect=effect,
        yes=f"{button} it",
        done=f"is {outcome}",
        states=frozenset({ClaimState.DISPUTED}),
        scopes=frozenset({"claims:resolve"}),
        not_by=_is_party,
        verb=lambda actor, now, claim, seen: _decide(actor, now, claim, seen, outcome=outcome),
        asks_why=True,
    )


STEPS: Final[Mapping[str, Step[Claim]]] = {
    "uphold": _decision(
        ClaimState.UPHELD,
        button="Uphold",
        icon="check_circle",
        effect="The dispute ends and the rules speak again. Who owns the subject does not change by "
        "this: record the new owners as a step of ownership, from today or a later day on. Both "
        "sides are told the reason.",
    ),
    "reject": _decision(
        ClaimState.REJECTED,
        button="Reject",
        icon="block",
        effect="The dispute ends and the rules speak again. The claimant cannot claim the same "
        "again. Both sides are told the reason.",
    ),
}


@admin.register(Claim)
class ClaimAdmin(DeskAdmin):
    """Claims, and the decision that each of them waits for."""

    reads = "claims:read"
    list_display = (
        "shown", "subject", "claimant", "where", "state_shown", "contested_at", "filed_at", "mode",
    )  # fmt: skip
    list_filter = ("state", "subject__holder__organisation__mode")
    list_select_related = ("subject__holder__organisation", "claimant")
    search_fields = ("subject__name", "claimant__name")
    ordering = ("-pk",)
    fields = (
        "shown", "subject", "claimant", "where", "mode", "state", "next_step", "statement",
        "filer", "filed_at", "contested_for", "contest", "contester",
        "contested_at", "conceded_for", "reason", "ender", "ended_at",
    )  # fmt: skip
    steps = STEPS
    step_template = "claims/step.html"
    mode_of = "subject.holder.organisation.mode"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Claim]:
        """With all that a page names of each."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related("subject__holder__organisation", "claimant", "contested_for")

    @display(description="territory", ordering="territory")
    def where(self, claim: Claim) -> str:
        return claim.territory or "everywhere"

    @display(description="state", ordering="state", label=_COLOURS)
    def state_shown(self, claim: Claim) -> tuple[str, str]:
        return claim.state, claim.get_state_display()

    @display(description="filed by")
    def filer(self, claim: Claim) -> str:
        return claim.filed_by_label

    @display(description="contested by")
    def contester(self, claim: Claim) -> str:
        return claim.contested_by_label

    @display(description="ended by")
    def ender(self, claim: Claim) -> str:
        return claim.ended_by_label

    @display(description="mode", ordering="subject__holder__organisation__mode")
    def mode(self, claim: Claim) -> str:
        return claim.subject.holder.organisation.mode
