"""The books in the admin: to read; and months, to close."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from ledger.errors import DomainError
from ledger.journal import balances, periods
from ledger.journal.models import Account, Book, Entry, Party, Period, Transfer
from ledger.journal.shapes import show_trial_balance
from ledger.money import Money
from ledger.panel import ReadOnlyAdmin
from ledger.staff import may

_LINES_SHOWN = 200


@admin.register(Party)
class PartyAdmin(ReadOnlyAdmin):
    """Who can be owed or owe."""

    list_display = ("name", "ref", "kind", "mode", "opened_at")
    list_filter = ("mode", "kind")
    search_fields = ("name", "ref")
    fields = ("shown", "ref", "name", "kind", "mode", "opened_at")
    ordering = ("-pk",)


@admin.register(Book)
class BookAdmin(ReadOnlyAdmin):
    """Books, each with its head."""

    list_display = ("name", "mode", "height", "opened_at")
    list_filter = ("mode",)
    fields = ("shown", "name", "mode", "height", "head", "opened_at")

    @display(description="head hash")
    def head(self, book: Book) -> str:
        return bytes(book.head_hash).hex()


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Accounts with their balances."""

    list_display = ("number", "role", "party", "subject", "balance_shown", "mode", "book")
    list_filter = ("mode", "role", "book")
    list_select_related = ("party", "book", "balance")
    search_fields = ("party__ref", "party__name", "subject", "currency")
    ordering = ("-number",)
    fields = (
        "shown",
        "number",
        "book",
        "party",
        "role",
        "currency",
        "subject",
        "kind",
        "normal_side",
        "may_overdraw",
        "balance_shown",
        "sides",
        "opened_at",
    )

    @display(description="balance")
    def balance_shown(self, account: Account) -> str:
        standing = account.balance
        net = balances.on_side(
            account.normal_side, debited=standing.debits, credited=standing.credits
        )
        return Money(amount=net, currency=account.currency).shown

    @display(description="debits and credits in all")
    def sides(self, account: Account) -> str:
        standing = account.balance
        debits = Money(amount=standing.debits, currency=account.currency)
        credited = Money(amount=standing.credits, currency=account.currency)
        return f"{debits.shown} debit, {credited.shown} credit"


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    """The journal."""

    list_display = ("height", "kind", "key", "effective_on", "posted_at", "line_count", "book_mode")
    # Not by kind: the filter would read the whole journal to list what kinds there are.
    list_filter = ("book__mode", "effective_on", "book")
    list_select_related = ("book",)
    search_fields = ("key", "kind", "memo")
    ordering = ("-pk",)
    fields = (
        "shown",
        "book",
        "height",
        "kind",
        "key",
        "effective_on",
        "posted_at",
        "actor",
        "memo",
        "reverses",
        "line_count",
        "lines",
        "hashes",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        rows: QuerySet[Entry] = super().get_queryset(request)
        return rows.select_related("book")

    @display(description="mode")
    def book_mode(self, entry: Entry) -> str:
        return entry.book.mode

    @display(description="debits and credits")
    def lines(self, entry: Entry) -> SafeString:
        transfers = (
            Transfer.objects.filter(entry=entry)
            .select_related("debit_account__party", "credit_account__party")
            .order_by("line")[:_LINES_SHOWN]
        )
        rows = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td><td>{}</td><td style='text-align:right'>{}</td><td>{}</td>"
            "</tr>",
            (
                (
                    line.line,
                    line.debit_account,
                    line.credit_account,
                    Money(amount=line.amount, currency=line.currency).shown,
                    line.subject,
                )
                for line in transfers
            ),
        )
        more = entry.line_count - _LINES_SHOWN
        return format_html(
            "<table style='width:100%'><tr><th>#</th><th>Debit</th><th>Credit</th>"
            "<th style='text-align:right'>Amount</th><th>Subject</th></tr>{}</table>{}",
            rows,
            f"… and {more:,} more lines" if more > 0 else "",
        )

    @display(description="content, previous and own hash")
    def hashes(self, entry: Entry) -> SafeString:
        return format_html_join(
            "",
            "<div>{}</div>",
            (
                (bytes(digest).hex(),)
                for digest in (entry.content_hash, entry.previous_hash, entry.hash)
            ),
        )


@admin.register(Period)
class PeriodAdmin(ReadOnlyAdmin):
    """Months: looked at, and closed after a look at what that freezes."""

    list_display = ("month_shown", "book", "book_mode", "state", "closed_at", "closed_by")
    list_filter = ("book__mode", "state", "book")
    list_select_related = ("book",)
    ordering = ("-month", "-pk")
    fields = (
        "month_shown",
        "book",
        "state",
        "opened_at",
        "closed_at",
        "closed_by",
        "row_count",
        "frozen",
    )
    actions_detail = ("close_month",)
    actions_row = ("close_month",)

    def has_close_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever's role in the house closes the books, or who was given the permission. Asked by
        name, because the theme looks a dotted permission up in the database at start, before there
        is one."""
        return request.user.has_perm("journal.close_period") or may(request, "books:close")

    @display(description="month", ordering="month")
    def month_shown(self, period: Period) -> str:
        return f"{period.month:%Y-%m}"

    @display(description="mode")
    def book_mode(self, period: Period) -> str:
        return period.book.mode

    @display(description="trial balance's hash")
    def frozen(self, period: Period) -> str:
        stored = period.trial_balance_hash
        return "" if stored is None else bytes(stored).hex()

    @action(
        description="Close this month",
        url_path="close",
        icon="lock",
        permissions=["close"],
    )
    def close_month(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Shows what would be frozen; closes exactly that when it is confirmed."""
        period = get_object_or_404(Period.objects.select_related("book"), pk=object_id)
        back = reverse("admin:journal_period_changelist")
        if request.method == "POST":
            try:
                periods.close_period(
                    book_id=period.book_id,
                    month=period.month,
                    actor=request.user.get_username(),
                    now=timezone.now(),
                    expected_hash=bytes.fromhex(request.POST.get("trial_balance_hash", "")),
                )
            except (DomainError, ValueError) as refusal:
                messages.error(request, str(refusal))
            else:
                messages.success(request, f"{period.month:%Y-%m} is closed.")
            return redirect(back)
        found = balances.trial_balance(book_id=period.book_id, as_of=period.last_day)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Close a month",
            "period": period,
            "month": f"{period.month:%Y-%m}",
            "currencies": show_trial_balance(found),
            "hash": found.hash.hex(),
            "back": back,
        }
        return TemplateResponse(request, "journal/close_period.html", context)
