"""Who is acting: what every verb records, and what every reading word asks before it shows a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from ledger.errors import NotAllowed

Mode = Literal["test", "live"]


class ScopeMissing(NotAllowed):
    """What you signed in with does not carry the scope for this."""

    code = "scope_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person, an API key or the system itself, with what it may do and whose rows it may see.

    `person_id` is the human answerable for the act: preparing and approving are compared by it,
    so that two keys of one person stay one person. `parties` are the ledger's party references
    (for instance `hld_…`) whose accounts it may see; the house sees every party of its mode.
    """

    kind: Literal["person", "key", "system"]
    label: str
    mode: Mode
    person_id: UUID | None = None
    key_id: UUID | None = None
    organisation_id: UUID | None = None
    organisation_kind: Literal["house", "holder", "platform", ""] = ""
    role: str = ""
    scopes: frozenset[str] = frozenset()
    parties: frozenset[str] = frozenset()
    request_id: str = ""

    @property
    def tenant(self) -> UUID:
        """Its organisation; the nil UUID, which is nobody's, if it has none."""
        return self.organisation_id or UUID(int=0)

    @property
    def is_house(self) -> bool:
        """Whether it belongs to the company that runs Assent, in this mode."""
        return self.organisation_kind == "house" or self.kind == "system"

    def may(self, scope: str) -> bool:
        """Whether it carries `scope`."""
        return self.kind == "system" or scope in self.scopes

    def require(self, scope: str) -> None:
        """Raises ScopeMissing unless it carries `scope`."""
        if not self.may(scope):
            raise ScopeMissing(f"This needs the scope {scope!r}.")


def system_actor(*, mode: Mode, label: str = "system") -> Actor:
    """The machine acting by itself: sweeps, Celery tasks."""
    return Actor(kind="system", label=label, mode=mode)
