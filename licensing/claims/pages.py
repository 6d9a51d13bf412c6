"""The portal's pages of claims: those on what one has and those one filed, each with its story, its
answers, and a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from ledger.actor import Actor
from ledger.errors import Invalid
from ledger.forms import Form, search_words
from ledger.lists import part_of
from ledger.windows import named, read_id
from licensing.catalog.models import RightsHolder, Subject
from licensing.catalog.names import LONGEST as LONGEST_NAME
from licensing.catalog.territories import NAMES
from licensing.claims import answering
from licensing.claims.filing import MOST_OPEN, file_claim
from licensing.claims.models import LONGEST, Claim, ClaimQuerySet
from licensing.claims.refusals import ClaimEnded
from licensing.claims.shapes import ContestShape, NewClaimShape
from licensing.claims.states import ClaimState

PAGE: Final = 30
MOST_LISTED: Final = 500
READ: Final = "claims:read"
WRITE: Final = "claims:write"
Context = dict[str, Any]


@require_GET
def claims(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The open claims, the oldest first; or those that have ended, the newest first."""
    actor.require(READ)
    ended = request.GET.get("show") == "ended"
    rows = _rows(actor)
    about = None
    if shown := request.GET.get("subject"):
        about = named(Subject.objects.visible_to(actor), read_id(Subject.PREFIX, shown))
        rows = rows.filter(subject=about)
    rows = rows.exclude(state=ClaimState.DISPUTED) if ended else rows.open()
    found, after = part_of(rows, PAGE, after=request.GET.get("after", ""), newest_first=ended)
    context = {
        "page": "claims",
        "ended": ended,
        "about": about,
        "claims": [_told(actor, each) for each in found],
        "after": after,
        "may_claim": actor.may(WRITE),
    }
    return render(request, "claims/claims.html", context)


