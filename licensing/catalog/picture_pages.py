"""The portal's pictures of subjects and properties: shown, sent and taken away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from ledger.actor import Actor
from ledger.errors import Invalid, NotFound
from ledger.windows import named, read_id
from licensing.catalog import pictures
from licensing.catalog.imaging import LARGEST_SENT, PictureTooLarge
from licensing.catalog.models import Picture, Property, Subject
from licensing.catalog.picture_answers import answer_with


@require_http_methods(["GET", "POST"])
def picture(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """The picture of a subject or property by its id; or another one in its place."""
    actor.require("catalog:read")
    prefix = shown.partition("_")[0]
    if prefix not in (Subject.PREFIX, Property.PREFIX):
        raise NotFound
    key = read_id(prefix, shown)
    if request.method == "POST":
        rows: Any = Subject.objects if prefix == Subject.PREFIX else Property.objects
        return _change(request, actor, named(rows.visible_to(actor), key))
    rows = Picture.objects.visible_to(actor).filter(Q(subject=key) | Q(property=key))
    found: Picture | None = rows.defer("data").first()
    if found is None:
        raise NotFound
    return answer_with(request, found)


def _change(request: HttpRequest, actor: Actor, of: Subject | Property) -> HttpResponse:
    now = timezone.now()
    if "remove" in request.POST:
        pictures.remove_picture(actor=actor, now=now, of=of)
        messages.success(request, "The picture is gone.")
    else:
        sent = request.FILES.get("picture")
        try:
            if sent is None:
                raise Invalid("Choose a file first.")
            if sent.size is None or sent.size > LARGEST_SENT:
                raise PictureTooLarge
            pictures.set_picture(actor=actor, now=now, of=of, sent=sent.read())
        except Invalid as refusal:
            messages.error(request, f"Nothing was saved. {refusal.detail}")
        else:
            messages.success(request, "The picture is saved.")
    return redirect("portal:subject" if isinstance(of, Subject) else "portal:property", of.shown_id)


ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    ("catalogue/pictures/<str:shown>", picture, "picture"),
)
