"""Which terms govern a subject on a day on a platform: as SQL to join with."""

from __future__ import annotations

from typing import Final

# The terms that govern some subjects on some days on the platform %(platform)s: of the agreements
# that had terms by that day the most specific one, and its version in force then. The subject's own
# agreement comes first, then that of the nearest property up the chain, then the holder's over
# everything. `pairs` is a subselect of (subject_id, day). Answers (subject_id, day, terms_id,
# currency, remix_percent), at most one row a pair; none before the first terms.
# Reads only; its cost follows the given pairs and the depth of their properties, not the catalogue.
GOVERNING: Final = """
    WITH RECURSIVE wanted AS MATERIALIZED (
        SELECT DISTINCT subject_id, day FROM ({pairs}) asked
    ), subject AS (
        SELECT c.id, c.holder_id, c.property_id
          FROM catalog_subject c WHERE c.id IN (SELECT subject_id FROM wanted)
    ), chain (subject_id, property_id, distance) AS (
        SELECT id, property_id, 1 FROM subject WHERE property_id IS NOT NULL
        UNION ALL
        SELECT chain.subject_id, p.parent_id, chain.distance + 1
          FROM chain JOIN catalog_property p ON p.id = chain.property_id
         WHERE p.parent_id IS NOT NULL
    ), candidate AS (
        SELECT s.id AS subject_id, a.id AS agreement_id, a.currency, 0 AS distance
          FROM subject s JOIN commerce_agreement a
            ON a.platform_id = %(platform)s AND a.subject_id = s.id
        UNION ALL
        SELECT c.subject_id, a.id, a.currency, c.distance
          FROM chain c JOIN commerce_agreement a
            ON a.platform_id = %(platform)s AND a.property_id = c.property_id
        UNION ALL
        SELECT s.id, a.id, a.currency, 1000
          FROM subject s JOIN commerce_agreement a
            ON a.platform_id = %(platform)s AND a.holder_id = s.holder_id
           AND a.property_id IS NULL AND a.subject_id IS NULL
    )
    SELECT DISTINCT ON (w.subject_id, w.day) w.subject_id, w.day, v.id AS terms_id, c.currency,
           v.remix_percent
      FROM wanted w
      JOIN candidate c ON c.subject_id = w.subject_id
      JOIN commerce_termsversion v
        ON v.agreement_id = c.agreement_id AND v.effective_on <= w.day
     ORDER BY w.subject_id, w.day, c.distance, v.effective_on DESC
"""
