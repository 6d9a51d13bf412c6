"""How the portal writes money: whole, never rounded, with what is below a cent set back; and
what it offers to whom."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ledger.actor import Actor
from ledger.money import PLACES, Money, format_amount, minor_places
from ledger.payouts.models import PayoutItem
from ledger.payouts.states import ItemState

register = template.Library()
MINUS = "−"
PAYOUT_WORDS = {
    ItemState.RESERVED: "On its way",
    ItemState.SENT: "On its way",
    ItemState.ACCEPTED: "On its way",
    ItemState.UNKNOWN: "Being looked into",
    ItemState.PAID: "Paid",
    ItemState.REJECTED: "Came back",
    ItemState.RETURNED: "Came back",
}


@register.filter
def money(value: Money) -> SafeString:
    """An amount with its currency: thousands apart, decimals below a minor unit in small."""
    return format_html("{} <abbr>{}</abbr>", _data(value), value.currency)


@register.filter
def figure(value: Money) -> SafeString:
    """An amount without its currency, for a column: filled up to keep the points in line."""
    return _data(value, padded=True)


@register.filter
def may(actor: Actor, scope: str) -> bool:
    """Whether what needs `scope` is to be offered."""
    return actor.may(scope)


@register.filter
def payout_word(item: PayoutItem) -> str:
    """What a payout's state means to the one who is paid."""
    return PAYOUT_WORDS.get(ItemState(item.state), item.state)


def _data(value: Money, *, padded: bool = False) -> SafeString:
    text = format_amount(abs(value.amount), value.currency)
    whole, _, decimals = text.partition(".")
    least = minor_places(value.currency)
    sign = MINUS if value.amount < 0 else ""
    head = f"{sign}{int(whole):,}" + (f".{decimals[:least]}" if least else "")
    tail = decimals[least:]
    if tail and not least:
        tail = f".{tail}"
    # Zeros that are not seen, because a blank is as wide as a figure in few faces.
    unseen = "0" * (PLACES - least - len(tail)) if padded else ""
    if unseen and not least and not tail:
        unseen = f".{unseen[1:]}"
    pad = format_html('<i class="pad" aria-hidden="true">{}</i>', unseen) if unseen else ""
    fine = format_html("<small>{}{}</small>", tail, pad) if tail or pad else ""
    return format_html(
        '<data class="money" value="{}">{}{}</data>',
        format_amount(value.amount, value.currency),
        head,
        fine,
    )
