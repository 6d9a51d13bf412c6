"""The grounds of a part: which terms and which ownership it rated by, written down for good.

A run asks once which terms govern a subject on a day, and who owns it in a territory, and writes
the answers down beside its lines. What has been priced keeps its grounds: whoever restates a
generation later subtracts by the grounds written down, and adds by them too. Only what had no
answer is asked again: usage that no terms governed, that they had no price for, or that nobody
owned.
"""

from __future__ import annotations

from typing import Final

from licensing.catalog.ownership import IN_FORCE
from licensing.commerce.coverage import GOVERNING

# Holds terms still while a part is rated, and changes of ownership: those who record them take the
# same locks exclusively (`0005_settled_time`), so that they find what is rated, or it finds them.
HOLD: Final = """
SELECT pg_advisory_xact_lock_shared(hashtextextended('terms:' || %(platform)s::text, 0)),
       pg_advisory_xact_lock_shared(hashtextextended('ownership', 0))
"""
# What the parts that rated these generations before have settled about `asked`.
_KEPT: Final = """
    SELECT DISTINCT ON (k.subject_id, k.day, k.territory)
           k.subject_id, k.day, k.territory, k.terms_id,
           CASE WHEN k.priced THEN k.step_id END AS step_id
      FROM settlement_ground k JOIN asked USING (subject_id, day, territory)
     WHERE k.part_id IN (SELECT before_id FROM settlement_restatement WHERE part_id = %(part)s)
       AND (k.priced OR k.divided) AND k.terms_id IS NOT NULL
     ORDER BY k.subject_id, k.day, k.territory, k.priced AND k.step_id IS NOT NULL DESC,
              k.part_id DESC
"""
_GOVERNED: Final = GOVERNING.format(pairs="SELECT subject_id, day FROM asked")

# Reads the terms of the subjects of the parents that count; writes what they give them of a remix.
_TAKES: Final = """
INSERT INTO settlement_take (subject_id, day, territory, terms_id, remix_percent)
WITH asked AS MATERIALIZED (
    SELECT DISTINCT p.subject_id, l.day, l.territory
      FROM settlement_link l JOIN settlement_parent p ON p.generation_id = l.parent_id
     WHERE l.counts
), kept AS MATERIALIZED (
    {kept}
), governing AS MATERIALIZED (
    {governing}
)
SELECT a.subject_id, a.day, a.territory, v.id, v.remix_percent
  FROM asked a
  LEFT JOIN kept k
    ON k.subject_id = a.subject_id AND k.day = a.day AND k.territory = a.territory
  LEFT JOIN governing g ON g.subject_id = a.subject_id AND g.day = a.day
  LEFT JOIN commerce_termsversion v ON v.id = coalesce(k.terms_id, g.terms_id)
"""
TAKES: Final = _TAKES.format(kept=_KEPT, governing=_GOVERNED)
# The same as this part has just asked it, and as parts wrote it down: (grounds_id, subject_id, day,
# territory, remix_percent). The latter for the parts that the links name.
TAKES_ASKED: Final = """
    SELECT %(part)s::uuid AS grounds_id, subject_id, day, territory, remix_percent
      FROM settlement_take
"""
TAKES_WRITTEN: Final = """
    SELECT k.part_id AS grounds_id, k.subject_id, k.day, k.territory, v.remix_percent
      FROM settlement_ground k JOIN commerce_termsversion v ON v.id = k.terms_id
     WHERE k.part_id IN (SELECT grounds_id FROM link)
"""

# Reads what the part's facts and takes are about; writes the grounds of each. A second writing is
# refused by the key.
_WRITE: Final = """
INSERT INTO settlement_ground (part_id, subject_id, day, territory, terms_id, step_id, priced,
                               divided)
WITH fact AS MATERIALIZED (
    SELECT DISTINCT subject_id, day, territory, medium, licensed
      FROM settlement_fact WHERE grounds_id = %(part)s
), asked AS MATERIALIZED (
    SELECT subject_id, day, territory FROM fact
     UNION
    SELECT subject_id, day, territory FROM settlement_take
), kept AS MATERIALIZED (
    {kept}
), governing AS MATERIALIZED (
    {governing}
), answer AS MATERIALIZED (
    SELECT a.subject_id, a.day, a.territory, coalesce(k.terms_id, g.terms_id) AS terms_id,
           coalesce(k.step_id, step.step_id) AS step_id
      FROM asked a
      LEFT JOIN kept k
        ON k.subject_id = a.subject_id AND k.day = a.day AND k.territory = a.territory
      LEFT JOIN governing g ON g.subject_id = a.subject_id AND g.day = a.day
      LEFT JOIN LATERAL (
        {owned}
      ) step ON TRUE
), priced AS (
    SELECT DISTINCT f.subject_id, f.day, f.territory
      FROM fact f
      JOIN answer a
        ON a.subject_id = f.subject_id AND a.day = f.day AND a.territory = f.territory
     WHERE (a.terms_id, f.medium, f.licensed) IN (
        SELECT p.terms_id, p.medium, p.licensed
          FROM commerce_termsprice p
          JOIN commerce_termsversion v ON v.id = p.terms_id
          JOIN commerce_agreement c ON c.id = v.agreement_id
         WHERE c.platform_id = %(platform)s AND c.currency = %(currency)s)
)
SELECT %(part)s, a.subject_id, a.day, a.territory, a.terms_id, a.step_id,
       p.subject_id IS NOT NULL, t.subject_id IS NOT NULL
  FROM answer a
  LEFT JOIN priced p
    ON p.subject_id = a.subject_id AND p.day = a.day AND p.territory = a.territory
  LEFT JOIN settlement_take t
    ON t.subject_id = a.subject_id AND t.day = a.day AND t.territory = a.territory
"""
WRITE: Final = _WRITE.format(
    kept=_KEPT,
    governing=_GOVERNED,
    owned=IN_FORCE.format(subject="a.subject_id", territory="a.territory", day="a.day"),
)
