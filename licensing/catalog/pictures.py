"""Pictures of subjects and properties: one each, replaced or taken away by who registered it."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.db import transaction

from ledger.actor import Actor
from ledger.errors import NotFound
from licensing.access import audit
from licensing.catalog.imaging import draw
from licensing.catalog.models import Picture, Property, Subject
from licensing.catalog.ownership import NotTheRegistrant


@transaction.atomic
def set_picture(*, actor: Actor, now: datetime, of: Subject | Property, sent: bytes) -> Picture:
    """The picture of `of` from now on, made from the file in `sent`.

    Raises ScopeMissing, NotFound, NotTheRegistrant, BadPicture, PictureTooLarge.
    """
    actor.require("catalog:write")
    found = _locked(actor, of)
    drawn = draw(sent, side=Picture.LONGEST_SIDE, largest=Picture.LARGEST)
    digest = hashlib.sha256(drawn.data).digest()
    named = {"subject": found} if isinstance(found, Subject) else {"property": found}
    picture, _ = Picture.objects.update_or_create(
        **named,
        defaults={
            "data": drawn.data,
            "digest": digest,
            "width": drawn.width,
            "height": drawn.height,
            "sent_by": actor.label,
            "sent_at": now,
        },
    )
    _tell(actor, now, "picture.set", found, digest=digest.hex(), size=len(drawn.data))
    return picture


@transaction.atomic
def remove_picture(*, actor: Actor, now: datetime, of: Subject | Property) -> None:
    """Takes the picture of `of` away; it does no harm if there is none.

    Raises ScopeMissing, NotFound, NotTheRegistrant.
    """
    actor.require("catalog:write")
    found = _locked(actor, of)
    named = {"subject": found} if isinstance(found, Subject) else {"property": found}
    gone, _ = Picture.objects.filter(**named).delete()
    if gone:
        _tell(actor, now, "picture.remove", found)


def _locked(actor: Actor, of: Subject | Property) -> Subject | Property:
    """The thing, locked so that its picture changes once at a time."""
    rows = type(of)._default_manager.visible_to(actor)
    found: Subject | Property | None = (
        rows.select_related("holder").select_for_update(of=("self",), no_key=True).filter(pk=of.pk)
    ).first()
    if found is None:
        raise NotFound
    if not actor.is_house and found.holder.organisation_id != actor.tenant:
        raise NotTheRegistrant("Only who registered it, or the house, changes its picture.")
    return found


def _tell(actor: Actor, now: datetime, verb: str, of: Subject | Property, **detail: object) -> None:
    audit.record(
        actor=actor,
        now=now,
        verb=verb,
        thing=of.shown_id,
        organisation_id=of.holder.organisation_id,
        detail=detail,
    )
