"""The OpenAPI document as the tests read it: every operation the API offers, found by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.urls import resolve
from drf_spectacular.generators import SchemaGenerator

from ledger.ids import new_id, show
from licensing.access.roles import SCOPES_OF_ROLE, Role

METHODS = ("get", "post", "put", "patch", "delete")
NDJSON = "application/x-ndjson"
# What stands in a path without being an id.
PLAIN = {"month": "2026-10"}
# The roles, those that write first: the first that has a scope is the one to try it with.
ROLES: tuple[str, ...] = (
    Role.OWNER,
    Role.ENGINEER,
    Role.PREPARER,
    Role.APPROVER,
    Role.EDITOR,
    Role.AUDITOR,
)
_ID = re.compile(r"\^([a-z]{3})_")
_PARAMETER = re.compile(r"([\w.-]+)/\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of the API."""

    method: str
    path: str
    spec: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.spec["operationId"])

    @property
    def media_types(self) -> tuple[str, ...]:
        """What its body may be; nothing if it takes none."""
        return tuple(self.spec.get("requestBody", {}).get("content", {}))

    @property
    def needs_body(self) -> bool:
        return bool(self.spec.get("requestBody", {}).get("required"))

    @property
    def scope(self) -> str | None:
        """The scope its window asks for."""
        view = resolve(self.path_with()).func.cls  # type: ignore[attr-defined]
        scope: str | None = view.scopes.get(self.method.upper())
        return scope

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that may call it."""
        scope = self.scope
        return tuple(role for role in ROLES if scope is None or scope in SCOPES_OF_ROLE[role])

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its query parameters."""
        found = self.spec.get("parameters", ())
        return tuple(one["name"] for one in found if one["in"] == "query")

    @property
    def collections(self) -> dict[str, str]:
        """The names of the ids in its path, each with the collection it follows."""
        found = _PARAMETER.findall(self.path)
        return {name: collection for collection, name in found if name not in PLAIN}

    def path_with(self, values: dict[str, str] | None = None) -> str:
        """The path with ids of things that do not exist, or those given."""
        return re.sub(
            r"\{(\w+)\}",
            lambda found: {**PLAIN, **(values or {})}.get(found[1]) or show("gen", new_id()),
            self.path,
        )


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return schema


def operations() -> list[Operation]:
    """Every operation, in the document's order."""
    return [
        Operation(method=method, path=path, spec=spec)
        for path, methods in document()["paths"].items()
        for method, spec in methods.items()
        if method in METHODS
    ]


def schema_of(op: Operation) -> dict[str, Any]:
    """The schema of its body, or of each line of it: the lines of an upload are reports."""
    if op.media_types == (NDJSON,):
        return schema_of(next(op for op in operations() if op.name == "generations_report"))
    content = op.spec.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema: dict[str, Any] = content.get("schema", {})
    return schema


def plain(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, behind its reference and what it may be besides null."""
    while True:
        if "$ref" in schema:
            schema = document()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
        elif options := [o for o in schema.get("oneOf", schema.get("allOf", ())) if o]:
            schema = next((o for o in options if o.get("type") != "null"), options[0])
        else:
            return schema


def prefix_of(schema: dict[str, Any]) -> str:
    """The prefix of the ids it describes; nothing if it describes anything else."""
    match = _ID.match(plain(schema).get("pattern", ""))
    return match[1] if match else ""


def ids_in(schema: dict[str, Any], value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """The pointers to the ids that `value` holds, with their prefixes."""
    schema = plain(schema)
    if prefix := prefix_of(schema):
        yield at, prefix
    elif isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if value.get(name) is not None:
                yield from ids_in(inner, value[name], f"{at}/{name}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from ids_in(schema.get("items", {}), inner, f"{at}/{position}")


def put(body: Any, pointer: str, value: str) -> None:
    """Writes `value` where the JSON pointer says."""
    *steps, last = pointer.split("/")[1:]
    for step in steps:
        body = body[int(step)] if isinstance(body, list) else body[step]
    body[int(last) if isinstance(body, list) else last] = value
