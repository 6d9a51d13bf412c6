"""The rights holder's pages: the way in, the overview, statements, and those of every topic.

A topic below keeps its own pages, which know nothing of the portal: plain functions of a request
and the rights holder's actor, listed as ROUTES (address, page, name) and let in through this door.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import include, path
from django.utils import timezone
from django.views.decorators.http import require_GET

from ledger import ids
from ledger.actor import Actor
from ledger.errors import NotFound
from ledger.money import Money, format_amount
from ledger.spreadsheet import Figure, csv_response
from ledger.statements import exports
from ledger.statements.earnings import earnings_of
from ledger.statements.issuing import COVERS_TO
from ledger.statements.models import Statement
from ledger.statements.shapes import StatementShape
from licensing.access import pages as access
from licensing.access.models import User
from licensing.catalog import pages as catalog
from licensing.claims import pages as claims
from licensing.consent import pages as consent
from licensing.portal import door
from licensing.portal.attention import attention_of, uses_of
from licensing.portal.labels import labels_of
from licensing.portal.overview import overview_of
from licensing.settlement import earning_pages as settlement
from licensing.simulation import pages as simulation

MOST_STATEMENTS = 240


class SignInForm(AuthenticationForm):
    """Name and password."""

    def __init__(self, request: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.fields["username"].label = "Name"
        self.error_messages["invalid_login"] = "That name and password do not belong together."


class SignIn(LoginView):
    """The way in."""

    template_name = "portal/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True
    next_page = "/portal/"


class SignOut(LogoutView):
    """The way out."""

    next_page = "/portal/sign-in"


@login_required(login_url="/portal/sign-in")
def organisations(request: HttpRequest) -> HttpResponse:
    """For whom to look, if a person acts for several."""
    assert isinstance(request.user, User)
    found = door.choices(request.user)
    if request.method == "POST":
        wanted = request.POST.get("organisation", "")
        for each in found:
            if each.shown_id == wanted:
                request.session[door.CHOSEN] = str(each.pk)
                return redirect("portal:home")
    return render(request, "portal/organisations.html", {"organisations": found})


@require_GET
@door.for_holders
def home(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What was earned, what is payable, and where it came from."""
    now = timezone.now()
    context = {
        "overview": overview_of(actor=actor, today=now.date()),
        "attention": attention_of(actor=actor, now=now),
        "uses": uses_of(actor=actor, now=now),
        "page": "home",
    }
    return render(request, "portal/home.html", context)


@require_GET
@door.for_holders
def earnings_csv(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Everything earned so far, by month and subject, as a CSV file."""
    labels = labels_of(actor.mode)
    rows = [
        (
            f"{each.month:%Y-%m}",
            labels.get(each.party, each.party),
            labels.get(each.subject, each.subject),
            each.subject,
            Figure(format_amount(each.amount, each.currency)),
            each.currency,
        )
        for each in earnings_of(actor=actor, parties=actor.parties)
    ]
    header = ("month", "rights_holder", "subject", "subject_id", "amount", "currency")
    return csv_response("assent-earnings.csv", header, rows)


@require_GET
@door.for_holders
def statements(request: HttpRequest, actor: Actor) -> HttpResponse:
    """All statements that hold, newest month first."""
    rows = _statements(actor).standing().order_by("-month", "currency", "party")[:MOST_STATEMENTS]
    context = {"statements": rows, "page": "statements"}
    return render(request, "portal/statements.html", context)


@require_GET
@door.for_holders
def statement(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """One statement, as a letter that prints well."""
    found = _statement(actor, shown)
    kinds: dict[str, list[Any]] = {}
    for line in found.lines.all():
        kinds.setdefault(line.kind_label, []).append(line)
    groups = [
        {
            "label": label,
            "lines": lines,
            "total": Money(amount=sum(line.amount for line in lines), currency=found.currency),
        }
        for label, lines in kinds.items()
    ]
    later = Statement.objects.visible_to(actor).filter(restates=found).first()
    context = {
        "statement": found,
        "groups": groups,
        "later": later,
        "changes": [each for each in found.changes if each["what"] != COVERS_TO],
        "page": "statements",
    }
    return render(request, "portal/statement.html", context)


@require_GET
@door.for_holders
def statement_csv(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """One statement as a CSV file."""
    return exports.statement_csv(_statement(actor, shown))


@require_GET
@door.for_holders
def statement_json(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """One statement as the API shows it."""
    return JsonResponse(StatementShape(_statement(actor, shown)).data)


def nothing_here(request: HttpRequest, rest: str) -> HttpResponse:
    """Any other address under the portal."""
    return door.problem(request, 404)


def _statements(actor: Actor) -> Any:
    actor.require("statements:read")
    return Statement.objects.visible_to(actor)


def _statement(actor: Actor, shown: str) -> Statement:
    try:
        key = ids.read(Statement.PREFIX, shown)
    except ValueError:
        raise NotFound from None
    rows: QuerySet[Statement] = (
        _statements(actor)
        .select_related("restates")
        .prefetch_related("lines__statement", "balances__statement")
    )
    found = rows.filter(pk=key).first()
    if found is None:
        raise NotFound
    return found


pages = [
    path("", home, name="home"),
    path("earnings.csv", earnings_csv, name="earnings-csv"),
    path("sign-in", SignIn.as_view(), name="sign-in"),
    path("sign-out", SignOut.as_view(), name="sign-out"),
    path("organisations", organisations, name="organisations"),
    path("statements", statements, name="statements"),
    path("statements/<str:shown>", statement, name="statement"),
    path("statements/<str:shown>/csv", statement_csv, name="statement-csv"),
    path("statements/<str:shown>/json", statement_json, name="statement-json"),
    *(
        path(address, door.for_holders(page), name=name)
        for topic in (access, catalog, claims, consent, simulation, settlement)
        for address, page, name in topic.ROUTES
    ),
    path("<path:rest>", nothing_here),
]
urlpatterns = [path("", include((pages, "portal")))]
