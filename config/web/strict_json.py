"""The API's only body format: JSON in UTF-8, read without forgiveness."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer

from ledger.errors import Malformed

DEPTH = 32
DIGITS = 40
_SURROGATE = re.compile("[\ud800-\udfff]")


class NotJson(Malformed):
    """The body is not one JSON document in UTF-8."""

    code = "not_json"


class DuplicateKey(Malformed):
    """A key stands twice in one object."""

    code = "duplicate_key"


class TooDeep(Malformed):
    """The body nests deeper than 32 levels."""

    code = "too_deep"


class BadText(Malformed):
    """A text holds a NUL character or half of a surrogate pair."""

    code = "bad_text"


class BadNumber(Malformed):
    """NaN, Infinity and numbers of more than 40 digits are not read."""

    code = "bad_number"


class WrongCharset(Malformed):
    """Only UTF-8 is read."""

    code = "unsupported_media_type"


def loads(raw: bytes) -> Any:
    """The one JSON document in `raw`. Raises a Malformed that says what is wrong and where."""
    if not raw.strip():
        raise NotJson("The body is empty.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise NotJson("The body is not UTF-8.") from None
    if text.startswith("\ufeff"):
        raise NotJson("The body begins with a byte order mark.")
    try:
        document = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_number,
        )
    except json.JSONDecodeError as error:
        raise NotJson(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise TooDeep from None
    _examine(document)
    return document


class TooLarge(Malformed):
    """The body is larger than a megabyte."""

    code = "too_large"


class StrictJSONParser(BaseParser):
    """DRF's way to `loads`."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        for parameter in (media_type or "").split(";")[1:]:
            name, _, value = parameter.strip().partition("=")
            if name.lower() == "charset" and value.strip('"').lower() not in ("utf-8", "utf8"):
                raise WrongCharset
        raw = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(raw) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge
        document = loads(raw)
        if not isinstance(document, dict):
            raise NotJson("The body must be a JSON object.")
        return document


class PlainJSONRenderer(JSONRenderer):
    """JSON out; a problem keeps its own media type."""

    charset = None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise DuplicateKey(f"The key {name[:64]!r} stands twice in one object.")
        found[name] = value
    return found


def _constant(text: str) -> NoReturn:
    raise BadNumber(f"{text} is not a number in JSON.")


def _integer(text: str) -> int:
    if len(text) > DIGITS:
        raise BadNumber
    return int(text)


def _number(text: str) -> float:
    if len(text) > DIGITS:
        raise BadNumber
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise BadNumber
    return number


def _examine(document: Any) -> None:
    """Walks the document without recursion, for depth and for text PostgreSQL cannot keep."""
    waiting: list[tuple[Any, int, str]] = [(document, 1, "")]
    while waiting:
        value, depth, pointer = waiting.pop()
        if isinstance(value, str):
            _examine_text(value, pointer)
            continue
        if not isinstance(value, dict | list):
            continue
        if depth > DEPTH:
            raise TooDeep(pointer=pointer[:200])
        if isinstance(value, dict):
            for name, inner in value.items():
                _examine_text(name, pointer)
                escaped = name.replace("~", "~0").replace("/", "~1")
                waiting.append((inner, depth + 1, f"{pointer}/{escaped}"))
        else:
            waiting.extend(
                (inner, depth + 1, f"{pointer}/{position}") for position, inner in enumerate(value)
            )


def _examine_text(text: str, pointer: str) -> None:
    if "\x00" in text or _SURROGATE.search(text):
        raise BadText(pointer=pointer[:200])
