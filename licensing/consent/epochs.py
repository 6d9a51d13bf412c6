"""The epoch of a holder's word: turned by whatever changes what is in force."""

from __future__ import annotations

from typing import Final

from django.db import connection

from licensing.catalog.models import RightsHolder

# Counts up the holder's row, making it if need be, and holds it until the transaction ends: two
# changes of one holder's word follow one another. The number comes from a sequence and is drawn
# after the row is held, so it always grows.
_TURN: Final = """
INSERT INTO consent_consentepoch AS e (holder_id, value)
VALUES (%s, nextval('consent_epoch_counter'))
ON CONFLICT (holder_id) DO UPDATE SET value = nextval('consent_epoch_counter')
RETURNING value
"""
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('consent rules of ' || %s, 0))"


def turn(holder: RightsHolder) -> int:
    """The new epoch of `holder`, in the transaction of the change that begins it."""
    with connection.cursor() as cursor:
        cursor.execute(_TURN, [holder.pk])
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def lock(holder: RightsHolder) -> None:
    """One transaction at a time adds to the holder's rules, which are counted."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [str(holder.pk)])
