"""Consent's tables: rules and kill switches, durable decisions and approvals, signing keys.

What Django has no word for stands in the migrations: what never changes once it is published, decided
or ended, and that only a promise runs on.
"""

from licensing.consent.models.checks import (
    ApprovalRequest,
    ApprovalRequestQuerySet,
    ConsentCheck,
    ConsentCheckQuerySet,
)
from licensing.consent.models.keys import (
    SigningKey,
)
from licensing.consent.models.rules import (
    ConsentEpoch,
    ConsentRule,
    ConsentRuleQuerySet,
    QuotaUse,
    Reliance,
    RuleVersion,
)
from licensing.consent.models.switches import (
    KillSwitch,
)

__all__ = [
    "ApprovalRequest",
    "ApprovalRequestQuerySet",
    "ConsentCheck",
    "ConsentCheckQuerySet",
    "ConsentEpoch",
    "ConsentRule",
    "ConsentRuleQuerySet",
    "KillSwitch",
    "QuotaUse",
    "Reliance",
    "RuleVersion",
    "SigningKey",
]
