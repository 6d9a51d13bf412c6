"""Bundles: all that one platform may do, read in one go and signed as receipts are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection

from ledger import ids
from ledger.errors import Refused
from licensing.catalog.models import OwnershipStep, Platform, Subject
from licensing.claims import disputes
from licensing.consent import keys, receipts
from licensing.consent.engine import bundling, offline
from licensing.consent.engine.bodies import canonical
from licensing.consent.models import RuleVersion
from licensing.consent.standing import Standing, shown, stand

# How long a bundle may be decided by. A revocation reaches who does not listen no later than this.
LIFE: Final = timedelta(minutes=15)
# A copy that has longer to live than this need not be issued anew.
FRESH: Final = LIFE / 2
MOST_SUBJECTS: Final = 100_000
_SECONDS: Final = re.compile(r"[0-9]{1,12}\Z", re.ASCII)

# One number for what stands: it is another whenever a holder's word, a subject, an ownership step or
# a claim was added or changed. Of words the sum, for epochs are drawn before they are committed, so that
# the largest need not be the latest; of the others, which are only ever added, how many there are.
_STAMP: Final = f"""
SELECT (SELECT COALESCE(sum(value), 0) FROM consent_consentepoch),
       (SELECT count(*) FROM catalog_subject), (SELECT count(*) FROM catalog_ownershipstep),
       {disputes.STAMP}
"""  # noqa: S608 - of constants


class BundleTooLarge(Refused):
    """There are more subjects than a bundle holds: ask online."""

    code = "bundle_too_large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle ready to be handed out: the compact JWS, and what its claims say of itself."""

    compact: str
    version: str
    issued_at: datetime
    expires_at: datetime

    @property
    def etag(self) -> str:
        """Names what it says, and until when."""
        return f'"{self.version}.{int(self.expires_at.timestamp())}"'


def is_fresh(etag: str, content: Content, *, now: datetime) -> bool:
    """Whether the bundle of that ETag says the same as `content`, and has long enough to live."""
    version, _, expires = etag.strip('"').partition(".")
    if version != content.version or not _SECONDS.match(expires):
        return False
    left = int(expires) - now.timestamp()
    return FRESH.total_seconds() < left <= LIFE.total_seconds()


Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a bundle says, and the version of that."""

    version: str
    said: Mapping[str, Any]


def stamp() -> Stamp:
    """What stands now, as numbers to compare: cheap enough to look at twice a second."""
    with connection.cursor() as cursor:
        cursor.execute(_STAMP)
        row = cursor.fetchone()
    assert row is not None
    return tuple(map(int, row))


def content_of(*, platform: Platform, mode: str, now: datetime) -> Content:
    """Everything in force that concerns `platform`, read as a check reads it: every change that was
    committed before this began is in it. A subject with an open claim is left out, so that it is
    asked about online. Raises BundleTooLarge."""
    subjects = Subject.objects.filter(holder__organisation__mode=mode).order_by("pk")
    wanted = list(subjects.values_list("pk", flat=True)[: MOST_SUBJECTS + 1])
    if len(wanted) > MOST_SUBJECTS:
        raise BundleTooLarge
    standing = stand(subjects=wanted, now=now)
    said = bundling.content(
        platform=platform.shown_id,
        mode=mode,
        subjects=(
            (
                subject.chain,
                {
                    territory: [shown("hld", holder) for holder in holders]
                    for territory, holders in subject.owners.items()
                },
            )
            for subject in standing.subjects.values()
            if not subject.disputed
        ),
        voices=_voices(standing),
    )
    return Content(version=bundling.version_of(said), said=said)


def issue(content: Content, *, now: datetime) -> Bundle:
    """Signs `content` for the time it may be decided by."""
    key = keys.current(now=now)
    issued = now.replace(microsecond=0)
    expires = min(issued + LIFE, _next_owners(now) or issued + LIFE)
    claims = {
        "iss": settings.BASE_URL,
        "iat": int(issued.timestamp()),
        "exp": int(expires.timestamp()),
        "version": content.version,
        **content.said,
    }
    compact = receipts.sign(claims, kid=key.kid, key=keys.private_key(key.kid), kind=offline.TYPE)
    return Bundle(compact=compact, version=content.version, issued_at=issued, expires_at=expires)


def _voices(standing: Standing) -> list[bundling.Voice]:
    """The words of all holders with the bodies of their versions, which never change."""
    versions = [
        ids.read("rlv", rule.version)
        for word in standing.words.values()
        for rule in word.book.rules
    ]
    rows = RuleVersion.objects.filter(pk__in=versions)
    bodies = {shown("rlv", pk): canonical(body) for pk, body in rows.values_list("pk", "body")}
    return [
        bundling.Voice(
            holder=word.holder,
            epoch=word.epoch,
            rules=[(rule, bodies[rule.version]) for rule in word.book.rules],
            switches=word.switches,
        )
        for word in standing.words.values()
    ]


def _next_owners(now: datetime) -> datetime | None:
    """The coming midnight, if anything has other owners from then on."""
    tomorrow = now.astimezone(UTC).date() + timedelta(days=1)
    if not OwnershipStep.objects.filter(effective_on=tomorrow).exists():
        return None
    return datetime.combine(tomorrow, time(), UTC)