@require_GET
def claim(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """One claim and all that was said about it, with what may be done next."""
    actor.require(READ)
    found = _found(actor, shown)
    return render(request, "claims/claim.html", _story(actor, found))


@require_http_methods(["GET", "POST"])
def contest(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """What an owner says against a claim; and saying it."""
    actor.require(WRITE)
    found = _found(actor, shown)
    form = Form(request.POST)
    if request.method == "POST":
        with form.trying():
            body = {"statement": _lines(form.said.get("statement", ""))}
            said = form.read(ContestShape, body)
            answering.contest_claim(
                actor=actor, now=timezone.now(), claim=found, statement=said["statement"]
            )
            messages.success(request, "You have contested it. The house decides.")
            return redirect("portal:claim", shown)
    context = {**_story(actor, found), "form": form, "longest": LONGEST}
    return render(request, "claims/contest.html", context, status=form.status)


@require_http_methods(["GET", "POST"])
def concede(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """What conceding a claim means, to be confirmed; and conceding it."""
    actor.require(WRITE)
    found = _found(actor, shown)
    if request.method == "GET":
        return render(request, "claims/concede.html", _story(actor, found))
    done = "You have conceded it. Your rules speak again; who owns it has not changed yet."
    return _end(request, partial(answering.concede_claim, actor=actor, claim=found), done)


@require_http_methods(["GET", "POST"])
def withdraw(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """What withdrawing a claim means, to be confirmed; and withdrawing it."""
    actor.require(WRITE)
    found = _found(actor, shown)
    if request.method == "GET":
        return render(request, "claims/withdraw.html", _story(actor, found))
    verb = partial(answering.withdraw_claim, actor=actor, claim=found)
    return _end(request, verb, "Your claim is withdrawn.")


@require_http_methods(["GET", "POST"])
def new_claim(request: HttpRequest, actor: Actor) -> HttpResponse:
    """A claim to be filed: written, shown with what it does, and filed once that is confirmed."""
    actor.require(WRITE)
    form = Form(request.POST if request.method == "POST" else request.GET)
    confirmed = "confirmed" in request.POST
    filed = None
    if request.method == "POST" and "change" not in request.POST:
        with form.trying(), transaction.atomic():
            filed = _file(actor, form)
            # Tried first, so that what is refused is said before anything is confirmed.
            transaction.set_rollback(not confirmed)
    if filed is not None and confirmed:
        messages.success(request, f"You claim {filed.subject.name}. It is disputed now.")
        return redirect("portal:claim", filed.shown_id)
    if filed is not None:
        context = {"page": "claims", "claim": filed, "where": _where(filed)}
        return render(request, "claims/new_confirm.html", context)
    context = {
        "page": "claims",
        "form": form,
        "holders": RightsHolder.objects.visible_to(actor).order_by("name")[:MOST_LISTED],
        "territories": sorted(NAMES.items(), key=lambda each: each[1]),
        "longest": LONGEST,
        "most": MOST_OPEN,
    }
    return render(request, "claims/new_claim.html", context, status=form.status)


def _file(actor: Actor, form: Form) -> Claim:
    """The claim that the form says. Raises what `Form.trying` keeps."""
    body: dict[str, Any] = {
        "claimant": form.said.get("claimant", ""),
        "subject": _subject_id(actor, form.said.get("subject", "")),
        "statement": _lines(form.said.get("statement", "")),
    }
    if form.said.get("territory"):
        body["territory"] = form.said["territory"]
    said = form.read(NewClaimShape, body)
    subjects = Subject.objects.filter(holder__organisation__mode=actor.mode)
    return file_claim(
        actor=actor,
        now=timezone.now(),
        claimant=form.find(RightsHolder.objects.visible_to(actor), said["claimant"], "/claimant"),
        subject=form.find(subjects, said["subject"], "/subject"),
        statement=said["statement"],
        territory=said["territory"] or "",
    )


def _subject_id(actor: Actor, text: str) -> str:
    """The id of the one subject of exactly this name; an id stays what it is. Raises Invalid."""
    text = text.strip()
    if not text:
        raise Invalid("This is missing.", pointer="/subject")
    if text.startswith(f"{Subject.PREFIX}_"):
        return text
    rows = Subject.objects.filter(
        name=search_words(text)[:LONGEST_NAME], holder__organisation__mode=actor.mode
    )
    found = list(rows[:2])
    if not found:
        raise Invalid("Nothing of exactly this name is registered.", pointer="/subject")
    if len(found) > 1:
        raise Invalid("Several have this name. Give the id of one.", pointer="/subject")
    return found[0].shown_id


def _end(request: HttpRequest, verb: partial[Claim], done: str) -> HttpResponse:
    """Ends a claim by `verb`, or says why not."""
    try:
        found = verb(now=timezone.now())
    except ClaimEnded as refusal:
        messages.error(request, f"Nothing has changed. {refusal.detail}")
        found = verb.keywords["claim"]
    else:
        messages.success(request, done)
    return redirect("portal:claim", found.shown_id)


def _rows(actor: Actor) -> ClaimQuerySet:
    return Claim.objects.visible_to(actor).select_related(
        "subject__holder", "claimant", "contested_for", "conceded_for"
    )


def _found(actor: Actor, shown: str) -> Claim:
    found: Claim = named(_rows(actor), read_id(Claim.PREFIX, shown))
    return found


def _told(actor: Actor, each: Claim) -> Context:
    """A claim as its line and its page tell of it."""
    return {
        "claim": each,
        "mine": each.claimant.organisation_id == actor.tenant,
        "where": _where(each),
    }


def _where(each: Claim) -> str:
    """Where it is claimed, to be read after the subject's name."""
    return f"in {NAMES.get(each.territory, each.territory)}" if each.territory else "everywhere"


def _story(actor: Actor, found: Claim) -> Mapping[str, Any]:
    told = _told(actor, found)
    is_open = found.state == ClaimState.DISPUTED
    may = actor.may(WRITE)
    answers = answering.may_answer(actor, found, timezone.now())
    registered = found.subject.holder.organisation_id == actor.tenant
    won = found.state in (ClaimState.CONCEDED, ClaimState.UPHELD)
    return {
        **told,
        "page": "claims",
        "open": is_open,
        "may_contest": may and is_open and answers and found.contested_at is None,
        "may_concede": may and is_open and answers,
        "may_withdraw": may and is_open and told["mine"],
        "looks_only": is_open and (answers or told["mine"]) and not may,
        "won": won,
        "may_record": won and registered and actor.may("catalog:write"),
    }


def _lines(text: str) -> str:
    """A text as a browser sends it, with the line ends that are kept and counted."""
    return text.replace("\r\n", "\n")


ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    ("claims", claims, "claims"),
    ("claims/new", new_claim, "new-claim"),
    ("claims/<str:shown>", claim, "claim"),
    ("claims/<str:shown>/contest", contest, "claim-contest"),
    ("claims/<str:shown>/concede", concede, "claim-concede"),
    ("claims/<str:shown>/withdraw", withdraw, "claim-withdraw"),
)
