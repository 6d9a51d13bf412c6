"""Which subjects are disputed, for whoever decides about them: read in the decision's own statement.

A claim is in force for every decision that begins after its filing was answered, and for none that
begins after its end was, since both are read from the rows and remembered nowhere.
"""

from __future__ import annotations

from typing import Final

from licensing.claims.models import Claim

# The territories in which a subject is disputed, as one array of text in a select list; '' is
# everywhere. Fill in the SQL expression with `.format(subject="s.id")`. Reads the open claims
# through their index and writes nothing.
DISPUTED_IN: Final = """
ARRAY(SELECT claim.territory::text FROM claims_claim claim
      WHERE claim.subject_id = {subject} AND claim.state = 'disputed')
"""
# One number that is another one whenever a claim was filed or ended, as a scalar subselect.
STAMP: Final = "(SELECT count(*) + count(ended_at) FROM claims_claim)"


def disputed_in_mode(mode: str) -> dict[str, list[str]]:
    """Where each disputed subject of a mode is so now, by its id in hexadecimal with hyphens: for
    whoever has to remember it for longer than a decision takes."""
    rows = Claim.objects.open().filter(subject__holder__organisation__mode=mode)
    found: dict[str, list[str]] = {}
    for subject, territory in rows.order_by("pk").values_list("subject", "territory"):
        found.setdefault(str(subject), []).append(territory)
    return found
