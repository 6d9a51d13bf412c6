"""The waterfall of a rated run: totals rounded once, shares by largest remainder, and their hash.

A total's key is terms version, subject, ownership step and month of service: everything its fee
and its owners depend on. Lines are many and are added up by the database; totals are few and are
divided by `splits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import connection

from ledger.ids import new_id
from ledger.money import from_units
from licensing.catalog.models import OwnershipShare
from licensing.commerce.models import TermsVersion
from licensing.settlement.models import Run, RunShare, RunTotal
from licensing.settlement.refusals import PartsDoNotAddUp
from licensing.settlement.splits import FEE, SUSPENSE, Waterfall, owing, units_of
from licensing.settlement.states import SETTLED, PayeeKind

# Shares one posting part carries at most: most payees' are one part, and so one entry.
POST_ROWS: Final = 5_000

# Reads the run's priced lines and the totals of earlier settled runs under the same keys; answers
# each key with what this run adds to it and what there was before. Reads only.
_TOTALS: Final = """
SELECT n.terms_id, n.subject_id, n.step_id, n.month, n.gross, coalesce(b.gross, 0),
       n.gross + coalesce(b.gross, 0)
  FROM (
    SELECT terms_id, subject_id, step_id, date_trunc('month', service_day)::date AS month,
           sum(gross) AS gross
      FROM settlement_royaltyline
     WHERE run_id = %(run)s AND code IN ('ok', 'unowned')
     GROUP BY 1, 2, 3, 4
  ) n
  LEFT JOIN LATERAL (
    SELECT sum(t.gross) AS gross
      FROM settlement_runtotal t JOIN settlement_run r ON r.id = t.run_id
     WHERE t.subject_id = n.subject_id AND t.service_month = n.month
       AND t.terms_id = n.terms_id AND t.step_id IS NOT DISTINCT FROM n.step_id
       AND r.state = ANY(%(settled)s) AND r.id <> %(run)s
  ) b ON TRUE
 ORDER BY n.terms_id, n.subject_id, n.step_id, n.month
"""

# Reads what earlier settled runs have moved under the keys of this run's totals. Reads only.
_PAID: Final = """
SELECT n.id, coalesce(s.holder_id::text, s.payee), sum(s.amount)
  FROM settlement_runtotal n
  JOIN settlement_runtotal t
    ON t.subject_id = n.subject_id AND t.service_month = n.service_month
   AND t.terms_id = n.terms_id AND t.step_id IS NOT DISTINCT FROM n.step_id AND t.id <> n.id
  JOIN settlement_run r ON r.id = t.run_id AND r.state = ANY(%(settled)s)
  JOIN settlement_runshare s ON s.total_id = t.id
 WHERE n.run_id = %(run)s
 GROUP BY 1, 2
"""

# The content of a run: SHA-256 over its heading, its lines and its shares, each in the order of
# what it is about. The same inputs settled again give the same hash under the same run.
_HASH: Final = """
SELECT sha256(convert_to(concat_ws('|', 'assent-run-1', r.id, r.platform_id, r.mode, r.currency,
                                   r.period, r.kind, r.revision, r.generations), 'UTF8')
  || sha256(coalesce((
       SELECT string_agg(sha256(convert_to(concat_ws('|', l.id,
                coalesce(l.terms_id::text, ''), l.subject_id, coalesce(l.origin_id::text, ''),
                coalesce(l.step_id::text, ''), l.basis, l.code, l.service_day, l.territory,
                l.medium, l.licensed, l.generations, l.seconds, l.entitled_generations,
                l.entitled_seconds, coalesce(l.rate_generation::text, ''),
                coalesce(l.rate_second::text, ''), l.gross), 'UTF8')), ''::bytea ORDER BY l.id)
         FROM settlement_royaltyline l WHERE l.run_id = r.id), ''::bytea))
  || sha256(coalesce((
       SELECT string_agg(sha256(convert_to(concat_ws('|', t.terms_id, t.subject_id,
                coalesce(t.step_id::text, ''), t.service_month, t.gross, t.gross_before,
                t.amount, s.payee, coalesce(s.holder_id::text, ''), s.amount, s.post_number),
                'UTF8')), ''::bytea
                ORDER BY t.terms_id, t.subject_id, t.step_id, t.service_month, s.payee, s.holder_id)
         FROM settlement_runtotal t LEFT JOIN settlement_runshare s ON s.total_id = t.id
        WHERE t.run_id = r.id), ''::bytea)))
  FROM settlement_run r WHERE r.id = %(run)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run moves, by kind of payee, and the hash of all it says."""

    fee: Decimal
    holders: Decimal
    suspense: Decimal
    content_hash: bytes


def share_out(*, run: Run) -> Outcome:
    """Writes the run's totals and shares, within the caller's transaction, which holds the run.

    Raises PartsDoNotAddUp.
    """
    totals = _write_totals(run)
    shares = _shares(run, totals)
    _require_whole(totals, shares)
    RunShare.objects.bulk_create(shares, batch_size=2_000)
    sums = {
        kind: sum((s.amount for s in shares if s.payee == kind), Decimal(0)) for kind in PayeeKind
    }
    return Outcome(
        fee=sums[PayeeKind.FEE],
        holders=sums[PayeeKind.HOLDER],
        suspense=sums[PayeeKind.SUSPENSE],
        content_hash=content_hash(run_id=run.pk),
    )


def content_hash(*, run_id: UUID) -> bytes:
    """The hash over a run's lines and shares, from the rows."""
    with connection.cursor() as cursor:
        cursor.execute(_HASH, {"run": run_id})
        row = cursor.fetchone()
    assert row is not None
    return bytes(row[0])


