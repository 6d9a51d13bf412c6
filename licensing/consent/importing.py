"""Rules of a policy that others wrote, drafted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from ledger.actor import Actor
from ledger.errors import Fault, Invalid
from licensing.catalog.models import RightsHolder
from licensing.consent import rules
from licensing.consent.models import ConsentRule


class PolicyRefused(Invalid):
    """The policy can be read, but it says what no rule may say."""

    code = "policy_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One rule to be drafted. `origins` has where each field of `body` stands in the policy, as
    JSON pointers."""

    holder: RightsHolder
    scope: rules.Scope
    name: str
    body: Mapping[str, Any]
    origins: Mapping[str, str]


def import_rules(*, actor: Actor, now: datetime, imports: Sequence[Import]) -> list[ConsentRule]:
    """Drafts all of `imports`, or none. They say nothing until they are published.

    Raises PolicyRefused, NotTheirs, TooManyRules.
    """
    made = []
    with transaction.atomic():
        for one in imports:
            try:
                rule = rules.create_rule(
                    actor=actor,
                    now=now,
                    holder=one.holder,
                    scope=one.scope,
                    name=one.name,
                    body=one.body,
                )
            except (rules.WindowEmpty, rules.Retroactive) as refusal:
                raise refused(refusal.faults, one.origins, under="/body") from refusal
            made.append(rule)
    return made


def refused(
    faults: Sequence[Fault], origins: Mapping[str, str], *, under: str = ""
) -> PolicyRefused:
    """The refusal of a body, told about the policy it was read from.

    `under` is what the pointers of `faults` begin with before the body's fields.
    """
    told = [
        Fault(
            pointer=_origin(fault.pointer.removeprefix(under), origins),
            code=fault.code,
            detail=fault.detail,
        )
        for fault in faults
    ]
    return PolicyRefused(told[0].detail if len(told) == 1 else None, faults=told)


def _origin(pointer: str, origins: Mapping[str, str]) -> str:
    """Where the field of a body, or the nearest one around it or in it, stands in the policy."""
    steps = pointer.split("/")
    for length in range(len(steps), 1, -1):
        outer = "/".join(steps[:length])
        for field, place in origins.items():
            if field == outer or field.startswith(f"{outer}/"):
                return f"/policy{place}"
    return "/policy"
