"""A person on the portal's pages without a browser: what is answered, and at what cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ledger.actor import Actor
from licensing.access.models import User

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer


def visit(who: str | Actor) -> Client:
    """Signed in as the person of that name, or as an actor's."""
    client = Client()
    username = who if isinstance(who, str) else who.label
    client.force_login(User.objects.get(username=username))
    return client


def text(client: Client, path: str, status: int = 200) -> str:
    """The page as text."""
    answer = client.get(path)
    assert answer.status_code == status, answer.content
    return answer.content.decode()


def fill(client: Client, path: str, said: Mapping[str, Any], status: int = 302) -> Answer:
    """A form sent in; where it leads, or what it says is wrong."""
    answer = client.post(path, said)
    assert answer.status_code == status, answer.content.decode()
    return answer


def queries(client: Client, path: str) -> int:
    """How many statements the page costs."""
    # Once for whatever is asked for only once per process.
    text(client, path)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        text(client, path)
    return len(seen)
