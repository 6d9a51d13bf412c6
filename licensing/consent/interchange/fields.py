"""The fields of a body as they are read, each said once, with the place it was said at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from licensing.consent.interchange import mapping
from licensing.consent.interchange.graphs import Graph

Json = dict[str, Any]

# How a choice is written: listed ones only, or all but the listed.
WAYS: Final[Mapping[str, str]] = {mapping.IS_ANY_OF: "only", mapping.IS_NONE_OF: "except"}


@dataclass(slots=True, kw_only=True)
class Fields:
    """A body under way. Not frozen, as it is filled while a policy is read."""

    graph: Graph
    body: Json = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def put(self, pointer: str, value: Any, node: Json, key: str = "") -> None:
        """Sets the field at `pointer`, which is one or two steps deep. Raises NotUnderstood if it
        has been said already: two limits on one fact are not made into one here."""
        *outer, last = pointer.split("/")[1:]
        inside = self.body
        for step in outer:
            inside = inside.setdefault(step, {})
        if last in inside:
            self.graph.refuse(node, "The same is said twice.", key)
        inside[last] = value
        self.origins[pointer] = self.graph.at(node, key)

    def add(self, name: str, value: Any, node: Json) -> None:
        """Adds to the list `name`."""
        there = self.body.setdefault(name, [])
        self.origins[f"/{name}/{len(there)}"] = self.graph.at(node)
        there.append(value)

    def whole(self, text: str, before: str, after: str, node: Json) -> int:
        """The whole number in a duration such as `P30D`. Raises NotUnderstood."""
        found = re.fullmatch(rf"{before}([0-9]{{1,6}}){after}", text, re.ASCII)
        if found is None:
            self.graph.refuse(
                node, f"The duration {text[:40]!r} is not read: write {before}1{after}."
            )
        return int(found[1])
