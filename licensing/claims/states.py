"""The states that a claim is in, and the only moves there are between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db.models import TextChoices


class ClaimState(TextChoices):
    """Where a claim stands. Only a disputed one stops anything."""

    DISPUTED = "disputed", "Disputed"
    WITHDRAWN = "withdrawn", "Withdrawn"
    CONCEDED = "conceded", "Conceded"
    UPHELD = "upheld", "Upheld"
    REJECTED = "rejected", "Rejected"


# A claim ends once; the database's trigger knows the same table.
CLAIM_MOVES: Final[Mapping[str, frozenset[str]]] = {
    ClaimState.DISPUTED: frozenset(
        {ClaimState.WITHDRAWN, ClaimState.CONCEDED, ClaimState.UPHELD, ClaimState.REJECTED}
    ),
    ClaimState.WITHDRAWN: frozenset(),
    ClaimState.CONCEDED: frozenset(),
    ClaimState.UPHELD: frozenset(),
    ClaimState.REJECTED: frozenset(),
}
# What the house may decide.
RESOLUTIONS: Final = (ClaimState.UPHELD, ClaimState.REJECTED)