def _write_totals(run: Run) -> dict[RunTotal, int]:
    """The run's totals, each with everything settled so far under its key, in whole 1e-8."""
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, {"run": run.pk, "settled": [str(state) for state in SETTLED]})
        rows = cursor.fetchall()
    # The sums come from the database, because Python's default context has too few digits.
    cumulative = {new_id(): row for row in rows}
    totals = [
        RunTotal(
            id=pk,
            run=run,
            terms_id=terms,
            subject_id=subject,
            step_id=step,
            service_month=month,
            gross=gross,
            gross_before=before,
            amount=from_units(units_of(after) - units_of(before)),
        )
        for pk, (terms, subject, step, month, gross, before, after) in cumulative.items()
    ]
    RunTotal.objects.bulk_create(totals, batch_size=2_000)
    return {total: units_of(cumulative[total.pk][-1]) for total in totals}


def _shares(run: Run, totals: Mapping[RunTotal, int]) -> list[RunShare]:
    fees = dict(
        TermsVersion.objects.filter(pk__in={total.terms_id for total in totals}).values_list(
            "pk", "fee_percent"
        )
    )
    owners = _owners({total.step_id for total in totals if total.step_id is not None})
    paid = _paid(run)
    shares = []
    for total, units_so_far in totals.items():
        moves = owing(
            units_so_far,
            Waterfall(
                fee_percent=fees[total.terms_id],
                owners=owners[total.step_id] if total.step_id is not None else {},
            ),
            paid.get(total.pk, {}),
        )
        shares += [_share(run, total, payee, units) for payee, units in moves.items()]
    # Posted in parts of one payee each, so that one payee's trouble stays its own.
    shares.sort(key=lambda share: (share.payee, str(share.holder_id), str(share.total_id)))
    number = room = 0
    payee: object = None
    for share in shares:
        if room == 0 or payee != (share.payee, share.holder_id):
            number, room, payee = number + 1, POST_ROWS, (share.payee, share.holder_id)
        share.post_number = number
        room -= 1
    return shares


def _share(run: Run, total: RunTotal, payee: str, units: int) -> RunShare:
    named = payee in (FEE, SUSPENSE)
    return RunShare(
        id=new_id(),
        run=run,
        total=total,
        payee=payee if named else PayeeKind.HOLDER,
        holder_id=None if named else UUID(payee),
        amount=from_units(units),
    )


def _owners(steps: set[UUID]) -> dict[UUID, dict[str, int]]:
    owners: dict[UUID, dict[str, int]] = {step: {} for step in steps}
    shares = OwnershipShare.objects.filter(step__in=steps)
    for step, holder, parts in shares.values_list("step_id", "holder_id", "parts"):
        owners[step][str(holder)] = parts
    return owners


def _paid(run: Run) -> dict[UUID, dict[str, int]]:
    paid: dict[UUID, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_PAID, {"run": run.pk, "settled": [str(state) for state in SETTLED]})
        for total, payee, amount in cursor.fetchall():
            paid.setdefault(total, {})[payee] = units_of(amount)
    return paid


def _require_whole(totals: Iterable[RunTotal], shares: Sequence[RunShare]) -> None:
    """Raises PartsDoNotAddUp unless the shares add up to the totals, each and all."""
    sums: dict[UUID, Decimal] = {}
    for share in shares:
        sums[share.total_id] = sums.get(share.total_id, Decimal(0)) + share.amount
    if any(sums.get(total.pk, Decimal(0)) != total.amount for total in totals):
        raise PartsDoNotAddUp
