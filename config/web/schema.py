"""The OpenAPI document: what every operation has besides its own answers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from ledger.wire import Shape


class FaultShape(serializers.Serializer[Any]):
    """One thing wrong with the input."""

    pointer = serializers.CharField(help_text="JSON pointer to the value.")
    code = serializers.CharField(help_text="Stable, for programs.")
    detail = serializers.CharField(help_text="A sentence, for people.")


class ProblemShape(serializers.Serializer[Any]):
    """RFC 9457 problem details."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField(help_text="Stable, for programs.")
    errors = FaultShape(many=True)  # type: ignore[assignment]
    request_id = serializers.CharField(help_text="Names this request in our logs.")


IDEMPOTENCY_KEY = OpenApiParameter(
    name="Idempotency-Key",
    location=OpenApiParameter.HEADER,
    required=False,
    type=str,
    description="1 to 255 printable characters. The same key and body again get the same answer, "
    "for 30 days; the same key with another body is refused.",
)
PAGE_PARAMETERS = (
    OpenApiParameter(name="limit", type=int, description="Rows a page, 1 to 500; 50 if not said."),
    OpenApiParameter(name="cursor", type=str, description="The `next` of the page before."),
)


class Schema(AutoSchema):
    """Adds the problem document to every operation, and to each kind of them what it takes."""

    def get_override_parameters(self) -> list[Any]:
        inherited = list(super().get_override_parameters())
        if self.method == "POST":
            return [*inherited, IDEMPOTENCY_KEY]
        if self.get_operation_id().endswith("_list"):
            return [*inherited, *PAGE_PARAMETERS]
        return inherited

    def _map_serializer(
        self, serializer: Any, direction: Any, bypass_extensions: bool = False
    ) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_serializer(  # type: ignore[no-untyped-call]
            serializer, direction, bypass_extensions
        )
        if direction == "request" and isinstance(serializer, Shape):
            # A body with a field that nobody knows is refused.
            schema["additionalProperties"] = False
        return schema

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        problem = self._get_response_for_code(  # type: ignore[no-untyped-call]
            ProblemShape, "default", ["application/problem+json"], direction
        )
        problem["description"] = "A problem: what was refused, where and why."
        bodies.setdefault("default", problem)
        return bodies


class IdForm(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A prefixed id in the OpenAPI document, with the form by which the tests know it too."""

    target_class = "ledger.wire.Id"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, str]:
        return {"type": "string", "pattern": f"^{self.target.prefix}_[0-9a-hjkmnp-tv-z]{{26}}$"}
