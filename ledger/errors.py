"""The four kinds of refusal that every verb speaks in; only `config` knows what they are in HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with an input: where (a JSON pointer), a stable code, and a sentence."""

    pointer: str
    code: str
    detail: str


class DomainError(Exception):
    """Something the domain refuses."""

    code: ClassVar[str] = "refused"

    def __init__(
        self,
        detail: str | None = None,
        *,
        pointer: str | None = None,
        faults: Sequence[Fault] = (),
        retry_after: int | None = None,
    ) -> None:
        self.detail = detail or " ".join((type(self).__doc__ or "").split())
        if pointer is not None and not faults:
            faults = (Fault(pointer=pointer, code=self.code, detail=self.detail),)
        self.faults = tuple(faults)
        self.retry_after = retry_after
        super().__init__(self.detail)


class Malformed(DomainError):
    """The request cannot be read."""

    code = "malformed"


class Invalid(DomainError):
    """The request can be read, but it does not make sense."""

    code = "invalid"


class NotAllowed(DomainError):
    """You may not do this."""

    code = "not_allowed"


class NotFound(DomainError):
    """There is no such thing."""

    code = "not_found"


class Refused(DomainError):
    """The present state of things does not permit this."""

    code = "refused"


class IfMatchMissing(Refused):
    """Say which version you have seen with If-Match: the answer you read it in has its ETag."""

    code = "if_match_missing"


class Stale(Refused):
    """It has changed since you read it."""

    code = "stale"
