"""A form on a page: what was filled in, and what is wrong with it beside each field."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from rest_framework import serializers

from ledger.errors import DomainError, Invalid, NotFound, Refused
from ledger.wire import flatten

Row = TypeVar("Row", bound=Model)
LONGEST_SEARCH = 100
# What a shape says of a body's fields, as a person who fills in a form would say it.
_PLAIN = {
    "blank": "This is missing.",
    "required": "This is missing.",
    "empty": "Choose at least one.",
    "invalid_choice": "Choose one of these.",
}


class Form:
    """Reads a body through the API's own shape and keeps every refusal by its JSON pointer.

    A page makes its call inside `with form.trying():`. If that is refused, the page goes on after
    it, shows the form again and what is wrong, and answers with `form.status`.
    """

    def __init__(self, said: Mapping[str, Any] | None = None) -> None:
        self.said: Mapping[str, Any] = said or {}
        self.faults: dict[str, str] = {}
        self.status = 200

    def read(self, shape: type[serializers.Serializer[Any]], body: Mapping[str, Any]) -> Any:
        """What `shape` makes of `body`. Raises what `trying` keeps."""
        serializer = shape(data=body)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def find(self, rows: QuerySet[Row], pk: UUID, pointer: str) -> Row:
        """The row that a field names by id. Another's is as absent as an absent one: raises
        NotFound, which `trying` keeps beside the field."""
        found = rows.filter(pk=pk).first()
        if found is None:
            raise NotFound(pointer=pointer)
        return found

    @contextmanager
    def trying(self, *, absent: str = "") -> Iterator[None]:
        """Keeps what refuses the input; what names no field is told of the whole form. `absent` is
        the field that names other things, one of which may not be there."""
        try:
            yield
        except serializers.ValidationError as error:
            self.status = 422
            for fault in flatten(error.detail):
                self.faults.setdefault(fault.pointer, _PLAIN.get(fault.code, fault.detail))
        except NotFound as refusal:
            self._keep(refusal, 422, absent)
        except (Invalid, Refused) as refusal:
            self._keep(refusal, 409 if isinstance(refusal, Refused) else 422, "")

    def _keep(self, refusal: DomainError, status: int, pointer: str) -> None:
        self.status = status
        for fault in refusal.faults:
            self.faults.setdefault(fault.pointer, fault.detail)
        if not refusal.faults:
            self.faults[pointer] = refusal.detail


def search_words(text: str) -> str:
    """What somebody looks for, as far as a name can hold it: short, and no control characters."""
    kept = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs"))
    return unicodedata.normalize("NFC", kept).strip()[:LONGEST_SEARCH]
