"""What rules, approvals and kill switches look like on the wire."""

from licensing.consent.windows.shapes.approvals import AnswerShape, ApprovalShape
from licensing.consent.windows.shapes.bodies import RuleBodyShape
from licensing.consent.windows.shapes.names import (
    ACTIONS,
    AUDIENCES,
    CODES,
    PURPOSES,
    AnyReference,
    Label,
    Language,
    Named,
    Phrase,
    Several,
)
from licensing.consent.windows.shapes.rules import (
    EndedShape,
    NewRuleShape,
    PublicationShape,
    RevocationShape,
    RuleEditShape,
    RuleShape,
    VersionShape,
)
from licensing.consent.windows.shapes.switches import NewSwitchShape, SwitchShape, ThrownShape

__all__ = [
    "ACTIONS",
    "AUDIENCES",
    "CODES",
    "PURPOSES",
    "AnswerShape",
    "AnyReference",
    "ApprovalShape",
    "EndedShape",
    "Label",
    "Language",
    "Named",
    "NewRuleShape",
    "NewSwitchShape",
    "Phrase",
    "PublicationShape",
    "RevocationShape",
    "RuleBodyShape",
    "RuleEditShape",
    "RuleShape",
    "Several",
    "SwitchShape",
    "ThrownShape",
    "VersionShape",
]
