"""Who a policy is for, and over what: assignees and targets."""

from __future__ import annotations

from typing import Any

from licensing.consent.interchange import mapping
from licensing.consent.interchange.constraints import Constraint, read_constraints, thing_id
from licensing.consent.interchange.fields import WAYS, Fields
from licensing.consent.interchange.graphs import Graph
from licensing.consent.interchange.nodes import check, reference, references
from licensing.consent.interchange.vocabulary import EVERYONE, EVERYTHING, ODRL, THINGS

Json = dict[str, Any]

_REFINEMENT = ODRL + "refinement"
_SOURCE = ODRL + "source"


def read_assignees(graph: Graph, node: Json, key: str, fields: Fields) -> None:
    """Sets the platforms and the audience. Raises NotUnderstood."""
    named = references(graph, node, key)
    if any(_is_collection(graph.node(one)) for one in named):
        if len(named) > 1:
            graph.refuse(node, "A refined collection of assignees stands alone.", key)
        collection = graph.node(named[0])
        _check_collection(graph, collection, "PartyCollection", EVERYONE)
        for constraint in read_constraints(graph, collection, _REFINEMENT):
            _refine(constraint, fields)
        return
    for one in named:
        check(graph, graph.node(one), known=(), types=(ODRL + "Party",))
        if not one.startswith(f"{THINGS}plt_"):
            graph.refuse(node, f"The assignee {one} is no platform known here.", key)
    if named:
        ids = [one.removeprefix(THINGS) for one in named]
        fields.put("/platforms", {"only": ids}, node, key)


def _refine(constraint: Constraint, fields: Fields) -> None:
    operator = constraint.for_lists()
    if constraint.unit:
        constraint.refuse()
    if constraint.operand == mapping.PLATFORM and operator in WAYS:
        ids = [thing_id(constraint, value) for value in constraint.values]
        fields.put("/platforms", {WAYS[operator]: ids}, constraint.node)
    elif constraint.operand == mapping.RELATIONSHIP and operator == mapping.IS_ANY_OF:
        fields.put("/audience", constraint.names("relationship"), constraint.node)
    else:
        constraint.refuse()


def read_target(graph: Graph, iri: str) -> str:
    """The id that a target has here; empty if it has none. Raises NotUnderstood."""
    node = graph.node(iri)
    if not _is_collection(node):
        check(graph, node, known=(), types=(ODRL + "Asset", ODRL + "AssetCollection"))
        ours = iri.startswith((f"{THINGS}chr_", f"{THINGS}prp_"))
        return iri.removeprefix(THINGS) if ours else ""
    _check_collection(graph, node, "AssetCollection", EVERYTHING)
    refinements = read_constraints(graph, node, _REFINEMENT)
    for one in refinements:
        if (one.operand, one.operator, one.unit) != (mapping.HOLDER, mapping.EQ, ""):
            one.refuse()
    if len(refinements) != 1 or len(refinements[0].values) > 1:
        graph.refuse(node, "The collection of the target must have one holder.", _REFINEMENT)
    (holder,) = refinements
    return thing_id(holder, holder.values[0])


def _is_collection(node: Json) -> bool:
    """Whether it says whom or what it is made of."""
    return _REFINEMENT in node or _SOURCE in node


def _check_collection(graph: Graph, node: Json, kind: str, source: str) -> None:
    """Whether it is a part of the whole that is known here. One that does not say of what it is a
    part has members of its own, and its refinements alone would be a broader collection."""
    check(graph, node, known=(_REFINEMENT, _SOURCE), types=(ODRL + kind,))
    one = reference(graph, node, _SOURCE)
    graph.node(one)
    if one != source:
        graph.refuse(node, f"The collection {one} is not known here.", _SOURCE)
