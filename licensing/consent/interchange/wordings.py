"""One version of a rule as it is handed on, and the pointers to what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from licensing.consent.interchange.vocabulary import THINGS

# Fields of which each member says something of its own.
_OPENED: Final = ("actions", "window", "content", "co_appearance", "quotas", "obligations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One version of a rule. `body` is canonical.

    `scope` is the id of a subject or a property, or empty over all the holder has; ids are as they
    are shown. `published` is RFC 3339, if it was. `address` is where what the rule is about is
    published, if that was said; `ask_at` is where consent is asked for.
    """

    version: str
    rule: str
    holder: str
    scope: str
    name: str
    body: Mapping[str, Any]
    published: str = ""
    address: str = ""
    ask_at: str = ""

    @property
    def about(self) -> str:
        """The IRI of what the rule is about."""
        return THINGS + (self.scope or self.holder)


def pointers(body: Mapping[str, Any], *, but: Iterable[str] = ()) -> tuple[str, ...]:
    """JSON pointers to everything a body says, without the fields in `but`, in their order."""
    found = []
    for field in sorted(set(body).difference(but)):
        inner = body[field]
        if field not in _OPENED:
            found.append(f"/{field}")
        elif isinstance(inner, Mapping):
            found += [f"/{field}/{name}" for name in inner]
        else:
            found += [f"/{field}/{place}" for place in range(len(inner))]
    return tuple(found)


def unsaid_actions(body: Mapping[str, Any], known: Iterable[str]) -> tuple[str, ...]:
    """Pointers to the actions that are none of `known`; to all of them if the rule is for any."""
    if "actions" not in body:
        return ("/actions",)
    names = set(known)
    return tuple(
        f"/actions/{place}" for place, name in enumerate(body["actions"]) if name not in names
    )
