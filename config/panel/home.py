"""The admin's home: the figures finance looks at first, and what waits for an answer."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from config.panel import figures
from ledger.journal.models import Book
from ledger.money import format_exact, thousands

MODES = ("live", "test")


def environment(request: HttpRequest) -> list[str]:
    """The ribbon that says on which data one works: lists show both modes, the home page one."""
    live = Book.objects.filter(mode="live").exists()
    if request.resolver_match is not None and request.resolver_match.view_name == "admin:index":
        live = chosen_mode(request) == "live"
        return ["Live data", "danger"] if live else ["Test data", "info"]
    return ["Live and test data", "danger"] if live else ["Test data", "info"]


def chosen_mode(request: HttpRequest) -> str:
    """The mode asked for in the address; else live as soon as there are live books."""
    asked = request.GET.get("mode", "")
    if asked in MODES:
        return asked
    return "live" if Book.objects.filter(mode="live").exists() else "test"


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The figures of the home page."""
    mode = chosen_mode(request)
    now = timezone.now()
    return {
        **context,
        "mode": mode,
        "modes": MODES,
        "cards": figures.cards(mode),
        "waiting": figures.waiting(mode),
        "reported": figures.reported(mode, now=now),
        "top_payables": figures.top_payables(mode),
        "runs": figures.runs(mode),
        "payouts": figures.payouts(mode),
        "books": [
            {"book": book, "head": bytes(book.head_hash or b"").hex()[:16]}
            for book in figures.books(mode)
        ],
        "entries": [
            {"entry": entry, "total": thousands(format_exact(entry.total))}
            for entry in figures.latest_entries(mode)
        ],
    }
