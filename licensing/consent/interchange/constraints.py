"""One constraint of ODRL: an operand, an operator, values, perhaps a unit. Nothing else is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NoReturn

from licensing.consent.interchange.graphs import Graph, short
from licensing.consent.interchange.mapping import FOR_ONE, SAME_OPERAND
from licensing.consent.interchange.nodes import (
    Literal,
    check,
    plain,
    reference,
    references,
    values_of,
)
from licensing.consent.interchange.vocabulary import LX, ODRL, THINGS

Json = dict[str, Any]

_LEFT: Final = ODRL + "leftOperand"
_OPERATOR: Final = ODRL + "operator"
_RIGHT: Final = ODRL + "rightOperand"
_UNIT: Final = ODRL + "unit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """A constraint as it was read, with at least one value."""

    graph: Graph
    node: Json
    operand: str
    operator: str
    values: tuple[Json, ...]
    unit: str

    def refuse(self, what: str = "") -> NoReturn:
        """Raises NotUnderstood, at the constraint."""
        said = f"{short(self.operand)} {short(self.operator)}"
        if self.unit:
            said += f" in {short(self.unit)}"
        self.graph.refuse(self.node, what or f"The constraint {said} is not known here.")

    def for_lists(self) -> str:
        """The operator; of a single value, as it would be of a list of one."""
        single = len(self.values) == 1 and not self.unit
        return FOR_ONE.get(self.operator, self.operator) if single else self.operator

    def one(self, kind: type[Literal]) -> Literal:
        """The one text or whole number it compares with. Raises NotUnderstood."""
        found = plain(self.values[0], kind) if len(self.values) == 1 else None
        if found is None:
            self._refuse_values()
        return found

    def texts(self) -> list[str]:
        """The texts it compares with. Raises NotUnderstood."""
        found = [plain(value, str) for value in self.values]
        if None in found:
            self._refuse_values()
        return [text for text in found if text is not None]

    def names(self, group: str) -> list[str]:
        """The names of the closed list `group` that it compares with. Raises NotUnderstood."""
        start = f"{LX}{group}/"
        found = [str(value.get("@id", "")) for value in self.values]
        for iri in found:
            if not iri.startswith(start):
                self._refuse_values()
        return [iri.removeprefix(start) for iri in found]

    def _refuse_values(self) -> NoReturn:
        self.graph.refuse(self.node, f"The values of {short(self.operand)} cannot be read.", _RIGHT)


def thing_id(constraint: Constraint, value: Json) -> str:
    """The id of a thing of Assent's that a value names. Raises NotUnderstood."""
    iri = str(value.get("@id", ""))
    if not iri.startswith(THINGS) or iri.startswith(LX):
        constraint.refuse(f"A value of {short(constraint.operand)} is nothing known here.")
    return iri.removeprefix(THINGS)


def read_constraints(graph: Graph, owner: Json, key: str) -> list[Constraint]:
    """The constraints or refinements of `owner`. Raises NotUnderstood, also for logical ones."""
    found = []
    for place in references(graph, owner, key):
        node = graph.node(place)
        check(
            graph,
            node,
            known=(_LEFT, _OPERATOR, _RIGHT, _UNIT),
            types=(ODRL + "Constraint", ODRL + "AtomicConstraint"),
        )
        values = values_of(node, _RIGHT)
        if not values:
            graph.refuse(node, "A constraint without a right operand is not read.")
        operand = reference(graph, node, _LEFT)
        found.append(
            Constraint(
                graph=graph,
                node=node,
                operand=SAME_OPERAND.get(operand, operand),
                operator=reference(graph, node, _OPERATOR),
                values=tuple(values),
                unit=reference(graph, node, _UNIT) if _UNIT in node else "",
            )
        )
    return found
