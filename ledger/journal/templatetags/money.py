"""How templates write an amount that is text already."""

from django import template

from ledger.money import thousands

register = template.Library()
register.filter("thousands", thousands)
