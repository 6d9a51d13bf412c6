"""How consent reads on a page: sentences with what they say set off, and what changed in them."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from licensing.consent import rule_lists
from licensing.consent.engine.sentences import Part, Sentence
from licensing.consent.models import ConsentRule

register = template.Library()


@register.filter
def spoken(sentence: Sentence) -> SafeString:
    """A sentence with what the rule says set off from the words around it."""
    return format_html_join("", "{}", ((_part(part),) for part in sentence))


@register.filter
def linked(sentence: Sentence) -> SafeString:
    """The same, where each thing said leads to the field that says it."""
    return format_html_join("", "{}", ((_link(part),) for part in sentence))


@register.filter
def marked(changes: Iterable[tuple[str, str]]) -> SafeString:
    """Two wordings in one: what is gone struck out, what is new underlined."""
    return format_html_join("", "{}", ((_change(kind, words),) for kind, words in changes))


@register.filter
def slot(name: str) -> str:
    """A field's name as part of an element's id."""
    return name.replace(".", "-")


@register.filter
def called(rule: ConsentRule) -> str:
    """What a rule is called in the midst of a sentence."""
    return rule_lists.called(rule)


def _part(part: Part) -> SafeString:
    return format_html('<b class="said">{}</b>' if part.said else "{}", part.text)


def _link(part: Part) -> SafeString:
    if not part.said:
        return format_html("{}", part.text)
    return format_html('<a class="said" href="#set-{}">{}</a>', part.field, part.text)


def _change(kind: str, words: str) -> SafeString:
    tags = {"gone": "{}<del>{}</del>", "new": "{}<ins>{}</ins>"}
    bare = words.lstrip()
    return format_html(tags.get(kind, "{}{}"), words[: len(words) - len(bare)], bare)
