"""The answers already given, by idempotency key."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class IdempotentAnswer(models.Model):
    """The answer to a POST with an idempotency key, written in the transaction of its effect."""

    organisation_id = models.UUIDField()
    key = models.CharField(max_length=255)
    # SHA-256 over person, method, path, query and body.
    fingerprint = models.BinaryField(max_length=32)
    status = models.SmallIntegerField()
    content_type = models.CharField(max_length=100)
    location = models.CharField(max_length=300, blank=True)
    body = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organisation_id", "key"], name="idempotent_answer_once"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["created_at"], name="idempotent_answer_age"),
        ]

    def __str__(self) -> str:
        return f"{self.status} for {self.key}"
