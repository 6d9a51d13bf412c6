"""Long lists on a page of the portal, a part at a time."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import QuerySet

from ledger.rows import Identified
from ledger.windows import read_id

Row = TypeVar("Row", bound=Identified)


def part_of(
    rows: QuerySet[Row], size: int, *, after: str, newest_first: bool
) -> tuple[list[Row], str]:
    """At most `size` of `rows` in the order of their ids, from the beginning or behind the id
    `after`; and the id behind which the next part begins, empty if there is none. Both are shown
    ids. Raises NotFound if `after` is none.
    """
    if after:
        behind = "pk__lt" if newest_first else "pk__gt"
        rows = rows.filter(**{behind: read_id(rows.model.PREFIX, after)})
    found = list(rows.order_by("-pk" if newest_first else "pk")[: size + 1])
    return found[:size], found[size - 1].shown_id if len(found) > size else ""
