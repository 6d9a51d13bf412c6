"""What a simulation reads: the subjects a rule can concern, and what was asked about them.

Every query here is a set, and none grows with what lies outside the window but for the requests
about the same subjects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db import connection, transaction

from ledger import ids, prepared
from ledger.errors import Refused
from licensing.consent.engine import words
from licensing.consent.models import ConsentRule, RuleVersion
from licensing.consent.standing import stand

# How many requests one simulation replays.
MOST_REQUESTS: Final = 2_000_000
_AT_A_TIME: Final = 1000
_ID: Final = 16


class TooManyRequests(Refused):
    """The window holds more than 2,000,000 requests: take a shorter one."""

    code = "too_many_requests"


# Reads the subjects in a rule's scope that its holder owns or has owned a share of, anywhere, or
# consents for.
_CANDIDATES: Final = """
WITH RECURSIVE below AS (
    SELECT p.id FROM catalog_property p WHERE p.id = %(property)s
    UNION ALL
    SELECT p.id FROM below JOIN catalog_property p ON p.parent_id = below.id
)
SELECT s.id FROM catalog_subject s
WHERE (%(subject)s::uuid IS NULL OR s.id = %(subject)s)
  AND (%(property)s::uuid IS NULL OR s.property_id IN (SELECT id FROM below))
  AND (s.consenting_holder_id = %(holder)s OR s.id IN (
      SELECT st.subject_id FROM catalog_ownershipshare share
      JOIN catalog_ownershipstep st ON st.id = share.step_id
      WHERE share.holder_id = %(holder)s))
ORDER BY s.id
"""

# Reads the ids of what was asked about %(subjects)s in the window, newest first, as one string of
# 16 bytes each. A request that was granted after approval is there as the grant, and not once more
# as the question that led to it.
_WORKLIST: Final = """
SELECT string_agg(uuid_send(id), ''::bytea ORDER BY id DESC) FROM (
    SELECT c.id FROM consent_consentcheck c
    WHERE c.subject_ids && %(subjects)s::text[]::uuid[]
      AND c.issued_at >= %(from)s AND c.issued_at < %(to)s
      AND (%(before)s::uuid IS NULL OR c.id < %(before)s)
      AND (c.outcome <> 'needs_approval'
           OR NOT EXISTS (SELECT FROM consent_consentcheck g WHERE g.approves_id = c.id))
    LIMIT %(most)s) found
"""

# Reads of each check all that its replay hangs on, as one text: requests of which it is the same
# are alike. The epochs matter only where a prompt was searched for the words forbidden in them.
_CHECKS: Final = """
SELECT c.id, jsonb_build_array(
           r.request - 'at', to_jsonb(c.subject_ids), c.generations, c.outcome, c.price,
           f.facts -> 'approved',
           CASE WHEN r.request ? 'words' THEN f.facts -> 'epochs' END)::text
FROM consent_consentcheck c
CROSS JOIN LATERAL (SELECT c.facts || '{}'::jsonb AS facts OFFSET 0) f
CROSS JOIN LATERAL (SELECT f.facts -> 'request' AS request OFFSET 0) r
WHERE c.id = ANY(%(ids)s::text[]::uuid[])
ORDER BY c.id DESC
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a recorded check says that its replay hangs on."""

    request: Mapping[str, Any]
    # As the database writes them.
    subjects: tuple[str, ...]
    generations: int
    outcome: str
    price: Mapping[str, Any]
    approved: frozenset[str]
    epochs: Mapping[str, int]


def concerned(*, rule: ConsentRule, now: datetime) -> dict[str, str]:
    """The subjects in the rule's scope that need its holder's consent somewhere: as they are shown
    by what the database writes."""
    terms = {"holder": rule.holder_id, "property": rule.property_id, "subject": rule.subject_id}
    candidates = [row[0] for row in prepared.rows(_CANDIDATES, terms)]
    found = {}
    for place in range(0, len(candidates), _AT_A_TIME):
        standing = stand(subjects=candidates[place : place + _AT_A_TIME], now=now)
        for subject in standing.subjects.values():
            if rule.holder_id in subject.consenting(None):
                found[str(subject.id)] = subject.chain[0]
    return found


@dataclass(frozen=True, slots=True)
class Worklist:
    """The ids of the checks still to be replayed, newest first, 16 bytes each."""

    packed: bytes

    def __len__(self) -> int:
        return len(self.packed) // _ID

    def chunks(self, size: int) -> Iterator[list[str]]:
        """The ids in hexadecimal, at most `size` at a time."""
        digits = 2 * _ID
        for start in range(0, len(self.packed), size * _ID):
            part = self.packed[start : start + size * _ID].hex()
            yield [part[place : place + digits] for place in range(0, len(part), digits)]


def worklist(
    *,
    subjects: Sequence[str],
    window_from: datetime,
    window_to: datetime,
    before: UUID | None,
) -> Worklist:
    """What was asked about `subjects` in the window, and is older than `before`.

    Raises TooManyRequests.
    """
    terms: dict[str, Any] = {
        "subjects": list(subjects),
        "from": window_from,
        "to": window_to,
        "before": before,
        "most": MOST_REQUESTS + 1,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        # As long as a worker may take, also where a command does the worker's work.
        cursor.execute("SET LOCAL statement_timeout = '45s'")
        cursor.execute(_WORKLIST, terms)
        row = cursor.fetchone()
    found = Worklist(bytes(row[0] or b"") if row else b"")
    if len(found) > MOST_REQUESTS:
        raise TooManyRequests
    return found


def read_checks(checks: Sequence[str]) -> list[tuple[UUID, str]]:
    """Each check with the text that its replay hangs on (see `read_stored`), newest first."""
    return prepared.rows(_CHECKS, {"ids": list(checks)})


def read_stored(text: str) -> Stored:
    """What such a text says."""
    request, subjects, generations, outcome, price, approved, epochs = msgspec.json.decode(text)
    return Stored(
        request=request,
        subjects=tuple(subjects),
        generations=generations or 1,
        outcome=outcome,
        price=price,
        approved=frozenset(approved or ()),
        epochs=epochs or {},
    )


class Searched:
    """Which words prompts were searched for: by holder, what was forbidden in which epoch."""

    def __init__(self) -> None:
        self._said: dict[str, list[tuple[int, int | None, frozenset[str]]]] = {}
        self._found: dict[tuple[str, int], frozenset[str]] = {}

    def words(self, holder: str, epoch: int) -> frozenset[str]:
        """All the words that some rule of the holder forbade in that epoch."""
        place = (holder, epoch)
        if place not in self._found:
            if holder not in self._said:
                self._said[holder] = _forbidden(ids.read("hld", holder))
            self._found[place] = frozenset[str]().union(
                *(
                    forbidden
                    for begun, ended, forbidden in self._said[holder]
                    if begun <= epoch and (ended is None or ended > epoch)
                )
            )
        return self._found[place]


def _forbidden(holder_id: UUID) -> list[tuple[int, int | None, frozenset[str]]]:
    """Every version that forbade words, with the epochs it was in force from and to."""
    rows = RuleVersion.objects.filter(
        holder_id=holder_id, published_epoch__isnull=False, body__has_key="forbidden_words"
    ).values_list("published_epoch", "ended_epoch", "body__forbidden_words")
    return [
        (begun, ended, frozenset(map(words.fold, forbidden)))
        for begun, ended, forbidden in rows
        if begun is not None
    ]
