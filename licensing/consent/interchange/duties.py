"""The duties of a permission as obligations, price and the wish to be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from licensing.consent.engine.language import Per
from licensing.consent.interchange import mapping
from licensing.consent.interchange.constraints import Constraint, read_constraints
from licensing.consent.interchange.fields import Fields
from licensing.consent.interchange.graphs import Graph, short
from licensing.consent.interchange.nodes import check, reference, references
from licensing.consent.interchange.vocabulary import CURRENCY, LX, ODRL, PRICE_UNITS, RDF_VALUE

Json = dict[str, Any]

_ACTION: Final = ODRL + "action"
_PER_OF: Final = {unit: per for per, unit in PRICE_UNITS.items()}
_FLAGS: Final = {ODRL + "watermark": "watermark", LX + "embedC2pa": "c2pa"}


def read_duties(graph: Graph, rule: Json, key: str, fields: Fields) -> bool:
    """Sets the obligations and the price; whether the holder wants to be asked.

    Raises NotUnderstood.
    """
    asks = False
    for place in references(graph, rule, key):
        duty = _duty(graph, graph.node(place))
        if duty.action == ODRL + "obtainConsent":
            duty.examine()
            asks = True
        elif duty.action == ODRL + "compensate":
            _read_price(duty, fields)
        else:
            _read_obligation(duty, fields)
    return asks


@dataclass(frozen=True, slots=True, kw_only=True)
class _Duty:
    """A duty's one action, what refines it, and what constrains the duty."""

    graph: Graph
    node: Json
    action: str
    refinements: list[Constraint]
    constraints: list[Constraint]

    def examine(self, *, refined: bool = False, constrained: bool = False) -> None:
        """Nothing refines or constrains it, unless that is to be read. Raises NotUnderstood."""
        unknown = [] if refined else list(self.refinements)
        unknown += [] if constrained else self.constraints
        for one in unknown:
            one.refuse()

    def only(self, found: list[Constraint], operand: str, operator: str) -> Constraint:
        """The one constraint that the duty has to have."""
        for one in found:
            if (one.operand, one.operator, one.unit) != (operand, operator, ""):
                one.refuse()
        if len(found) != 1:
            what = f"The duty is read with one {short(operand)} {short(operator)} only."
            self.graph.refuse(self.node, what)
        return found[0]


def _duty(graph: Graph, node: Json) -> _Duty:
    constraint = ODRL + "constraint"
    check(graph, node, known=(_ACTION, constraint), types=(ODRL + "Duty", ODRL + "Rule"))
    place = reference(graph, node, _ACTION)
    inner = graph.node(place)
    check(graph, inner, known=(RDF_VALUE, ODRL + "refinement"), types=(ODRL + "Action",))
    return _Duty(
        graph=graph,
        node=node,
        action=reference(graph, inner, RDF_VALUE) if RDF_VALUE in inner else place,
        refinements=read_constraints(graph, inner, ODRL + "refinement"),
        constraints=read_constraints(graph, node, constraint),
    )


def _read_obligation(duty: _Duty, fields: Fields) -> None:
    if duty.action in _FLAGS:
        duty.examine()
        fields.put(f"/obligations/{_FLAGS[duty.action]}", True, duty.node)
    elif duty.action == ODRL + "attribute":
        duty.examine(refined=True)
        text = duty.only(duty.refinements, LX + "attributionText", mapping.EQ)
        fields.put("/obligations/attribution", text.one(str), text.node)
    elif duty.action == ODRL + "inform":
        duty.examine(constrained=True)
        within = duty.only(duty.constraints, ODRL + "elapsedTime", mapping.LTEQ)
        hours = fields.whole(within.one(str), "PT", "H", within.node)
        fields.put("/obligations/report_within_hours", hours, within.node)
    elif duty.action == ODRL + "delete":
        duty.examine(constrained=True)
        after = duty.only(duty.constraints, ODRL + "event", ODRL + "gt")
        if [value.get("@id") for value in after.values] != [LX + "revocation"]:
            after.refuse("To delete is read as a duty after lx:revocation only.")
        fields.put("/obligations/delete_on_revocation", True, duty.node)
    else:
        what = f"The duty {short(duty.action)} is not known here."
        duty.graph.refuse(duty.node, what, _ACTION)


def _read_price(duty: _Duty, fields: Fields) -> None:
    duty.examine(refined=True)
    by_operand = {one.operand: one for one in duty.refinements}
    unit = by_operand.pop(ODRL + "unitOfCount", None)
    amount = by_operand.pop(ODRL + "payAmount", None)
    if by_operand or len(duty.refinements) != (unit is not None) + (amount is not None):
        duty.refinements[-1].refuse()
    if unit is None:
        duty.graph.refuse(duty.node, "A price is for something: say odrl:unitOfCount.")
    per = _PER_OF.get(str(unit.values[0].get("@id"))) if len(unit.values) == 1 else None
    if per is None or unit.operator != mapping.EQ or unit.unit:
        unit.refuse()
    price = {"per": str(per)}
    if amount is not None:
        if amount.operator != mapping.EQ or not amount.unit.startswith(CURRENCY):
            amount.refuse()
        price |= {"amount": amount.one(str), "currency": amount.unit.removeprefix(CURRENCY)}
    elif per is not Per.AGREEMENT:
        duty.graph.refuse(duty.node, "A price has an amount: say odrl:payAmount.")
    fields.put("/price", price, duty.node)
