"""Reading one node of a graph strictly: what it may say, its references, its literals."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, TypeVar

from licensing.consent.interchange.graphs import Graph, short
from licensing.consent.interchange.vocabulary import XSD

Json = dict[str, Any]
Literal = TypeVar("Literal", str, int)

# What may be said about anything without changing what it means. Not that it was replaced, nor
# where it applies: those change it.
_DCT: Final = """
    title description identifier creator publisher created issued modified source isVersionOf
    hasVersion replaces
"""
_RDFS: Final = "label comment seeAlso isDefinedBy"
_DESCRIBING: Final = frozenset(
    {f"http://purl.org/dc/terms/{name}" for name in _DCT.split()}
    | {f"http://www.w3.org/2000/01/rdf-schema#{name}" for name in _RDFS.split()}
)
_XSD_OF: Final[Mapping[type, frozenset[str]]] = {
    str: frozenset(XSD + name for name in ("string", "dateTime", "duration", "decimal")),
    int: frozenset({XSD + "integer", XSD + "int", XSD + "nonNegativeInteger"}),
}


def check(graph: Graph, node: Json, *, known: Collection[str], types: Collection[str]) -> None:
    """Whether the node is of these types, if it says any, and says nothing but what is known.

    Raises NotUnderstood.
    """
    for kind in node.get("@type", ()):
        if kind not in types:
            graph.refuse(node, f"A node of the type {short(kind)} is not read here.", "@type")
    for key in node:
        if key not in ("@id", "@type", "@index") and key not in known and key not in _DESCRIBING:
            graph.refuse(node, f"{short(key)} is not known here.", key)


def references(graph: Graph, node: Json, key: str) -> list[str]:
    """The ids that the node names under `key`. Raises NotUnderstood for a literal among them."""
    found = []
    for value in values_of(node, key):
        if "@id" not in value:
            graph.refuse(node, f"The value of {short(key)} must be a thing, not a text.", key)
        found.append(str(value["@id"]))
    return found


def reference(graph: Graph, node: Json, key: str) -> str:
    """The one id under `key`. Raises NotUnderstood."""
    found = references(graph, node, key)
    if len(found) != 1:
        graph.refuse(node, f"{short(key)} must be said once.", key)
    return found[0]


def literal(graph: Graph, node: Json, key: str, kind: type[Literal]) -> Literal:
    """The one text or whole number under `key`. Raises NotUnderstood."""
    values = values_of(node, key)
    if len(values) != 1:
        graph.refuse(node, f"{short(key)} must be said once.", key)
    found = plain(values[0], kind)
    if found is None:
        graph.refuse(node, f"The value of {short(key)} cannot be read.", key)
    return found


def values_of(node: Json, key: str) -> list[Json]:
    """Everything under `key`; what stands in a list, in its order."""
    found: list[Json] = []
    for value in node.get(key, ()):
        found += value.get("@list", [value])
    return found


def plain(value: Mapping[str, Any], kind: type[Literal]) -> Literal | None:
    """The text or whole number of a value; None if it is anything else, such as a text in some
    language, which is not the same as the text."""
    if "@value" not in value or "@language" in value or "@direction" in value:
        return None
    found, of = value["@value"], value.get("@type")
    if of is not None and of not in _XSD_OF[kind]:
        return None
    if kind is int and of is not None and isinstance(found, str) and found.isascii():
        found = int(found) if found.isdigit() and len(found) <= 20 else None
    if isinstance(found, bool) or not isinstance(found, kind):
        return None
    return found
