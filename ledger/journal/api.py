"""The API's windows on the books: accounts, entries, trial balances and months."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django.urls import path
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.errors import NotFound
from ledger.journal import balances, examples, periods
from ledger.journal.books import HOUSE
from ledger.journal.chart import Role
from ledger.journal.models import Account, Book, Entry, Period, Transfer
from ledger.journal.shapes import (
    AccountShape,
    AsOfShape,
    BookShape,
    CloseShape,
    EntryShape,
    PeriodShape,
    TransferShape,
    TrialBalanceQueryShape,
    TrialBalanceShape,
    WholeEntryShape,
)
from ledger.journal.states import PeriodState
from ledger.windows import Window, paged
from ledger.wire import Currency, Day, Id, Text

# More lines than this are read page by page.
_LINES_SHOWN = 200
_MONTH = re.compile(r"(20[0-9]{2}|21[0-9]{2})-(0[1-9]|1[0-2])\Z", re.ASCII)
_WITH_PARTIES = ("debit_account__party", "credit_account__party")


class BooksWindow(Window):
    """Books."""

    scopes = {"GET": "books:read"}

    @extend_schema(
        operation_id="books_list",
        summary="Books",
        description="Those of your mode in which you have an account; all of them for the house.",
        responses=paged(BookShape),
        examples=examples.listed(examples.BOOK),
    )
    def get(self, request: Request) -> Response:
        return self.page(Book.objects.visible_to(self.actor), BookShape)


class AccountsWindow(Window):
    """Accounts."""

    scopes = {"GET": "books:read"}

    @extend_schema(
        operation_id="accounts_list",
        summary="Accounts with their balances",
        description="Yours, last opened first; all of the mode for the house.",
        parameters=[
            OpenApiParameter("book", str),
            OpenApiParameter("party", str, description="The party's `ref`."),
            OpenApiParameter("role", str, description="From the chart, such as `payable`."),
            OpenApiParameter("currency", str),
            OpenApiParameter("subject", str),
        ],
        responses=paged(AccountShape),
        examples=examples.listed(examples.ACCOUNT),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            Account.objects.visible_to(self.actor).select_related("party", "balance"),
            AccountShape,
            filters={
                "book": Id(Book.PREFIX),
                "party": Text(source="party__ref"),
                "role": serializers.ChoiceField(choices=Role.choices),
                "currency": Currency(),
                "subject": Text(allow_blank=True),
            },
            key="number",
        )


class AccountWindow(Window):
    """One account."""

    scopes = {"GET": "books:read"}

    @extend_schema(
        operation_id="accounts_get",
        summary="One account with its balance",
        description="Now, as of a day (what belongs to it), as known at a moment (what had been"
        " posted by then), or both.",
        parameters=[AsOfShape],
        responses=AccountShape,
        examples=examples.shown(examples.ACCOUNT),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        rows = Account.objects.visible_to(self.actor).select_related("party", "balance")
        asked = self.read_query(AsOfShape)
        account: Any = self.find(rows, Account.PREFIX, id)
        if asked:
            account.balance_asked_for = balances.balance(account_id=account.pk, **asked)
        return self.show(AccountShape, account)


class EntriesWindow(Window):
    """Entries."""

    scopes = {"GET": "books:read"}

    @extend_schema(
        operation_id="entries_list",
        summary="Journal entries",
        description="Those that touch your accounts, newest first; all of the mode for the house.",
        parameters=[
            OpenApiParameter("book", str),
            OpenApiParameter("account", str, description="Entries that touch this account."),
            OpenApiParameter("kind", str),
            OpenApiParameter("effective_on", date),
        ],
        responses=paged(EntryShape),
        examples=examples.listed(examples.ENTRY),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            Entry.objects.visible_to(self.actor),
            EntryShape,
            filters={
                "book": Id(Book.PREFIX),
                "account": Id(Account.PREFIX, source="movements__account"),
                "kind": Text(max_length=60),
                "effective_on": Day(),
            },
        )


class EntryWindow(Window):
    """One entry."""

    scopes = {"GET": "books:read"}

    @extend_schema(
        operation_id="entries_get",
        summary="One journal entry with its lines",
        description="Its lines in their order, the first 200 of them; those that are not the house"
        " see their own lines, and of these their own side.",
        responses=WholeEntryShape,
        examples=examples.shown(examples.WHOLE_ENTRY),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        entry = self.find(Entry.objects.visible_to(self.actor), Entry.PREFIX, id)
        lines = _lines_of(self, entry).order_by("line")[:_LINES_SHOWN]
        context = {"actor": self.actor}
        shown = EntryShape(entry, context=context).data
        return Response({**shown, "lines": TransferShape(lines, many=True, context=context).data})


class LinesWindow(Window):
    """The lines of an entry."""

    scopes = {"GET": "books:read"}

    @extend_schema(
        operation_id="entry_lines_list",
        summary="All lines of a journal entry",
        description="The last line first; those that are not the house see their own.",
        responses=paged(TransferShape),
        examples=examples.listed(examples.LINE),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        entry = self.find(Entry.objects.visible_to(self.actor), Entry.PREFIX, id)
        return self.page(_lines_of(self, entry), TransferShape, key="line")


def _lines_of(window: Window, entry: Entry) -> Any:
    rows = Transfer.objects.visible_to(window.actor).filter(entry=entry)
    return rows.select_related(*_WITH_PARTIES)


class TrialBalanceWindow(Window):
    """The trial balance."""

    scopes = {"GET": "books:read"}

    @extend_schema(
        operation_id="trial_balance_get",
        summary="The trial balance of a book",
        description="Per currency and role: now, as of a day, as known at a moment, or both. Those"
        " that are not the house see their own accounts, which need not balance.",
        parameters=[TrialBalanceQueryShape],
        responses=TrialBalanceShape,
        examples=examples.shown(examples.TRIAL_BALANCE),
    )
    def get(self, request: Request) -> Response:
        asked = self.read_query(TrialBalanceQueryShape)
        book = _book(self, asked.pop("book", None))
        mine = None
        if not self.actor.is_house:
            rows = Account.objects.visible_to(self.actor).filter(book=book)
            mine = list(rows.values_list("pk", flat=True))
        found = balances.trial_balance(book_id=book.pk, account_ids=mine, **asked)
        return self.show(TrialBalanceShape, found)


class PeriodsWindow(Window):
    """Months."""

    scopes = {"GET": "books:read"}

    @extend_schema(
        operation_id="periods_list",
        summary="The months of the books",
        description="Last opened first.",
        parameters=[
            OpenApiParameter("book", str),
            OpenApiParameter("state", str, description="`open` or `closed`."),
        ],
        responses=paged(PeriodShape),
        examples=examples.listed(examples.PERIOD),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            Period.objects.visible_to(self.actor),
            PeriodShape,
            filters={
                "book": Id(Book.PREFIX),
                "state": serializers.ChoiceField(choices=PeriodState.choices),
            },
        )


class ClosePeriodWindow(Window):
    """Closing a month."""

    scopes = {"POST": "books:close"}

    @extend_schema(
        operation_id="periods_close",
        summary="Close a month",
        description="It takes no more entries from then on, and its trial balance is frozen. Months"
        " close in order, after they have ended. Name the hash of the trial balance that you looked"
        " at, and exactly that is closed or nothing.",
        request=CloseShape,
        responses=PeriodShape,
        examples=[
            OpenApiExample("What was seen", value=examples.CLOSE, request_only=True),
            *examples.shown(examples.PERIOD),
        ],
    )
    def post(self, request: Request, month: str) -> Response:
        said = self.read(CloseShape)
        book = _book(self, said["book"])
        if not _MONTH.match(month) or not self.actor.is_house:
            raise NotFound
        seen = said.get("trial_balance_hash")
        period = periods.close_period(
            book_id=book.pk,
            month=date.fromisoformat(f"{month}-01"),
            actor=self.actor.label,
            now=self.now,
            expected_hash=bytes.fromhex(seen) if seen else None,
        )
        return self.show(PeriodShape, period)


def _book(window: Window, pk: Any) -> Book:
    """The book that was named, or else the house's own."""
    named = {"name": HOUSE} if pk is None else {"pk": pk}
    book = Book.objects.visible_to(window.actor).filter(**named).first()
    if book is None:
        raise NotFound
    return book


urlpatterns = [
    path("books", BooksWindow.as_view()),
    path("accounts", AccountsWindow.as_view()),
    path("accounts/<str:id>", AccountWindow.as_view()),
    path("entries", EntriesWindow.as_view()),
    path("entries/<str:id>", EntryWindow.as_view()),
    path("entries/<str:id>/lines", LinesWindow.as_view()),
    path("trial-balance", TrialBalanceWindow.as_view()),
    path("periods", PeriodsWindow.as_view()),
    path("periods/<str:month>/close", ClosePeriodWindow.as_view()),
]
