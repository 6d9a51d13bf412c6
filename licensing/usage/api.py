"""The API's windows on what platforms report: generations, one by one and in batches."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.db.models import Prefetch
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.windows import EmptyBody, Window, paged
from ledger.wire import Id, Text
from licensing.catalog.models import Platform
from licensing.usage import examples, ingest, uploads
from licensing.usage.models import Batch, Generation, GenerationQuerySet
from licensing.usage.shapes import (
    GenerationBatchShape,
    GenerationShape,
    ReportShape,
    Truth,
    UploadQueryShape,
    appearances_for,
)

NDJSON = "application/x-ndjson"


class GenerationsWindow(Window):
    """Generations."""

    scopes = {"GET": "usage:read", "POST": "usage:write"}

    @extend_schema(
        operation_id="generations_list",
        summary="Generations",
        description="A platform sees its own, a holder those its subjects appear in, the house all "
        "of its mode; newest first.",
        parameters=[
            OpenApiParameter("external_id", str, description="The platform's own id."),
            OpenApiParameter("batch", str),
            OpenApiParameter("platform", str),
            OpenApiParameter("licensed", bool),
        ],
        responses=paged(GenerationShape),
        examples=examples.listed("A page", examples.GENERATION),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            _shown(self),
            GenerationShape,
            filters={
                "external_id": Text(max_length=128),
                "batch": Id(Batch.PREFIX),
                "platform": Id(Platform.PREFIX),
                "licensed": Truth(),
            },
        )

    @extend_schema(
        operation_id="generations_report",
        summary="Report one generation",
        description="It joins your open batch, which is sealed within seconds. The same report "
        "again is answered 200 with the same body; the same id with other content is refused. A "
        "generation that its receipt does not cover, or no longer, is kept as a fact, and says so.",
        request=ReportShape,
        responses={201: GenerationShape, 200: GenerationShape},
        examples=[
            examples.asked("A video that remixes another", examples.REPORT),
            *examples.shown("As it is kept", examples.GENERATION, "201", "200"),
        ],
    )
    def post(self, request: Request) -> Response:
        if not int(request.META.get("CONTENT_LENGTH") or 0):
            raise EmptyBody
        reported = ingest.report_generation(
            actor=self.actor,
            now=self.now,
            raw=json.dumps(request.data, ensure_ascii=False).encode(),
        )
        status = 201 if reported.created else 200
        return self.show(GenerationShape, reported.generation, status=status)


class GenerationWindow(Window):
    """One generation."""

    scopes = {"GET": "usage:read"}

    @extend_schema(
        operation_id="generations_get",
        summary="One generation",
        description="What a platform reported, and whether the receipt it cited covers it.",
        responses=GenerationShape,
        examples=examples.shown("As it is kept", examples.GENERATION),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        return self.show(GenerationShape, self.find(_shown(self), Generation.PREFIX, id))


class BatchesWindow(Window):
    """Batches of generations."""

    scopes = {"GET": "usage:read", "POST": "usage:write"}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authorises. The body is a stream, which the verb reads."""
        super(Window, self).initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="generation_batches_list",
        summary="Batches",
        description="A platform sees its own, the house all of its mode; newest first.",
        parameters=[OpenApiParameter("platform", str)],
        responses=paged(GenerationBatchShape),
        examples=examples.listed("A page", examples.BATCH),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            Batch.objects.visible_to(self.actor),
            GenerationBatchShape,
            filters={"platform": Id(Platform.PREFIX)},
        )

    @extend_schema(
        operation_id="generation_batches_upload",
        summary="Upload a batch",
        description="One JSON object a line, each as for a single report; gzip is taken too. The "
        "batch is sealed when it is answered. All lines are stored or none: 422 lists the first "
        "hundred bad ones, with pointers that begin with the line's number. `mode=partial` stores "
        "the good lines and lists the others in the answer. The same upload again is answered 200 "
        "with the same batch.",
        parameters=[
            OpenApiParameter("mode", str, enum=["all", "partial"]),
            OpenApiParameter(
                "Content-Encoding", str, OpenApiParameter.HEADER, enum=["gzip", "identity"]
            ),
        ],
        request={NDJSON: OpenApiTypes.STR},
        responses={201: GenerationBatchShape, 200: GenerationBatchShape},
        examples=[
            examples.asked("Two lines", examples.LINES, NDJSON),
            *examples.shown("Sealed", examples.BATCH, "201", "200"),
        ],
    )
    def post(self, request: Request) -> Response:
        query = self.read_query(UploadQueryShape)
        packed = _packed(request)
        most_bytes = settings.BATCH_MAX_BYTES
        body = uploads.spooled(
            request._request._stream,
            length=int(request.META.get("CONTENT_LENGTH") or 0),
            most_bytes=most_bytes,
        )
        with body:
            uploaded = ingest.upload_batch(
                actor=self.actor,
                now=self.now,
                lines=uploads.numbered_lines(
                    uploads.pieces(body, packed=packed, most_bytes=most_bytes),
                    most_lines=getattr(settings, "BATCH_MAX_LINES", uploads.MOST_LINES),
                ),
                partial=query["mode"] == "partial",
            )
        status = 201 if uploaded.created else 200
        return self.show(GenerationBatchShape, uploaded.batch, status=status)


class BatchWindow(Window):
    """One batch of generations."""

    scopes = {"GET": "usage:read"}

    @extend_schema(
        operation_id="generation_batches_get",
        summary="One batch",
        description="Its state and, once it is sealed, its exact content as a count and a hash.",
        responses=GenerationBatchShape,
        examples=examples.shown("Sealed", examples.BATCH),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        rows = Batch.objects.visible_to(self.actor)
        return self.show(GenerationBatchShape, self.find(rows, Batch.PREFIX, id))


def _shown(window: Window) -> GenerationQuerySet:
    """The generations the actor sees, with what is shown of them."""
    rows: GenerationQuerySet = Generation.objects.visible_to(window.actor).prefetch_related(
        Prefetch("appearances", queryset=appearances_for(window.actor)), "parents"
    )
    return rows


def _packed(request: Request) -> bool:
    """Whether the body is gzip. Raises UnsupportedMediaType for whatever is not NDJSON in UTF-8."""
    content_type, _, parameters = request.META.get("CONTENT_TYPE", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if content_type.strip().lower() != NDJSON or charset not in ("", "utf-8", "utf8"):
        raise UnsupportedMediaType(request.META.get("CONTENT_TYPE", ""))
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("gzip", "identity"):
        raise UnsupportedMediaType(
            encoding, detail=f"A body is gzip or not encoded, not {encoding[:40]}."
        )
    return encoding == "gzip"


urlpatterns = [
    path("generations", GenerationsWindow.as_view(), name="generations"),
    path("generations/<str:id>", GenerationWindow.as_view(), name="generation"),
    path("generation-batches", BatchesWindow.as_view(), name="generation-batches"),
    path("generation-batches/<str:id>", BatchWindow.as_view(), name="generation-batch"),
]
