"""A rule as a CAWG training and data mining assertion, to be put into a content credential.

It knows four uses, and of each only allowed, not allowed and constrained; whoever reads
`constrained` without more is told to take it for not allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from licensing.consent.engine.language import Action, Effect
from licensing.consent.interchange.wordings import Wording, pointers, unsaid_actions

Json = dict[str, Any]

MEDIA_TYPE: Final = "application/json"
_LABEL: Final = "cawg.training-mining"
_USES: Final = {
    Action.TRAIN: ("cawg.ai_generative_training", "cawg.ai_training"),
    Action.INFER: ("cawg.ai_inference",),
}
# Data mining is more than any action of a rule.
_ALL: Final = ("cawg.data_mining", *(use for uses in _USES.values() for use in uses))


def write_assertion(wording: Wording) -> tuple[Json, tuple[str, ...]]:
    """The assertion, and the pointers to what it does not say."""
    body = wording.body
    named = body.get("actions", list(_USES))
    uses = [use for action, of in _USES.items() if action in named for use in of]
    unsaid = set(pointers(body, but=("effect", "actions", "price")))
    unsaid.update(unsaid_actions(body, _USES))
    entry: Json = {"use": "notAllowed"}
    if body["effect"] == Effect.NEEDS_APPROVAL:
        unsaid.add("/effect")
    if body["effect"] != Effect.DENY and uses:
        limited = bool(pointers(body, but=("effect", "actions", "price", "revocation_notice_days")))
        if body["effect"] == Effect.ALLOW and not limited and _free(body):
            entry = {"use": "allowed"}
        else:
            info = f"Ask for consent at {wording.ask_at} (rule version {wording.version})."
            entry = {"use": "constrained", "constraint_info": info}
    elif body["effect"] != Effect.DENY:
        unsaid.update(pointers(body))
    if "price" in body and entry["use"] != "allowed":
        unsaid.add("/price")
    entries = {use: dict(entry) for use in uses or _ALL}
    return {"label": _LABEL, "data": {"entries": entries}}, tuple(sorted(unsaid))


def _free(body: Mapping[str, Any]) -> bool:
    """Whether nothing is owed. Where a rule has no price, an agreement may."""
    amount = (body.get("price") or {}).get("amount")
    return amount is not None and Decimal(amount) == 0
