"""A rule as an ODRL 2.2 policy in JSON-LD: every field, and nothing that the rule does not say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from licensing.consent.engine.language import Action, Effect, Interval, Per, QuotaOf
from licensing.consent.interchange import mapping
from licensing.consent.interchange.contexts import ADDRESS, PROFILE_CONTEXT
from licensing.consent.interchange.graphs import short
from licensing.consent.interchange.vocabulary import (
    ACTIONS,
    ANY_ACTION,
    CURRENCY,
    EVERYONE,
    EVERYTHING,
    LX,
    NOBODY,
    PRICE_UNITS,
    PROFILE,
    QUOTA_UNITS,
    listed,
)
from licensing.consent.interchange.wordings import Wording

Json = dict[str, Any]


def write_policy(wording: Wording) -> Json:
    """The policy of one rule."""
    body = wording.body
    denies = body["effect"] == Effect.DENY
    policy: Json = {
        "@context": [ADDRESS, dict(PROFILE_CONTEXT)],
        "@type": "Set",
        "uid": thing(wording.version),
        "profile": PROFILE,
        # Any covering deny wins, at whatever level it was said.
        "conflict": "prohibit",
        "dct:isVersionOf": {"@id": thing(wording.rule)},
    }
    if wording.name:
        policy["dct:title"] = wording.name
    if wording.published:
        policy["dct:issued"] = _typed(wording.published, "dateTime")
    said: Json = {
        "assigner": thing(wording.holder),
        "target": _target(wording),
        "action": [short(ACTIONS[Action(name)]) for name in body.get("actions", ())]
        or short(ANY_ACTION),
    }
    assignee = _assignee(body)
    if assignee:
        said["assignee"] = assignee
    constraints = list(_constraints(body))
    if constraints:
        said["constraint"] = constraints
    duties = list(_duties(body))
    if duties:
        said["statedDuty" if denies else "duty"] = duties
    if "revocation_notice_days" in body:
        said["revocationNotice"] = f"P{body['revocation_notice_days']}D"
    policy["prohibition" if denies else "permission"] = [said]
    return policy


def thing(shown_id: str) -> str:
    """An id as the IRI it has in every installation."""
    return f"assent:{shown_id}"


def _target(wording: Wording) -> Any:
    if wording.scope:
        return thing(wording.scope)
    holder = {"@id": thing(wording.holder)}
    return {
        "@type": "AssetCollection",
        "source": short(EVERYTHING),
        "refinement": [_constraint(mapping.HOLDER, mapping.EQ, holder)],
    }


def _assignee(body: Mapping[str, Any]) -> Any:
    """Platforms by name, or the collection of those who ask, refined by platform and relationship."""
    platforms, audience = body.get("platforms") or {}, body.get("audience")
    if "only" in platforms and not audience:
        return [thing(one) for one in platforms["only"]]
    refinements = []
    if platforms:
        (way, names), *_ = platforms.items()
        ids = [{"@id": thing(one)} for one in names]
        refinements.append(_constraint(mapping.PLATFORM, _OPERATORS[way], ids))
    if audience:
        relations = _terms("relationship", audience)
        refinements.append(_constraint(mapping.RELATIONSHIP, mapping.IS_ANY_OF, relations))
    if not refinements:
        return None
    return {"@type": "PartyCollection", "source": short(EVERYONE), "refinement": refinements}


_OPERATORS: Final = {"only": mapping.IS_ANY_OF, "except": mapping.IS_NONE_OF}


def _constraints(body: Mapping[str, Any]) -> Iterator[Json]:
    for way, places in (body.get("territories") or {}).items():
        yield _constraint(mapping.SPATIAL, _OPERATORS[way], places)
    for end, moment in (body.get("window") or {}).items():
        yield _constraint(mapping.DATE_TIME, mapping.WINDOW[end], _typed(moment, "dateTime"))
    for field, listing in mapping.LISTINGS.items():
        if names := body.get(field):
            values = _terms(listing.group, names) if listing.group else names
            yield _constraint(listing.operand, listing.operator, values)
    for axis, level in (body.get("content") or {}).items():
        (rating,) = _terms("rating", [level])
        yield _constraint(mapping.RATING_MAX, mapping.LTEQ, rating, unit=f"{LX}{axis}Scale")
    yield from _company(body.get("co_appearance") or {})
    for field, bound in mapping.BOUNDS.items():
        if field in body:
            yield _constraint(bound.operand, bound.operator, body[field], unit=bound.unit)
    for quota in body.get("quotas") or ():
        place = (Interval(quota["per"]), QuotaOf(quota["of"]))
        if place in QUOTA_UNITS:
            operand, unit = mapping.COUNT_PER_INTERVAL, QUOTA_UNITS[place]
        else:
            operand, unit = mapping.COUNT, ""
        yield _constraint(operand, mapping.LTEQ, quota["count"], unit=unit)


def _company(said: Mapping[str, Sequence[str]]) -> Iterator[Json]:
    if "only_with" in said:
        welcome = [{"@id": thing(one)} for one in said["only_with"]]
        nobody = [{"@id": short(NOBODY)}]
        yield _constraint(mapping.CO_SUBJECT, mapping.IS_ANY_OF, welcome or nobody)
    if said.get("never_with"):
        unwelcome = [{"@id": thing(one)} for one in said["never_with"]]
        yield _constraint(mapping.CO_SUBJECT, mapping.IS_NONE_OF, unwelcome)


def _duties(body: Mapping[str, Any]) -> Iterator[Json]:
    if body["effect"] == Effect.NEEDS_APPROVAL:
        yield {"action": "obtainConsent"}
    obligations = body.get("obligations") or {}
    if obligations.get("watermark"):
        yield {"action": "watermark"}
    if obligations.get("c2pa"):
        yield {"action": "lx:embedC2pa"}
    if "attribution" in obligations:
        text = _constraint(LX + "attributionText", mapping.EQ, obligations["attribution"])
        yield {"action": {"rdf:value": {"@id": "odrl:attribute"}, "refinement": [text]}}
    if "report_within_hours" in obligations:
        period = _typed(f"PT{obligations['report_within_hours']}H", "duration")
        within = _constraint("odrl:elapsedTime", mapping.LTEQ, period)
        yield {"action": "inform", "constraint": [within]}
    if obligations.get("delete_on_revocation"):
        after = _constraint("odrl:event", "odrl:gt", {"@id": "lx:revocation"})
        yield {"action": "delete", "constraint": [after]}
    if price := body.get("price"):
        yield {
            "action": {"rdf:value": {"@id": "odrl:compensate"}, "refinement": list(_price(price))}
        }


def _price(price: Mapping[str, str]) -> Iterator[Json]:
    if "amount" in price:
        amount = _typed(price["amount"], "decimal")
        unit = CURRENCY + price["currency"]
        yield _constraint("odrl:payAmount", mapping.EQ, amount, unit=unit)
    unit_of_count = {"@id": short(PRICE_UNITS[Per(price["per"])])}
    yield _constraint("odrl:unitOfCount", mapping.EQ, unit_of_count)


def _terms(group: str, names: Sequence[str]) -> list[Json]:
    return [{"@id": short(listed(group, name))} for name in names]


def _typed(text: str, kind: str) -> Json:
    return {"@value": text, "@type": f"xsd:{kind}"}


def _constraint(operand: str, operator: str, value: Any, *, unit: str = "") -> Json:
    """One constraint. ODRL's own terms stand by their bare names."""
    written: Json = {
        "leftOperand": short(operand).removeprefix("odrl:"),
        "operator": short(operator).removeprefix("odrl:"),
        "rightOperand": value,
    }
    if unit:
        written["unit"] = short(unit)
    return written
