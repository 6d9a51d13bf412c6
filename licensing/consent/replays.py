"""Decisions taken again, from nothing but what is stored."""

from __future__ import annotations

from ledger import ids
from licensing.consent import facts
from licensing.consent.engine.counterfactuals import with_changes
from licensing.consent.engine.deciding import decide
from licensing.consent.engine.language import Decision
from licensing.consent.models import ConsentCheck
from licensing.consent.standing import word_at


def replay(check: ConsentCheck) -> Decision:
    """Takes the decision of `check` again, on its facts and the rules of the epochs it names: its
    outcome, its reasons and terms, and what would have been allowed."""
    books = {
        holder: word_at(holder=ids.read("hld", holder), epoch=epoch).book
        for holder, epoch in check.facts["epochs"].items()
    }
    asked = [facts.read_asked(each, books.__getitem__) for each in check.facts["asked"]]
    request = facts.read_request(check.facts["request"])
    spent = facts.read_spent(check.facts.get("spent", {}))
    approved = frozenset(check.facts.get("approved", ()))
    return with_changes(
        decide(request, asked, approved=approved, spent=spent), request, asked, spent
    )
