"""The API's windows on claims."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.windows import Window, named, paged
from ledger.wire import Id
from licensing.catalog.models import RightsHolder, Subject
from licensing.claims import answering, examples
from licensing.claims.filing import file_claim
from licensing.claims.models import Claim, ClaimQuerySet
from licensing.claims.shapes import ClaimShape, ContestShape, DecisionShape, NewClaimShape
from licensing.claims.states import ClaimState


class _Window(Window):
    """A window on the claims that the actor sees."""

    def rows(self) -> ClaimQuerySet:
        """Each with the names that are shown."""
        return Claim.objects.visible_to(self.actor).select_related("subject__holder", "claimant")

    def claim(self, text: str) -> Claim:
        """The claim with this id. Raises NotFound."""
        return self.find(self.rows(), Claim.PREFIX, text)


class ClaimsWindow(_Window):
    """Claims."""

    scopes = {"GET": "claims:read", "POST": "claims:write"}

    @extend_schema(
        operation_id="claims_list",
        summary="Claims",
        description="Those you filed and those on your subjects, newest first.",
        parameters=[
            OpenApiParameter("subject", str),
            OpenApiParameter("state", str, enum=ClaimState.values),
        ],
        responses=paged(ClaimShape),
        examples=[examples.listed(examples.CONTESTED)],
    )
    def get(self, request: Request) -> Response:
        return self.page(
            self.rows(),
            ClaimShape,
            filters={
                "subject": Id(Subject.PREFIX),
                "state": serializers.ChoiceField(choices=ClaimState.choices),
            },
        )

    @extend_schema(
        operation_id="claims_file",
        summary="Claim a subject",
        description="Says that another's subject is yours, everywhere or in one territory, with "
        "the evidence in words. No consent check over it that starts after this answer is allowed "
        "there until the claim has ended. What was allowed and earned before stays as it is, and "
        "so does who owns it. What is yours already, is claimed by you already or was rejected "
        "before, for any rights holder of yours: 409, as are more than 20 open claims of all.",
        request=NewClaimShape,
        responses={201: ClaimShape},
        examples=[examples.sent(examples.NEW_CLAIM), examples.shown(examples.FILED)],
    )
    def post(self, request: Request) -> Response:
        said, actor = self.read(NewClaimShape), self.actor
        claim = file_claim(
            actor=actor,
            now=self.now,
            claimant=named(RightsHolder.objects.visible_to(actor), said["claimant"]),
            # One claims what one does not see otherwise, by an id that one has to know.
            subject=named(
                Subject.objects.filter(holder__organisation__mode=actor.mode), said["subject"]
            ),
            statement=said["statement"],
            territory=said["territory"] or "",
        )
        return self.created(ClaimShape, claim)


class ClaimWindow(_Window):
    """One claim."""

    scopes = {"GET": "claims:read"}

    @extend_schema(
        operation_id="claims_get",
        summary="One claim",
        description="What was claimed, what was said against it, and how it ended.",
        responses=ClaimShape,
        examples=[examples.shown(examples.CONTESTED)],
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        return self.show(ClaimShape, self.claim(id))


class WithdrawWindow(_Window):
    """A claim's withdrawal."""

    scopes = {"POST": "claims:write"}

    @extend_schema(
        operation_id="claims_withdraw",
        summary="Withdraw a claim",
        description="For the claimant. From then on the rules speak again.",
        request=None,
        responses=ClaimShape,
        examples=[examples.shown(examples.WITHDRAWN)],
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        claim = answering.withdraw_claim(actor=self.actor, now=self.now, claim=self.claim(id))
        return self.show(ClaimShape, claim)


class ContestWindow(_Window):
    """An owner's answer that a claim is wrong."""

    scopes = {"POST": "claims:write"}

    @extend_schema(
        operation_id="claims_contest",
        summary="Contest a claim",
        description="For who owns a share of the subject or registered it: says, once, why the "
        "claim is wrong. The subject stays disputed until the house has decided.",
        request=ContestShape,
        responses=ClaimShape,
        examples=[examples.sent(examples.CONTEST), examples.shown(examples.CONTESTED)],
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        claim = self.claim(id)
        said = self.read(ContestShape)
        claim = answering.contest_claim(
            actor=self.actor, now=self.now, claim=claim, statement=said["statement"]
        )
        return self.show(ClaimShape, claim)


class ConcedeWindow(_Window):
    """An owner's answer that a claim is right."""

    scopes = {"POST": "claims:write"}

    @extend_schema(
        operation_id="claims_concede",
        summary="Concede a claim",
        description="For who owns a share of the subject or registered it: says that the claim is "
        "right, and ends the dispute. Who owns the subject does not change by this: record the new "
        "owners as a step of ownership.",
        request=None,
        responses=ClaimShape,
        examples=[examples.shown(examples.CONCEDED)],
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        claim = answering.concede_claim(actor=self.actor, now=self.now, claim=self.claim(id))
        return self.show(ClaimShape, claim)


class ResolveWindow(_Window):
    """The house's decision."""

    scopes = {"POST": "claims:resolve"}

    @extend_schema(
        operation_id="claims_resolve",
        summary="Decide a claim",
        description="For the house: upholds or rejects it, for a reason that both sides are told, "
        "by a person who has neither filed nor contested it. It ends the dispute and changes no "
        "ownership: what an upheld claim leads to is recorded as a step of ownership.",
        request=DecisionShape,
        responses=ClaimShape,
        examples=[examples.sent(examples.DECISION), examples.shown(examples.REJECTED)],
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        claim = self.claim(id)
        said = self.read(DecisionShape)
        claim = answering.resolve_claim(
            actor=self.actor,
            now=self.now,
            claim=claim,
            outcome=said["outcome"],
            reason=said["reason"],
        )
        return self.show(ClaimShape, claim)


urlpatterns = [
    path("claims", ClaimsWindow.as_view()),
    path("claims/<str:id>", ClaimWindow.as_view()),
    path("claims/<str:id>/withdraw", WithdrawWindow.as_view()),
    path("claims/<str:id>/contest", ContestWindow.as_view()),
    path("claims/<str:id>/concede", ConcedeWindow.as_view()),
    path("claims/<str:id>/resolve", ResolveWindow.as_view()),
]
