"""How the portal writes money: whole, never rounded, with what is below a cent set back."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ledger.money import Money, format_amount, minor_places

register = template.Library()
MINUS = "−"


@register.filter
def money(value: Money) -> SafeString:
    """An amount with its currency: thousands apart, decimals below a minor unit in small."""
    return format_html("{} <abbr>{}</abbr>", figure(value), value.currency)


@register.filter
def figure(value: Money) -> SafeString:
    """An amount without its currency, for a column that says it once."""
    text = format_amount(abs(value.amount), value.currency)
    whole, _, decimals = text.partition(".")
    least = minor_places(value.currency)
    sign = MINUS if value.amount < 0 else ""
    head = f"{sign}{int(whole):,}" + (f".{decimals[:least]}" if least else "")
    tail = decimals[least:]
    if tail and not least:
        tail = f".{tail}"
    fine = format_html("<small>{}</small>", tail) if tail else ""
    return format_html(
        '<data class="money" value="{}">{}{}</data>',
        format_amount(value.amount, value.currency),
        head,
        fine,
    )
