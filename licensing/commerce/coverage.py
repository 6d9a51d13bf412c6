"""Which agreement governs a subject on a platform, and which terms on a day: as SQL to join with."""

from __future__ import annotations

from typing import Final

# The agreement that governs each subject on one platform, at most one row a subject:
# (subject_id, agreement_id, currency). Fill in with `.format(...)`:
#   subjects  a subselect of the subject ids that matter
#   platform  an SQL expression or parameter, such as %(platform)s
# The subject's own agreement comes first, then that of the nearest property up the chain, then
# the holder's over everything. Reads only; its cost follows the given subjects and the depth of
# their properties, not the catalogue.
COVERAGE: Final = """
    WITH RECURSIVE wanted AS (
        SELECT subject.id AS subject_id, subject.holder_id, subject.property_id
        FROM catalog_subject subject
        WHERE subject.id IN ({subjects})
    ), chain AS (
        SELECT subject_id, property_id, 1 AS distance
        FROM wanted WHERE property_id IS NOT NULL
        UNION ALL
        SELECT chain.subject_id, parent.parent_id, chain.distance + 1
        FROM chain JOIN catalog_property parent ON parent.id = chain.property_id
        WHERE parent.parent_id IS NOT NULL
    ), candidate AS (
        SELECT wanted.subject_id, agreement.id AS agreement_id, agreement.currency, 0 AS distance
        FROM wanted JOIN commerce_agreement agreement
            ON agreement.platform_id = {platform} AND agreement.subject_id = wanted.subject_id
        UNION ALL
        SELECT chain.subject_id, agreement.id, agreement.currency, chain.distance
        FROM chain JOIN commerce_agreement agreement
            ON agreement.platform_id = {platform} AND agreement.property_id = chain.property_id
        UNION ALL
        SELECT wanted.subject_id, agreement.id, agreement.currency, 1000
        FROM wanted JOIN commerce_agreement agreement
            ON agreement.platform_id = {platform} AND agreement.holder_id = wanted.holder_id
            AND agreement.property_id IS NULL AND agreement.subject_id IS NULL
    )
    SELECT DISTINCT ON (subject_id) subject_id, agreement_id, currency
    FROM candidate
    ORDER BY subject_id, distance
"""

# The terms of one agreement on one day, as a subselect of one row (terms_id, fee_percent,
# remix_percent) for `LEFT JOIN LATERAL (...)`; no row before the first version. Reads through the
# index of terms_day_once.
TERMS_ON: Final = """
    SELECT version.id AS terms_id, version.fee_percent, version.remix_percent
    FROM commerce_termsversion version
    WHERE version.agreement_id = {agreement} AND version.effective_on <= {day}
    ORDER BY version.effective_on DESC
    LIMIT 1
"""
