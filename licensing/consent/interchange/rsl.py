"""A rule as a licence in RSL 1.0 (Really Simple Licensing): what crawlers and their models read.

RSL speaks of training, of input and of indexing, for a place and at a price. A licence without
`permits` would permit everything, so one that cannot say the rule prohibits everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from xml.etree import ElementTree as ET

from licensing.consent.engine.language import Action, Effect, Per
from licensing.consent.interchange.wordings import Wording, pointers, unsaid_actions

MEDIA_TYPE: Final = "application/rsl+xml"
_NAMESPACE: Final = "https://rslstandard.org/rsl"
# The usage each action is, and what is then paid for.
_USAGES: Final = {
    Action.TRAIN: ("ai-train", "training"),
    Action.INFER: ("ai-input", "use"),
    Action.INDEX: ("ai-index", "crawl"),
}
# What a licence can say besides the actions. Less notice than the rule gives is no broader.
_SAID: Final = ("effect", "actions", "territories", "price", "revocation_notice_days")


def write_license(wording: Wording) -> tuple[str, tuple[str, ...]]:
    """The RSL document, and the pointers to what it does not say."""
    body = wording.body
    root = ET.Element("rsl", xmlns=_NAMESPACE)
    content = ET.SubElement(root, "content", url=wording.address or wording.about)
    unsaid = set(pointers(body, but=_SAID) + unsaid_actions(body, _USAGES))
    limited = bool(pointers(body, but=_SAID))
    if "revocation_notice_days" in body:
        unsaid.add("/revocation_notice_days")
    granted = 0
    if body["effect"] == Effect.ALLOW:
        for place, action in enumerate(body.get("actions", _USAGES)):
            if action not in _USAGES or limited:
                continue
            payment = _payment(Action(action), body.get("price"), wording.ask_at)
            if payment is None:
                unsaid |= {"/price", f"/actions/{place}" if "actions" in body else "/actions"}
                continue
            _grant(content, Action(action), body.get("territories") or {}, payment)
            granted += 1
    if not granted:
        unsaid.update(_refuse(content, body))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode", xml_declaration=False)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n', tuple(sorted(unsaid))


def _grant(
    content: ET.Element,
    action: Action,
    territories: Mapping[str, list[str]],
    payment: ET.Element,
) -> None:
    licence = ET.SubElement(content, "license")
    ET.SubElement(licence, "permits", type="usage").text = _USAGES[action][0]
    for way, places in territories.items():
        kind = "permits" if way == "only" else "prohibits"
        ET.SubElement(licence, kind, type="geo").text = " ".join(places)
    licence.append(payment)


def _refuse(content: ET.Element, body: Mapping[str, Any]) -> tuple[str, ...]:
    """Prohibits everything; what the rule says of when and of what is then not said."""
    licence = ET.SubElement(content, "license")
    ET.SubElement(licence, "prohibits", type="usage").text = "all"
    if body["effect"] == Effect.DENY:
        return pointers(body, but=("effect",))
    return pointers(body)


def _payment(action: Action, price: Mapping[str, str] | None, ask_at: str) -> ET.Element | None:
    """What is owed; None if RSL cannot say it. A rule without a price leaves it to an agreement,
    which is not the same as free of charge."""
    if price is None or price["per"] == Per.AGREEMENT:
        payment = ET.Element("payment", type=_USAGES[action][1])
        ET.SubElement(payment, "custom").text = ask_at
        return payment
    if Decimal(price["amount"]) == 0:
        return ET.Element("payment", type="free")
    if action is not Action.INFER or price["per"] != Per.GENERATION:
        return None
    payment = ET.Element("payment", type=_USAGES[action][1])
    ET.SubElement(payment, "amount", currency=price["currency"]).text = price["amount"]
    return payment
