"""The states that things of consent are in, and the only moves there are between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db import models


class VersionState(models.TextChoices):
    """Where a rule's version stands."""

    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    SUPERSEDED = "superseded", "Superseded"
    REVOKED = "revoked", "Revoked"


# The only moves there are; the database's trigger knows the same table.
VERSION_MOVES: Final[Mapping[str, frozenset[str]]] = {
    VersionState.DRAFT: frozenset({VersionState.PUBLISHED}),
    VersionState.PUBLISHED: frozenset({VersionState.SUPERSEDED, VersionState.REVOKED}),
    VersionState.SUPERSEDED: frozenset(),
    VersionState.REVOKED: frozenset(),
}


class Outcome(models.TextChoices):
    """What a consent check was answered."""

    ALLOW = "allow", "Allow"
    DENY = "deny", "Deny"
    NEEDS_APPROVAL = "needs_approval", "Needs approval"


class KeyState(models.TextChoices):
    """Where a signing key stands. `next` is published ahead, so that verifiers know it in time."""

    NEXT = "next", "Next"
    CURRENT = "current", "Current"
    RETIRED = "retired", "Retired"


class ApprovalState(models.TextChoices):
    """Where a request for approval stands."""

    OPEN = "open", "Open"
    APPROVED = "approved", "Approved"
    REFUSED = "refused", "Refused"


# Answered once and for all.
APPROVAL_MOVES: Final[Mapping[str, frozenset[str]]] = {
    ApprovalState.OPEN: frozenset({ApprovalState.APPROVED, ApprovalState.REFUSED}),
    ApprovalState.APPROVED: frozenset(),
    ApprovalState.REFUSED: frozenset(),
}
