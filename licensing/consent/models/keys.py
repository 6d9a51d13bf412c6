"""The keys that sign receipts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from licensing.consent.states import KeyState


class SigningKey(models.Model):
    """An Ed25519 key that signs receipts. The private half is kept encrypted."""

    # The key's thumbprint (RFC 7638).
    kid = models.CharField(primary_key=True, max_length=43)
    # The public half, base64url as in a JWK.
    public_x = models.CharField(max_length=43)
    private_encrypted = models.BinaryField()
    state = models.CharField(max_length=8, choices=KeyState.choices)
    created_at = models.DateTimeField()
    current_from = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(state__in=KeyState.values), name="signing_key_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state="retired", retired_at__isnull=False)
                | (~Q(state="retired") & Q(retired_at=None)),
                name="signing_key_retired_whole",
            ),
            models.UniqueConstraint(
                fields=["state"],
                condition=Q(state__in=["next", "current"]),
                name="signing_key_one_current_one_next",
            ),
        ]

    def __str__(self) -> str:
        return self.kid
