"""The slow exact look at a line that might hide something, and why one could not be decoded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import msgspec

from ledger.errors import Fault

DEPTH: Final = 32

_WHERE = re.compile(r"(?P<what>.*) - at `\$(?P<path>.*)`\Z", re.DOTALL)
_FIELD = re.compile(r"field `(?P<name>.*?)`", re.DOTALL)
_STEP = re.compile(r"\.(?P<name>[a-z_]+)|\[(?P<index>\d+|\.\.\.)\]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class LineRefused(Exception):
    """A line that is not taken, and why."""

    def __init__(self, pointer: str, code: str, detail: str) -> None:
        self.fault = Fault(pointer=pointer, code=code, detail=detail)
        super().__init__(detail)


def examine(raw: bytes) -> None:
    """The slow exact look at a line that might hide something. Raises LineRefused."""
    try:
        document = json.loads(raw.decode(), object_pairs_hook=_distinct)
    except RecursionError:
        raise LineRefused("", "too_deep", "The line nests deeper than 32 levels.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise LineRefused("", "not_json", f"The line is not JSON: {error}") from None
    except ValueError:
        raise LineRefused("", "bad_number", "A number has too many digits.") from None
    for value, depth, pointer in _walk(document):
        if depth > DEPTH:
            raise LineRefused(pointer[:200], "too_deep", "The line nests deeper than 32 levels.")
        if isinstance(value, str) and ("\x00" in value or _SURROGATE.search(value)):
            raise LineRefused(
                pointer[:200], "bad_text", "A text holds a NUL or half of a surrogate pair."
            )


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise LineRefused("", "duplicate_key", f"The key {twice[:64]!r} stands twice.")
    return found


def _walk(document: Any) -> Iterator[tuple[Any, int, str]]:
    """Every text and every object or list, with its depth and pointer, without recursion."""
    waiting: list[tuple[Any, int, str]] = [(document, 1, "")]
    while waiting:
        value, depth, pointer = waiting.pop()
        yield value, depth, pointer
        if depth > DEPTH:
            continue
        if isinstance(value, dict):
            for name, inner in value.items():
                yield name, depth, pointer
                escaped = name.replace("~", "~0").replace("/", "~1")
                waiting.append(
                    (inner, depth + isinstance(inner, dict | list), f"{pointer}/{escaped}")
                )
        elif isinstance(value, list):
            waiting.extend(
                (inner, depth + isinstance(inner, dict | list), f"{pointer}/{place}")
                for place, inner in enumerate(value)
            )


def refuse_undecoded(raw: bytes, error: Exception) -> NoReturn:
    """Says in our words why a line could not be decoded."""
    if isinstance(error, RecursionError):
        raise LineRefused("", "too_deep", "The line nests deeper than 32 levels.") from None
    if not isinstance(error, msgspec.ValidationError):
        raise LineRefused("", "not_json", "The line is not one JSON document in UTF-8.") from None
    # A line that is no good as JSON says so before it says what its fields lack.
    examine(raw)
    found = _WHERE.match(str(error))
    what, path = (found["what"], found["path"]) if found else (str(error), "")
    pointer = "".join(f"/{step['name'] or step['index']}" for step in _STEP.finditer(path))
    field = _FIELD.search(what)
    if "unknown field" in what and field:
        raise LineRefused(
            f"{pointer}/{field['name'][:64]}", "unknown_field", "There is no such field."
        ) from None
    if "missing required field" in what and field:
        raise LineRefused(
            f"{pointer}/{field['name']}", "required", "This field is required."
        ) from None
    code = "out_of_range" if "=" in what or "range" in what else "invalid"
    if what.startswith("Invalid enum value"):
        code = "invalid_choice"
    raise LineRefused(pointer, code, f"{what}.") from None
