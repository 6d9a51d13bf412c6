"""A person on the portal's pages: what is answered without a browser, at what cost; and in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import Page

from ledger.actor import Actor
from licensing.access.models import User

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer
    from playwright._impl._api_structures import SetCookieParam


def visit(who: str | Actor) -> Client:
    """Signed in as the person of that name, or as an actor's."""
    client = Client()
    username = who if isinstance(who, str) else who.label
    client.force_login(User.objects.get(username=username))
    return client


def enter(page: Page, who: str | Actor, to: str = "/portal/") -> None:
    """Signed in in a browser without the form, which has a story of its own."""
    session = visit(who).cookies[settings.SESSION_COOKIE_NAME].value
    name = settings.SESSION_COOKIE_NAME
    cookie: SetCookieParam = {"name": name, "value": session, "domain": "localhost", "path": "/"}
    page.context.add_cookies([cookie])
    page.goto(to)


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
