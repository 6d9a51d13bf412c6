"""What every API window shares: who is asking, a strict body, one domain call, cursor pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

from django.core import signing
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ledger import ids
from ledger.actor import Actor
from ledger.errors import IfMatchMissing, Malformed, NotFound
from ledger.wire import flatten


class EmptyBody(Malformed):
    """The body is empty."""

    code = "not_json"


_WITH_BODY = ("POST", "PUT", "PATCH")
Row = TypeVar("Row", bound=Model)

# What a window that edits says of the header that `seen` reads.
IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, required=True, description="The ETag you have seen."
)
PAGE = 50
LARGEST_PAGE = 500


class BadParameter(Malformed):
    """A query parameter is not known here or cannot be read."""

    code = "bad_parameter"


class HasScope(BasePermission):
    """The one gate of the API: the actor carries the scope the window names for this method."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.auth is None:
            return False
        if not hasattr(view, str(request.method).lower()):
            return True  # which is answered with the methods there are
        require_scope(cast("Actor", request.auth), view, str(request.method))
        return True


def require_scope(actor: Actor, window: object, method: str) -> None:
    """Raises ScopeMissing unless the actor carries the scope that the window names for the method."""
    scopes: Mapping[str, str] = getattr(window, "scopes", {})
    scope = scopes.get("GET" if method == "HEAD" else method)
    if scope is not None:
        actor.require(scope)


class Window(APIView):
    """An API view: parse, authorise, make one domain call, show."""

    scopes: ClassVar[Mapping[str, str]] = {}
    permission_classes = (HasScope,)

    @property
    def actor(self) -> Actor:
        """Who is asking."""
        actor = self.request.auth
        assert isinstance(actor, Actor)
        return actor

    @property
    def now(self) -> datetime:
        """The clock, read here so that no verb has to."""
        return timezone.now()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authorises, then reads the body's syntax even where the window looks at nothing in it."""
        super().initial(request, *args, **kwargs)
        if int(request.META.get("CONTENT_LENGTH") or 0) and request.method in _WITH_BODY:
            _ = request.data

    def read(self, shape: type[serializers.Serializer[Any]], **options: Any) -> Any:
        """The body, checked against `shape`."""
        if int(self.request.META.get("CONTENT_LENGTH") or 0) == 0:
            raise EmptyBody
        serializer = shape(data=self.request.data, context={"actor": self.actor}, **options)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def seen(self) -> str:
        """The ETag that the caller has seen. Raises IfMatchMissing."""
        seen: str | None = self.request.headers.get("If-Match")
        if seen is None:
            raise IfMatchMissing
        return seen

    def read_query(self, shape: type[serializers.Serializer[Any]]) -> Any:
        """The query parameters, checked against `shape`; each may stand once."""
        serializer = shape(data=single_parameters(self.request))
        if not serializer.is_valid():
            fault = next(flatten(serializer.errors))
            name = fault.pointer.removeprefix("/")
            raise BadParameter(f"{name}: {fault.detail}", pointer=fault.pointer)
        return serializer.validated_data

    def show(
        self, shape: type[serializers.Serializer[Any]], thing: Any, *, status: int = 200
    ) -> Response:
        """One thing as an answer."""
        return Response(shape(thing, context={"actor": self.actor}).data, status=status)

    def created(self, shape: type[serializers.Serializer[Any]], thing: Any) -> Response:
        """One new thing as an answer."""
        return self.show(shape, thing, status=201)

    def find(self, rows: QuerySet[Row], prefix: str, text: str) -> Row:
        """The row of `rows` with this prefixed id. Another's, an absent and a malformed id look alike."""
        try:
            return rows.get(pk=read_id(prefix, text))
        except ObjectDoesNotExist:
            raise NotFound from None

    def page(
        self,
        rows: QuerySet[Any],
        shape: type[serializers.Serializer[Any]],
        *,
        filters: Mapping[str, serializers.Field[Any, Any, Any, Any]] | None = None,
        key: str = "pk",
    ) -> Response:
        """A page of `rows`, newest first by `key` (unique and time-ordered), with a cursor to the next.

        `filters` maps each query parameter to the field that reads it. It narrows the model's field
        of its own name, or the look-up in its `source`. Any other parameter is refused.
        """
        given = single_parameters(self.request)
        limit = _limit(given.pop("limit", None))
        cursor = given.pop("cursor", None)
        for name, text in given.items():
            field = (filters or {}).get(name)
            if field is None:
                raise BadParameter(f"There is no parameter {name!r} here.", pointer=f"/{name}")
            try:
                rows = rows.filter(**{field.source or name: field.run_validation(text)})
            except serializers.ValidationError as problem:
                raise BadParameter(str(problem.detail[0]), pointer=f"/{name}") from None  # type: ignore[index]
        # A cursor is of one kind of row, so that no other list meets a key it cannot read.
        seal = signing.Signer(salt=f"cursor:{rows.model._meta.label}:{key}")
        if cursor is not None:
            rows = rows.filter(**{f"{key}__lt": _open_cursor(seal, cursor)})
        found = list(rows.order_by(f"-{key}")[: limit + 1])
        following = None
        if len(found) > limit:
            found = found[:limit]
            following = seal.sign(str(getattr(found[-1], key)))
        shown = shape(found, many=True, context={"actor": self.actor}).data
        return Response({"data": shown, "next": following})


def named(rows: QuerySet[Any], pk: UUID | None) -> Any:
    """The row that a body names by id, None if it names none. Another's is as absent as an absent
    one: raises NotFound."""
    if pk is None:
        return None
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def read_id(prefix: str, text: str) -> UUID:
    """The id in a path; a malformed one is simply not found."""
    try:
        return ids.read(prefix, text)
    except ValueError:
        raise NotFound from None


def single_parameters(request: Request) -> dict[str, str]:
    """The query's parameters, each given once. Raises BadParameter for a repeated one."""
    given: dict[str, str] = {}
    for name, values in request.query_params.lists():
        if len(values) != 1:
            raise BadParameter(f"{name!r} may be given once.", pointer=f"/{name}")
        given[name] = values[0]
    return given


def _limit(text: str | None) -> int:
    if text is None:
        return PAGE
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        raise BadParameter("limit is a whole number.", pointer="/limit")
    limit = int(text)
    if not 1 <= limit <= LARGEST_PAGE:
        raise BadParameter(f"limit goes from 1 to {LARGEST_PAGE}.", pointer="/limit")
    return limit


def _open_cursor(seal: signing.Signer, text: str) -> str:
    try:
        return seal.unsign(text)
    except signing.BadSignature:
        raise BadParameter("That cursor was not given by this list.", pointer="/cursor") from None


@cache
def paged(shape: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The shape of a page of `shape`, for the schema."""
    name = shape.__name__.removesuffix("Shape") + "Page"
    return type(
        name,
        (serializers.Serializer,),
        {
            "data": shape(many=True),
            "next": serializers.CharField(
                allow_null=True, help_text="Pass as `cursor` for the next page; null on the last."
            ),
        },
    )
