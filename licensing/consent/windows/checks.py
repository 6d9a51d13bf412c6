"""The API's windows on consent checks and approvals."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.actor import Actor
from ledger.errors import NotAllowed
from ledger.windows import EmptyBody, Window, paged
from licensing.catalog.models import Platform, RightsHolder
from licensing.catalog.shapes import Territory
from licensing.consent import approvals, decisions
from licensing.consent.engine.language import Action
from licensing.consent.models import ApprovalRequest, ConsentCheck, ConsentCheckQuerySet
from licensing.consent.states import ApprovalState, Outcome
from licensing.consent.windows import examples
from licensing.consent.windows.answers import AnsweredShape, CheckShape, show_check
from licensing.consent.windows.asking import AskingShape, BatchShape, read_asking
from licensing.consent.windows.shapes import AnswerShape, ApprovalShape, Named


class NotAPlatform(NotAllowed):
    """Only a platform asks for consent."""

    code = "not_a_platform"


class _Window(Window):
    """What platforms may look at with the scope they ask with, and holders with theirs to read."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method in ("GET", "HEAD") and not self.actor.may("consent:check"):
            self.actor.require("consent:read")


class ConsentChecksWindow(_Window):
    """Consent checks."""

    scopes = {"POST": "consent:check"}

    @extend_schema(
        operation_id="consent_checks_list",
        summary="Consent checks",
        description="A platform's own, a holder's about its subjects, for the house all of its "
        "mode; newest first.",
        parameters=[
            OpenApiParameter("outcome", str, enum=Outcome.values),
            OpenApiParameter("action", str, enum=[str(action) for action in Action]),
            OpenApiParameter("territory", str),
        ],
        responses=paged(CheckShape),
        examples=examples.listed(examples.ALLOWED),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            _checks(self.actor),
            _ShownCheck,
            filters={
                "outcome": Named(Outcome.values),
                "action": Named(Action),
                "territory": Territory(),
            },
        )

    @extend_schema(
        operation_id="consent_checks_create",
        summary="Ask for consent",
        description="Decided by the rules in force at this moment. An allow carries a receipt, a "
        "compact JWS, to be cited when what was made is reported; a refusal says why, and which "
        "smallest changes would have been allowed. What you leave out is unknown, and an unknown "
        "fact never satisfies an allow.",
        request=AskingShape,
        responses={201: CheckShape},
        examples=[
            examples.sent("A clip", examples.ASKING),
            *examples.shown(examples.ALLOWED, examples.REFUSED),
        ],
    )
    def post(self, request: Request) -> Response:
        actor = self.actor
        said = _read(self, _ASKING)
        platform = platform_of(actor)
        check = decisions.check(
            actor=actor, now=self.now, platform=platform, asking=read_asking(said)
        )
        return Response(show_check(check, actor, frozenset()), status=201)


class ConsentCheckBatchWindow(Window):
    """Many consent checks at once."""

    scopes = {"POST": "consent:check"}

    @extend_schema(
        operation_id="consent_checks_batch",
        summary="Ask for consent many times",
        description="Up to 500 checks, each decided by itself, in the order they are sent. If one "
        "of them cannot be read or names what is not there, none is decided.",
        request=BatchShape,
        responses={201: AnsweredShape},
        examples=[
            examples.sent("Two clips", {"checks": [examples.ASKING, examples.ASKING]}),
            *examples.shown({"checks": [examples.ALLOWED, examples.REFUSED]}),
        ],
    )
    def post(self, request: Request) -> Response:
        actor = self.actor
        said = _read(self, _BATCH)
        checks = decisions.check_all(
            actor=actor,
            now=self.now,
            platform=platform_of(actor),
            askings=[read_asking(one) for one in said["checks"]],
        )
        shown = [show_check(check, actor, frozenset()) for check in checks]
        return Response({"checks": shown}, status=201)


