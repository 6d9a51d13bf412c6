"""The desk of a member of the house in the admin: the rows it may look at, and the steps it may take.

A step is taken in two moves. The first shows what it does, in money if it moves any; the second takes
it, on exactly what was seen. It is offered to those who may take it, and a row says to everybody who
they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, ClassVar, Final, Generic, TypeVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action, display

from ledger.actor import Actor
from ledger.errors import DomainError, Invalid, NotAllowed
from ledger.panel import ReadOnly, ReadOnlyAdmin
from ledger.staff import colleagues, may, staff_actor

Row = TypeVar("Row", bound=Model)
_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the person who confirms a step saw, by its content hash, and why they take it, if asked."""

    content_hash: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Generic[Row]):
    """A step with a row: its button, the question, its effect in words, and the verb.

    The verb takes the actor, the moment, the row and what was seen. If it gives an answer, such as a
    file, that is what the person gets.
    """

    button: str
    icon: str
    question: str
    effect: str
    yes: str
    done: str
    # The states in which there is something to take, and the scopes of which any one will do.
    states: frozenset[str]
    scopes: frozenset[str]
    verb: Callable[[Actor, datetime, Row, Seen], object]
    # Whether it asks why, in words that are kept.
    asks_why: bool = False
    # Whoever else may not take it, such as the one who prepared what is to be approved.
    not_by: Callable[[Actor, Row], bool] = lambda actor, row: False

    def open_to(self, actor: Actor, row: Row) -> bool:
        """Whether this person may take it. The verb asks again, and so does the database."""
        return any(actor.may(scope) for scope in self.scopes) and not self.not_by(actor, row)


class ReadByScope(ReadOnly):
    """For a list or an inline: rows that change by verbs alone, seen by whoever of the house carries
    the scope `reads`."""

    reads: ClassVar[str]

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        seen = super().has_view_permission(request, obj)  # type: ignore[misc]
        return seen or may(request, self.reads)

    def has_module_permission(self, request: HttpRequest) -> bool:
        seen = super().has_module_permission(request)  # type: ignore[misc]
        return seen or may(request, self.reads)


class DeskAdmin(ReadByScope, ReadOnlyAdmin):
    """Rows to look at, each with its steps if there are `steps`.

    A row that has steps has a `state` and a `content_hash_hex`; `mode_of` and `money_of` name the
    attributes with its mode and with the money a step is about, if it is about any.
    """

    steps: ClassVar[Mapping[str, Step[Any]]] = {}
    step_template: ClassVar[str]
    mode_of: ClassVar[str] = "mode"
    money_of: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        """Each step gets its button, at the address of its name."""
        super().__init_subclass__()
        for name, step in cls.steps.items():
            setattr(cls, name, _button(name, step))
        if cls.steps:
            cls.actions_detail = tuple(cls.steps)

    def beside(self, row: Any) -> dict[str, Any]:
        """What the page of a step shows besides the row."""
        return {}

    def taken(self, row: Any) -> None:
        """What happens after a step was taken, such as a bell."""

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Only the steps that the row's state permits, to those who may take them."""
        buttons = super().get_actions_detail(request, object_id)
        row = self.get_object(request, str(object_id)) if self.steps else None
        if row is None:
            return [] if self.steps else buttons
        offered = {name for name, step in self._possible(row) if self._open(request, step, row)}
        return [each for each in buttons if each.action_name.rsplit("_", 1)[-1] in offered]

    @display(description="next step")
    def next_step(self, row: Any) -> str:
        """Who may take each step that the row's state permits."""
        people = colleagues(attrgetter(self.mode_of)(row)) if row.pk else ()
        return " · ".join(
            f"{step.button}: {_names([it for it in people if step.open_to(it, row)])}"
            for _, step in self._possible(row)
        )

    def take(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Shows what the step does; takes it when that is confirmed."""
        row: Any = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        step, refusal, status = self.steps[name], "", 200
        mode = attrgetter(self.mode_of)(row)
        back = reverse(
            f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id]
        )
        if request.method == "POST":
            seen = Seen(
                content_hash=request.POST.get("content_hash", ""), why=request.POST.get("why", "")
            )
            try:
                if step.asks_why and not seen.why.strip():
                    raise Invalid("Say why: the words are kept.", pointer="/why")
                answer = step.verb(staff_actor(request, mode), timezone.now(), row, seen)
            except DomainError as refused:
                refusal, status = told(refused), status_of(refused)
                row.refresh_from_db()
            else:
                self.taken(row)
                if isinstance(answer, HttpResponse):
                    return answer
                money = self._money(row)
                of = f" ({money.shown})" if money is not None else ""
                messages.success(request, f"{row.shown_id}{of} {step.done}.")
                return redirect(back)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(self.opts.verbose_name).capitalize(),
            "row": row,
            "money": self._money(row),
            "step": step,
            "offered": self._open(request, step, row),
            "next_step": self.next_step(row),
            "refusal": refusal,
            "why": request.POST.get("why", ""),
            "back": back,
            **self.beside(row),
        }
        return TemplateResponse(request, self.step_template, context, status=status)

    def _money(self, row: Any) -> Any:
        """What a step is about in money; None if it is about none."""
        return attrgetter(self.money_of)(row) if self.money_of else None

    def _possible(self, row: Any) -> list[tuple[str, Step[Any]]]:
        return [(name, step) for name, step in self.steps.items() if row.state in step.states]

    def _open(self, request: HttpRequest, step: Step[Any], row: Any) -> bool:
        actor = staff_actor(request, attrgetter(self.mode_of)(row))
        return row.state in step.states and step.open_to(actor, row)


def told(refusal: DomainError) -> str:
    """A refusal with each of its faults, for a person."""
    return " ".join(dict.fromkeys((refusal.detail, *(each.detail for each in refusal.faults))))


def status_of(refusal: DomainError) -> int:
    """The status of a page that tells of a refusal."""
    if isinstance(refusal, NotAllowed):
        return 403
    return 422 if isinstance(refusal, Invalid) else 409


def _button(name: str, step: Step[Any]) -> Any:
    def press(admin: DeskAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
        return admin.take(request, object_id, name)

    # The theme finds an action by the name of its function.
    press.__name__ = name
    return action(description=step.button, url_path=name, icon=step.icon)(press)


def _names(people: list[Actor]) -> str:
    """Some names, or that there are none."""
    if not people:
        return "nobody at present"
    more = len(people) - _NAMED
    return ", ".join(it.label for it in people[:_NAMED]) + (f" and {more} more" if more > 0 else "")
