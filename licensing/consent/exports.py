"""A version of a rule as a document in another format."""

from __future__ import annotations

from django.conf import settings

from ledger.wire import show_instant
from licensing.consent.engine.bodies import canonical
from licensing.consent.interchange.documents import Document, Format, write_document
from licensing.consent.interchange.wordings import Wording
from licensing.consent.models import ConsentRule, RuleVersion


def document_of(
    rule: ConsentRule,
    version: RuleVersion,
    format: Format,  # noqa: A002 - the field's word
    *,
    address: str = "",
) -> Document:
    """`version` of `rule` in `format`. `address` is where what it is about is published, if the
    format names that."""
    scope = rule.subject or rule.property
    wording = Wording(
        version=version.shown_id,
        rule=rule.shown_id,
        holder=rule.holder.shown_id,
        scope=scope.shown_id if scope is not None else "",
        name=rule.name,
        body=canonical(version.body),
        published=show_instant(version.published_at) if version.published_at else "",
        address=address,
        ask_at=settings.BASE_URL,
    )
    return write_document(wording, format)
