"""Settlement's tables: runs with their parts and inputs, and the royalties that come of them.

What Django has no word for stands in the migration `0002_guards`: the legal moves, what is frozen
once it is approved, the append-only tables, and the view behind `Earning`; and in
`0005_settled_time`,
what keeps what has been priced from being priced otherwise.
"""

from licensing.settlement.models.grounds import Ground
from licensing.settlement.models.royalties import (
    Earning,
    RoyaltyLine,
    RunShare,
    RunShareQuerySet,
    RunTotal,
)
from licensing.settlement.models.runs import (
    Restatement,
    Run,
    RunPart,
    SettlementInput,
    UnknownParent,
)

__all__ = [
    "Earning",
    "Ground",
    "Restatement",
    "RoyaltyLine",
    "Run",
    "RunPart",
    "RunShare",
    "RunShareQuerySet",
    "RunTotal",
    "SettlementInput",
    "UnknownParent",
]
