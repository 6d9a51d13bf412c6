"""Which role may do what: the one table of scopes.

A scope is `<topic>:<what>`. A person has the scopes of the role; an API key has those of them that
it was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db.models import TextChoices


class OrganisationKind(TextChoices):
    """What an organisation is to Assent."""

    HOUSE = "house", "The house (the company that runs Assent)"
    HOLDER = "holder", "Rights holder"
    PLATFORM = "platform", "Platform"


class Role(TextChoices):
    """What a member does for the organisation."""

    OWNER = "owner", "Owner"
    EDITOR = "editor", "Editor"
    ENGINEER = "engineer", "Engineer"
    PREPARER = "preparer", "Finance preparer"
    APPROVER = "approver", "Finance approver"
    AUDITOR = "auditor", "Auditor"


ROLES_OF_KIND: Final[Mapping[str, tuple[str, ...]]] = {
    OrganisationKind.HOLDER: (Role.OWNER, Role.EDITOR),
    OrganisationKind.PLATFORM: (Role.ENGINEER,),
    OrganisationKind.HOUSE: (Role.PREPARER, Role.APPROVER, Role.AUDITOR),
}

_HOLDER_READS = frozenset(
    {
        "catalog:read",
        "claims:read",
        "consent:read",
        "agreements:read",
        "usage:read",
        "earnings:read",
        "statements:read",
        "payouts:read",
        "books:read",
        "audit:read",
        "members:read",
        "keys:read",
        # One's own keys, with no more than one's own scopes.
        "keys:write",
    }
)
_HOUSE_READS = _HOLDER_READS | {"settlement:read"}

SCOPES_OF_ROLE: Final[Mapping[str, frozenset[str]]] = {
    Role.OWNER: _HOLDER_READS
    | {
        "catalog:write",
        "claims:write",
        "consent:write",
        "consent:publish",
        "parties:write",
        "members:write",
    },
    Role.EDITOR: _HOLDER_READS | {"catalog:write", "consent:write"},
    Role.ENGINEER: frozenset(
        {
            "catalog:read",
            "consent:check",
            "usage:write",
            "usage:read",
            "agreements:read",
            "books:read",
            "audit:read",
            "keys:read",
            "keys:write",
            "members:read",
            "members:write",
        }
    ),
    Role.PREPARER: _HOUSE_READS
    | {
        "catalog:write",
        "parties:write",
        "agreements:write",
        "settlement:prepare",
        "statements:issue",
        "payouts:prepare",
    },
    Role.APPROVER: _HOUSE_READS
    | {
        "claims:resolve",
        "settlement:approve",
        "payouts:approve",
        "books:close",
        "parties:write",
        "members:write",
    },
    Role.AUDITOR: _HOUSE_READS,
}

ALL_SCOPES: Final[frozenset[str]] = frozenset().union(*SCOPES_OF_ROLE.values())
