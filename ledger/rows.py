"""What every table of ours begins with: a time-ordered id that is shown with a prefix."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from ledger import ids
from ledger.ids import new_id


class Identified(models.Model):
    """A row with a time-ordered id that is shown with a prefix."""

    PREFIX: ClassVar[str]

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True

    @property
    def shown_id(self) -> str:
        """The id as it stands in URLs and documents."""
        return ids.show(self.PREFIX, self.pk)