class ConsentCheckWindow(_Window):
    """One consent check."""

    @extend_schema(
        operation_id="consent_checks_get",
        summary="One consent check",
        description="The answer as it was given. Once the holders have approved what needed "
        "approval, `granted_by` names the check that carries the receipt.",
        responses=CheckShape,
        examples=examples.shown(examples.ALLOWED),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        check = self.find(_checks(self.actor), ConsentCheck.PREFIX, id)
        return Response(show_check(check, self.actor, _own_holders(self.actor)))


class ApprovalsWindow(_Window):
    """Requests for approval."""

    @extend_schema(
        operation_id="approvals_list",
        summary="Requests for approval",
        description="A holder's own to answer, a platform's own to follow; newest first.",
        parameters=[OpenApiParameter("state", str, enum=ApprovalState.values)],
        responses=paged(ApprovalShape),
        examples=examples.listed(examples.APPROVAL),
    )
    def get(self, request: Request) -> Response:
        rows = ApprovalRequest.objects.visible_to(self.actor).select_related("consent_check")
        return self.page(rows, ApprovalShape, filters={"state": Named(ApprovalState.values)})


class _AnswerWindow(Window):
    scopes = {"POST": "consent:publish"}

    def _find(self, text: str) -> ApprovalRequest:
        return self.find(
            ApprovalRequest.objects.visible_to(self.actor), ApprovalRequest.PREFIX, text
        )

    def _always(self) -> bool:
        """Whether the answer is also to become a rule, which takes the right to write one."""
        if int(self.request.META.get("CONTENT_LENGTH") or 0) == 0:
            return False
        always: bool = self.read(AnswerShape).get("always", False)
        if always:
            self.actor.require("consent:write")
        return always

    def _shown(self, approval: ApprovalRequest) -> Response:
        return self.show(ApprovalShape, approval)


class ApproveWindow(_AnswerWindow):
    """A holder's yes."""

    @extend_schema(
        operation_id="approvals_approve",
        summary="Approve",
        description="Says yes, once. With the last yes that was needed the platform gets its "
        "receipt, if the rules in force now still permit it. With `always` it also drafts an "
        "allow of the same, narrow, which answers the rules that asked once it is published.",
        request=AnswerShape,
        responses=ApprovalShape,
        examples=[
            examples.sent("Always", examples.ALWAYS),
            *examples.shown({**examples.APPROVAL, "state": "approved"}),
        ],
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        approval, always = self._find(id), self._always()
        return self._shown(
            approvals.approve(actor=self.actor, now=self.now, approval=approval, always=always)
        )


class RefuseWindow(_AnswerWindow):
    """A holder's no."""

    @extend_schema(
        operation_id="approvals_refuse",
        summary="Refuse",
        description="Says no, once. With `always` it also drafts a deny of the same.",
        request=AnswerShape,
        responses=ApprovalShape,
        examples=[
            examples.sent("Always", examples.ALWAYS),
            *examples.shown({**examples.APPROVAL, "state": "refused"}),
        ],
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        approval, always = self._find(id), self._always()
        return self._shown(
            approvals.refuse(actor=self.actor, now=self.now, approval=approval, always=always)
        )


# Making a shape copies all its fields, which costs more than a decision. Reading a body does not
# change a shape, so these are made once.
_ASKING = AskingShape()
_BATCH = BatchShape()


def _read(window: Window, shape: AskingShape | BatchShape) -> Any:
    if int(window.request.META.get("CONTENT_LENGTH") or 0) == 0:
        raise EmptyBody
    return shape.run_validation(window.request.data)


class _ShownCheck(CheckShape):
    """A check in a list, seen by whoever asks."""

    def to_representation(self, instance: ConsentCheck) -> dict[str, Any]:
        # The one context of the whole list, so that the holders are asked for once.
        context = cast("dict[str, Any]", self.context)
        if "holders" not in context:
            context["holders"] = _own_holders(context["actor"])
        return show_check(instance, context["actor"], context["holders"])


def _checks(actor: Actor) -> ConsentCheckQuerySet:
    rows = ConsentCheck.objects.visible_to(actor)
    return rows.select_related("granted").prefetch_related("approvals")


def _own_holders(actor: Actor) -> frozenset[str]:
    """The shown ids of a holder organisation's own holders; none for others, who need none."""
    if actor.organisation_kind != "holder":
        return frozenset()
    return frozenset(holder.shown_id for holder in RightsHolder.objects.visible_to(actor))


def platform_of(actor: Actor) -> Platform:
    """The platform that an organisation is. Raises NotAPlatform."""
    try:
        return _platform_of(actor.tenant)
    except Platform.DoesNotExist:
        raise NotAPlatform from None


@lru_cache(maxsize=4096)
def _platform_of(organisation_id: UUID) -> Platform:
    """An organisation is one platform for ever, so a process asks for it once."""
    return Platform.objects.get(organisation_id=organisation_id)
