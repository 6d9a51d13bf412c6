"""The API's windows on holders, platforms, properties, subjects and ownership."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.windows import IF_MATCH, Window, named, paged
from ledger.wire import Id
from licensing.access.models import Organisation
from licensing.catalog import examples, holders, ownership, properties, subjects
from licensing.catalog.models import (
    OwnershipStep,
    Platform,
    Property,
    RightsHolder,
    Subject,
    SubjectKind,
)
from licensing.catalog.shapes import (
    HolderShape,
    NewHolderShape,
    NewPropertyShape,
    NewStepShape,
    NewSubjectShape,
    PlatformShape,
    PropertyEditShape,
    PropertyShape,
    StepShape,
    SubjectShape,
    Territory,
)


class HoldersWindow(Window):
    """Rights holders."""

    scopes = {"GET": "catalog:read", "POST": "parties:write"}

    @extend_schema(
        operation_id="holders_list",
        summary="Rights holders",
        description="Your organisation's, newest first; for the house all of its mode.",
        parameters=[OpenApiParameter("organisation", str)],
        responses=paged(HolderShape),
        examples=examples.listed(examples.HOLDER),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            RightsHolder.objects.visible_to(self.actor),
            HolderShape,
            filters={"organisation": Id(Organisation.PREFIX)},
        )

    @extend_schema(
        operation_id="holders_create",
        summary="Register a rights holder",
        description="In your own organisation. The house names another's, or makes a new one.",
        request=NewHolderShape,
        responses={201: HolderShape},
        examples=[
            OpenApiExample("A studio", value={"name": "Lantern Studio"}, request_only=True),
            *examples.shown(examples.HOLDER),
        ],
    )
    def post(self, request: Request) -> Response:
        said = self.read(NewHolderShape)
        home = named(Organisation.objects.visible_to(self.actor), said.get("organisation"))
        holder = holders.register_holder(
            actor=self.actor, now=self.now, name=said["name"], organisation=home
        )
        return self.created(HolderShape, holder)


class HolderWindow(Window):
    """One rights holder."""

    scopes = {"GET": "catalog:read"}

    @extend_schema(
        operation_id="holders_get",
        summary="One rights holder",
        description="A rights holder of your organisation; for the house any of its mode.",
        responses=HolderShape,
        examples=examples.shown(examples.HOLDER),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        rows = RightsHolder.objects.visible_to(self.actor)
        return self.show(HolderShape, self.find(rows, RightsHolder.PREFIX, id))


class PlatformsWindow(Window):
    """Platforms."""

    scopes = {"GET": "catalog:read"}

    @extend_schema(
        operation_id="platforms_list",
        summary="Platforms",
        description="All of your mode, to be named in rules and agreements; a platform sees itself.",
        responses=paged(PlatformShape),
        examples=examples.listed(examples.PLATFORM),
    )
    def get(self, request: Request) -> Response:
        return self.page(Platform.objects.visible_to(self.actor), PlatformShape)


class PlatformWindow(Window):
    """One platform."""

    scopes = {"GET": "catalog:read"}

    @extend_schema(
        operation_id="platforms_get",
        summary="One platform",
        description="A platform of your mode; a platform sees itself.",
        responses=PlatformShape,
        examples=examples.shown(examples.PLATFORM),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        rows = Platform.objects.visible_to(self.actor)
        return self.show(PlatformShape, self.find(rows, Platform.PREFIX, id))


class PropertiesWindow(Window):
    """Properties."""

    scopes = {"GET": "catalog:read", "POST": "catalog:write"}

    @extend_schema(
        operation_id="properties_list",
        summary="Properties",
        description="Your holders' franchises and their parts, newest first.",
        parameters=[OpenApiParameter("holder", str), OpenApiParameter("parent", str)],
        responses=paged(PropertyShape),
        examples=examples.listed(examples.PROPERTY),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            Property.objects.visible_to(self.actor),
            PropertyShape,
            filters={"holder": Id(RightsHolder.PREFIX), "parent": Id(Property.PREFIX)},
        )

    @extend_schema(
        operation_id="properties_create",
        summary="Create a property",
        description="At the top, or inside another of the same holder, at most 8 deep. Its place "
        "is for good.",
        request=NewPropertyShape,
        responses={201: PropertyShape},
        examples=[
            OpenApiExample("A series", value=examples.NEW_PROPERTY, request_only=True),
            *examples.shown(examples.PROPERTY),
        ],
    )
    def post(self, request: Request) -> Response:
        said = self.read(NewPropertyShape)
        made = properties.create_property(
            actor=self.actor,
            now=self.now,
            holder=named(RightsHolder.objects.visible_to(self.actor), said["holder"]),
            name=said["name"],
            parent=named(Property.objects.visible_to(self.actor), said["parent"]),
        )
        return _shown(self, made, status=201)


class PropertyWindow(Window):
    """One property."""

    scopes = {"GET": "catalog:read", "PATCH": "catalog:write"}

    @extend_schema(
        operation_id="properties_get",
        summary="One property",
        description="A property of your holders; for the house any of its mode. The answer's ETag "
        "is what a new name has to send back.",
        responses=PropertyShape,
        examples=examples.shown(examples.PROPERTY),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        rows = Property.objects.visible_to(self.actor)
        return _shown(self, self.find(rows, Property.PREFIX, id))

    @extend_schema(
        operation_id="properties_rename",
        summary="Rename a property",
        description="Its place stays what it is, and so do the rules over it. Without If-Match 428, "
        "with one that is stale 412.",
        parameters=[IF_MATCH],
        request=PropertyEditShape,
        responses=PropertyShape,
        examples=[
            OpenApiExample("A name", value=examples.PROPERTY_EDIT, request_only=True),
            *examples.shown(examples.PROPERTY),
        ],
    )
    def patch(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        rows = Property.objects.visible_to(self.actor).select_related("holder")
        found = self.find(rows, Property.PREFIX, id)
        said = self.read(PropertyEditShape)
        renamed = properties.rename_property(
            actor=self.actor, now=self.now, property=found, name=said["name"], seen=self.seen()
        )
        return _shown(self, renamed)


class SubjectsWindow(Window):
    """Subjects."""

    scopes = {"GET": "catalog:read", "POST": "catalog:write"}

    @extend_schema(
        operation_id="subjects_list",
        summary="Subjects",
        description="What your holders registered or own a share of, newest first. A platform "
        "sees the name and kind of every subject of its mode, and nothing of who owns it.",
        parameters=[
            OpenApiParameter("holder", str, description="Who registered it; not for platforms."),
            OpenApiParameter("property", str, description="Not for platforms."),
            OpenApiParameter("kind", str, enum=SubjectKind.values),
            OpenApiParameter("name", str, description="The whole name."),
        ],
        responses=paged(SubjectShape),
        examples=examples.listed(examples.SUBJECT),
    )
    def get(self, request: Request) -> Response:
        filters: dict[str, serializers.Field[Any, Any, Any, Any]] = {
            "kind": serializers.ChoiceField(choices=SubjectKind.choices),
            "name": serializers.CharField(max_length=200),
        }
        if self.actor.organisation_kind != "platform":
            filters |= {"holder": Id(RightsHolder.PREFIX), "property": Id(Property.PREFIX)}
        rows = Subject.objects.visible_to(self.actor)
        return self.page(rows, SubjectShape, filters=filters)

    @extend_schema(
        operation_id="subjects_create",
        summary="Register a subject",
        description="Owned by its holder alone from today on, unless `shares` say otherwise. A "
        "name that looks like another holder's is refused.",
        request=NewSubjectShape,
        responses={201: SubjectShape},
        examples=[
            OpenApiExample("A character", value=examples.NEW_SUBJECT, request_only=True),
            *examples.shown(examples.SUBJECT),
        ],
    )
    def post(self, request: Request) -> Response:
        said = self.read(NewSubjectShape)
        made = subjects.register_subject(
            actor=self.actor,
            now=self.now,
            holder=named(RightsHolder.objects.visible_to(self.actor), said["holder"]),
            name=said["name"],
            kind=said["kind"],
            property=named(Property.objects.visible_to(self.actor), said["property"]),
            shares=said["shares"],
            effective_on=said["effective_on"],
        )
        return self.created(SubjectShape, made)


class SubjectWindow(Window):
    """One subject."""

    scopes = {"GET": "catalog:read"}

    @extend_schema(
        operation_id="subjects_get",
        summary="One subject",
        description="What your holders registered or own a share of; a platform sees its name and "
        "kind.",
        responses=SubjectShape,
        examples=examples.shown(examples.SUBJECT),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        rows = Subject.objects.visible_to(self.actor)
        return self.show(SubjectShape, self.find(rows, Subject.PREFIX, id))


class SubjectOwnershipWindow(Window):
    """The ownership of one subject."""

    scopes = {"GET": "catalog:read", "POST": "catalog:write"}

    @extend_schema(
        operation_id="subject_ownership_steps_list",
        summary="The ownership of a subject",
        description="Its steps, newest first; none for platforms.",
        responses=paged(StepShape),
        examples=examples.listed(examples.STEP),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        subject = self.find(Subject.objects.visible_to(self.actor), Subject.PREFIX, id)
        rows = OwnershipStep.objects.visible_to(self.actor).filter(subject=subject)
        return self.page(rows.prefetch_related("shares__step"), StepShape)

    @extend_schema(
        operation_id="subject_ownership_steps_create",
        summary="Change who owns a subject",
        description="From today or a later day on, in one territory or everywhere else, with "
        "shares that add up to exactly 100 %. Steps are only ever added, and begin after the last "
        "day that is settled for the present owners (409 `settled_time`). A subject's first step "
        "may lie in the past.",
        request=NewStepShape,
        responses={201: StepShape},
        examples=[
            OpenApiExample("Thirds", value=examples.NEW_STEP, request_only=True),
            *examples.shown(examples.STEP),
        ],
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        said = self.read(NewStepShape)
        step = ownership.set_ownership(
            actor=self.actor,
            now=self.now,
            subject=self.find(Subject.objects.visible_to(self.actor), Subject.PREFIX, id),
            territory=said["territory"] or "",
            effective_on=said["effective_on"],
            shares=said["shares"],
        )
        return self.created(StepShape, step)


class OwnershipsWindow(Window):
    """The ownership of all subjects."""

    scopes = {"GET": "catalog:read"}

    @extend_schema(
        operation_id="ownerships_list",
        summary="Who owns what",
        description="The ownership steps of the subjects you see, newest first; none for platforms.",
        parameters=[OpenApiParameter("subject", str), OpenApiParameter("territory", str)],
        responses=paged(StepShape),
        examples=examples.listed(examples.STEP),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            OwnershipStep.objects.visible_to(self.actor).prefetch_related("shares__step"),
            StepShape,
            filters={"subject": Id(Subject.PREFIX), "territory": Territory()},
        )


class OwnershipWindow(Window):
    """One ownership step."""

    scopes = {"GET": "catalog:read"}

    @extend_schema(
        operation_id="ownerships_get",
        summary="One ownership step",
        description="Who owns a subject from a day on, in one territory.",
        responses=StepShape,
        examples=examples.shown(examples.STEP),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        rows = OwnershipStep.objects.visible_to(self.actor).prefetch_related("shares__step")
        return self.show(StepShape, self.find(rows, OwnershipStep.PREFIX, id))


def _shown(window: Window, found: Property, *, status: int = 200) -> Response:
    response = window.show(PropertyShape, found, status=status)
    response["ETag"] = properties.etag_of(found)
    return response


urlpatterns = [
    path("holders", HoldersWindow.as_view()),
    path("holders/<str:id>", HolderWindow.as_view()),
    path("platforms", PlatformsWindow.as_view()),
    path("platforms/<str:id>", PlatformWindow.as_view()),
    path("properties", PropertiesWindow.as_view()),
    path("properties/<str:id>", PropertyWindow.as_view()),
    path("subjects", SubjectsWindow.as_view()),
    path("subjects/<str:id>", SubjectWindow.as_view()),
    path("subjects/<str:id>/ownership-steps", SubjectOwnershipWindow.as_view()),
    path("ownerships", OwnershipsWindow.as_view()),
    path("ownerships/<str:id>", OwnershipWindow.as_view()),
]
