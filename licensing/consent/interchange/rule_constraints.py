"""The constraints of a permission or prohibition as fields of a rule's body."""

from __future__ import annotations

from typing import Final

from licensing.consent.engine.language import Axis, Interval, QuotaOf
from licensing.consent.interchange import mapping
from licensing.consent.interchange.constraints import Constraint, thing_id
from licensing.consent.interchange.fields import WAYS, Fields
from licensing.consent.interchange.vocabulary import LX, NOBODY, QUOTA_UNITS

_BOUND_OF: Final = {
    (bound.operand, bound.operator, bound.unit): field for field, bound in mapping.BOUNDS.items()
}
_LISTING_OF: Final = {
    (listing.operand, listing.operator): (field, listing.group)
    for field, listing in mapping.LISTINGS.items()
}
_AXIS_OF: Final = {f"{LX}{axis}Scale": str(axis) for axis in Axis}
_QUOTA_OF: Final = {unit: place for place, unit in QUOTA_UNITS.items()}
_END_OF: Final = {operator: end for end, operator in mapping.WINDOW.items()}


def read_constraint(constraint: Constraint, fields: Fields) -> None:
    """Sets what the constraint says. Raises NotUnderstood."""
    operand, unit = constraint.operand, constraint.unit
    bound = _BOUND_OF.get((operand, constraint.operator, unit))
    if bound is not None:
        fields.put(f"/{bound}", constraint.one(int), constraint.node)
    elif operand == mapping.RATING_MAX and constraint.operator == mapping.LTEQ and unit in _AXIS_OF:
        levels = constraint.names("rating")
        if len(levels) != 1:
            constraint.refuse()
        fields.put(f"/content/{_AXIS_OF[unit]}", levels[0], constraint.node)
    elif operand in (mapping.COUNT, mapping.COUNT_PER_INTERVAL):
        _read_quota(constraint, fields)
    elif unit:
        constraint.refuse()
    elif operand == mapping.DATE_TIME and constraint.operator in _END_OF:
        end = _END_OF[constraint.operator]
        fields.put(f"/window/{end}", constraint.one(str), constraint.node)
    else:
        _read_list(constraint, fields)


def _read_list(constraint: Constraint, fields: Fields) -> None:
    operator = constraint.for_lists()
    if constraint.operand == mapping.SPATIAL and operator in WAYS:
        fields.put("/territories", {WAYS[operator]: constraint.texts()}, constraint.node)
    elif constraint.operand == mapping.CO_SUBJECT and operator in WAYS:
        _read_company(constraint, operator, fields)
    elif (constraint.operand, operator) in _LISTING_OF:
        field, group = _LISTING_OF[constraint.operand, operator]
        values = constraint.names(group) if group else constraint.texts()
        fields.put(f"/{field}", values, constraint.node)
    else:
        constraint.refuse()


def _read_company(constraint: Constraint, operator: str, fields: Fields) -> None:
    if operator == mapping.IS_NONE_OF:
        field = "never_with"
    else:
        field = "only_with"
        if [value.get("@id") for value in constraint.values] == [NOBODY]:
            fields.put(f"/co_appearance/{field}", [], constraint.node)
            return
    others = [thing_id(constraint, value) for value in constraint.values]
    fields.put(f"/co_appearance/{field}", others, constraint.node)


def _read_quota(constraint: Constraint, fields: Fields) -> None:
    if constraint.operator != mapping.LTEQ:
        constraint.refuse()
    if constraint.operand == mapping.COUNT and not constraint.unit:
        per, of = Interval.TOTAL, QuotaOf.EVERYONE
    elif constraint.operand == mapping.COUNT_PER_INTERVAL and constraint.unit in _QUOTA_OF:
        per, of = _QUOTA_OF[constraint.unit]
    else:
        constraint.refuse()
    quota = {"count": constraint.one(int), "per": str(per), "of": str(of)}
    fields.add("quotas", quota, constraint.node)
