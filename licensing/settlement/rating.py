"""Rating one part: entitlements x terms x ownership into royalty lines, exact and unrounded.

Which terms price what: every subject's entitled part of a generation is priced by the terms of
*that subject's own* agreement with the platform, in force on the day of the generation (UTC), for
the generation's medium, licensed or not. That holds for what is inherited too: the child's subject
earns its part at its own agreement's price, the parent's subject its part at its own.

A subject governed by an agreement in another currency is left to that currency's runs. Usage that
no terms govern, or that they have no price for, stays visible as a line of 0 with its code. Once
there are terms that begin early enough, the next run restates it.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import connection

from licensing.settlement import entitling, grounds
from licensing.settlement.models import Run, RunPart
from licensing.settlement.states import PartKind

# Reads the facts of this part with the grounds of each; writes its lines. What a restatement takes
# back and adds by the same grounds is one line, the difference. A line's id follows from what it is
# about (after the run's own six bytes of time), so a second writing of a part is refused by the
# key, and a replay gives the same rows to the byte.
_LINES: Final = """
INSERT INTO settlement_royaltyline (
    id, run_id, part_id, terms_id, subject_id, origin_id, step_id, basis, code, service_day,
    territory, medium, licensed, generations, seconds, entitled_generations, entitled_seconds,
    rate_generation, rate_second, gross)
WITH fact AS MATERIALIZED (
    SELECT f.subject_id, f.origin_id, f.day, f.territory, f.medium, f.licensed, k.terms_id,
           k.step_id, sum(f.generations) AS generations, sum(f.seconds) AS seconds,
           sum(f.units) AS units, sum(f.unit_seconds) AS unit_seconds
      FROM settlement_fact f
      JOIN settlement_ground k
        ON k.part_id = f.grounds_id AND k.subject_id = f.subject_id AND k.day = f.day
       AND k.territory = f.territory
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    HAVING sum(f.generations) <> 0 OR sum(f.units) <> 0 OR sum(f.unit_seconds) <> 0
)
SELECT encode(substring(uuid_send(%(run)s) FROM 1 FOR 6)
              || substring(sha256(convert_to(concat_ws('|', %(part)s::text, f.subject_id,
                     coalesce(f.origin_id::text, ''), f.day, f.territory, f.medium, f.licensed,
                     coalesce(f.terms_id::text, ''), coalesce(f.step_id::text, '')),
                     'UTF8')) FROM 1 FOR 10), 'hex')::uuid,
       %(run)s, %(part)s, f.terms_id, f.subject_id, f.origin_id, f.step_id,
       CASE WHEN f.origin_id IS NULL THEN 'direct' ELSE 'inherited' END,
       CASE WHEN f.terms_id IS NULL THEN 'no_agreement'
            WHEN each.amount IS NULL AND timed.amount IS NULL THEN 'unpriced'
            WHEN f.step_id IS NULL THEN 'unowned'
            ELSE 'ok' END,
       f.day, f.territory, f.medium, f.licensed, f.generations, f.seconds,
       f.units * 0.00000001, f.unit_seconds * 0.00000001, each.amount, timed.amount,
       f.units * 0.00000001 * coalesce(each.amount, 0)
         + f.unit_seconds * 0.00000001 * coalesce(timed.amount, 0)
  FROM fact f
  LEFT JOIN commerce_termsversion v ON v.id = f.terms_id
  LEFT JOIN commerce_agreement a ON a.id = v.agreement_id
  LEFT JOIN commerce_termsprice each
    ON each.terms_id = f.terms_id AND each.medium = f.medium AND each.licensed = f.licensed
   AND each.unit = 'generation'
  LEFT JOIN commerce_termsprice timed
    ON timed.terms_id = f.terms_id AND timed.medium = f.medium AND timed.licensed = f.licensed
   AND timed.unit = 'second'
 WHERE a.currency IS NULL OR a.currency = %(currency)s
"""


def rate_part(*, run: Run, part: RunPart) -> int:
    """Writes the part's grounds and its royalty lines and answers how many lines, within the
    caller's transaction.

    The caller holds the part and has made sure that the run is rating.
    """
    generations, terms = source_of(run=run, part=part)
    with connection.cursor() as cursor:
        cursor.execute(grounds.HOLD, terms)
    entitling.make_tables()
    fill = entitling.restate if part.kind == PartKind.RESTATE else entitling.entitle
    fill(generations=generations, terms=terms)
    with connection.cursor() as cursor:
        cursor.execute(grounds.WRITE, terms)
        cursor.execute(_LINES, terms)
        return int(cursor.rowcount)


def source_of(*, run: Run, part: RunPart) -> tuple[str, dict[str, Any]]:
    """The select of a part's generations, and the parameters of every statement about the part."""
    terms: dict[str, Any] = {
        "run": run.pk,
        "part": part.pk,
        "platform": run.platform_id,
        "currency": run.currency,
        "batches": part.batches,
        "first": part.first_generation,
        "last": part.last_generation,
    }
    if part.kind == PartKind.RESTATE:
        return entitling.OF_RESTATED, terms
    if part.first_generation is not None:
        return entitling.OF_RANGE, terms
    return entitling.OF_BATCHES, terms
