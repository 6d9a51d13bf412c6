"""The API's windows on agreements."""

from __future__ import annotations

from django.db.models import Prefetch, QuerySet
from django.urls import path
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.windows import Window, named, paged
from ledger.wire import Currency, Id
from licensing.catalog.models import Platform, Property, RightsHolder, Subject
from licensing.commerce import agreements
from licensing.commerce.models import Agreement, TermsVersion
from licensing.commerce.shapes import (
    EXAMPLE,
    NEW_EXAMPLE,
    TERMS_EXAMPLE,
    AgreementShape,
    NewAgreementShape,
    NewTermsShape,
)

_ONE = OpenApiExample("Over a property", value=EXAMPLE, response_only=True)


def _with_terms(rows: QuerySet[Agreement]) -> QuerySet[Agreement]:
    versions = TermsVersion.objects.order_by("number").prefetch_related("prices")
    return rows.prefetch_related(Prefetch("versions", versions, to_attr="ordered_versions"))


class AgreementsWindow(Window):
    """Agreements."""

    scopes = {"GET": "agreements:read", "POST": "agreements:write"}

    @extend_schema(
        operation_id="agreements_list",
        summary="Agreements",
        description="Those you are a side of, newest first; for the house all of its mode.",
        parameters=[
            OpenApiParameter("platform", str),
            OpenApiParameter("holder", str),
            OpenApiParameter("currency", str),
        ],
        responses=paged(AgreementShape),
        examples=[
            OpenApiExample("A page", value={"data": [EXAMPLE], "next": None}, response_only=True)
        ],
    )
    def get(self, request: Request) -> Response:
        return self.page(
            _with_terms(Agreement.objects.visible_to(self.actor)),
            AgreementShape,
            filters={
                "platform": Id(Platform.PREFIX),
                "holder": Id(RightsHolder.PREFIX),
                "currency": Currency(),
            },
        )

    @extend_schema(
        operation_id="agreements_create",
        summary="Make an agreement",
        description="Over everything a holder registered, a property with all beneath it, or one "
        "subject. The most specific agreement governs a subject. Its first terms may begin in the "
        "past: the next run prices what had no price until then. What is settled under other terms "
        "is never priced anew: 409 `settled_time` names the last such day. Only the house makes "
        "agreements.",
        request=NewAgreementShape,
        responses={201: AgreementShape},
        examples=[
            OpenApiExample("Over a property", value=NEW_EXAMPLE, request_only=True),
            _ONE,
        ],
    )
    def post(self, request: Request) -> Response:
        body = self.read(NewAgreementShape)
        actor = self.actor
        agreement = agreements.create_agreement(
            actor=actor,
            now=self.now,
            platform=named(
                Platform.objects.visible_to(actor).select_related("organisation"), body["platform"]
            ),
            holder=named(
                RightsHolder.objects.visible_to(actor).select_related("organisation"),
                body["holder"],
            ),
            property=named(Property.objects.visible_to(actor), body.get("property")),
            subject=named(Subject.objects.visible_to(actor), body.get("subject")),
            currency=body["currency"],
            terms=body["terms"],
        )
        return self.created(
            AgreementShape, _with_terms(Agreement.objects.filter(pk=agreement.pk)).get()
        )


class AgreementWindow(Window):
    """One agreement."""

    scopes = {"GET": "agreements:read"}

    @extend_schema(
        operation_id="agreements_get",
        summary="An agreement",
        description="With all of its terms, first to last.",
        responses=AgreementShape,
        examples=[_ONE],
    )
    def get(self, request: Request, agreement: str) -> Response:
        rows = _with_terms(Agreement.objects.visible_to(self.actor))
        return self.show(AgreementShape, self.find(rows, Agreement.PREFIX, agreement))


class AgreementTermsWindow(Window):
    """The terms of one agreement."""

    scopes = {"POST": "agreements:write"}

    @extend_schema(
        operation_id="agreements_add_terms",
        summary="Date new terms",
        description="They begin today or later, and after the last day that is settled (409 "
        "`settled_time`); what happened before keeps the earlier terms, whenever it is settled.",
        request=NewTermsShape,
        responses={201: AgreementShape},
        examples=[OpenApiExample("From a day on", value=TERMS_EXAMPLE, request_only=True), _ONE],
    )
    def post(self, request: Request, agreement: str) -> Response:
        found = self.find(Agreement.objects.visible_to(self.actor), Agreement.PREFIX, agreement)
        terms = self.read(NewTermsShape)
        agreements.add_terms(actor=self.actor, now=self.now, agreement=found, terms=terms)
        return self.created(
            AgreementShape, _with_terms(Agreement.objects.filter(pk=found.pk)).get()
        )


urlpatterns = [
    path("agreements", AgreementsWindow.as_view()),
    path("agreements/<str:agreement>", AgreementWindow.as_view()),
    path("agreements/<str:agreement>/terms", AgreementTermsWindow.as_view()),
]
