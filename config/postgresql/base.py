"""The database backend: see `config.postgresql`."""

from __future__ import annotations

import select
from typing import Any

from django_prometheus.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]
    """Each request asks whether its connection still holds, or a restart of PostgreSQL would fail
    the first ones after it."""

    connection: Any

    def is_usable(self) -> bool:
        """Without a journey to the server, as long as nothing has come from there: a server that
        stops or dies, or that ends a session, closes the connection, and that can be read. Whatever
        else has come is looked at in Django's way."""
        if self.connection is None or self.connection.closed:
            return False
        waiting = select.poll()
        waiting.register(self.connection.fileno(), select.POLLIN)
        if not waiting.poll(0):
            return True
        usable: bool = super().is_usable()
        return usable
