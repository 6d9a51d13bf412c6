"""A real Chromium for stories that are about what a person sees."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.db import connection, connections
from playwright.sync_api import ConsoleMessage, Page, ViewportSize, sync_playwright
from pytest_django.live_server_helper import LiveServer

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PATIENCE = 10_000


def chromium() -> str:
    """The browser on this machine: `CHROMIUM`, or the one on the path."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    assert found, "install Chromium, or name it in CHROMIUM"
    return found


@pytest.fixture
def chromium_page(live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """An empty page of a fresh browser, with the live server as its base.

    What the browser refuses to load or run under the content security policy, and any error of a
    script, fails the story at its end.
    """
    # Playwright's synchronous interface keeps a loop of its own on this thread while it is open.
    # Django takes that for asynchronous code and refuses its queries, though nothing here runs
    # beside anything else. Both last exactly as long as this fixture.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            complaints.append(message.text)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        context = browser.new_context(base_url=live_server.url, viewport=DESKTOP)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        browser.close()
        # While that loop is there, Django keeps this thread's connection in another place, where
        # nobody would look for it afterwards.
        connections.close_all()
    _let_go()
    assert not complaints


def _let_go() -> None:
    """Waits until the server's threads, kept alive by the browser, have closed their connections.

    A database with a session open could not be dropped when all stories are told.
    """
    for _ in range(50):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            row = cursor.fetchone()
        if row is not None and row[0] == 0:
            return
        time.sleep(0.1)


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window: what makes a phone scroll sideways."""
    return int(
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


def looks(page: Page, name: str) -> None:
    """Every width and colour holds the page, and nobody is kept out of it; kept as pictures where
    SCREENSHOTS names a folder.

    Who is kept out is asked of each width once and of each colour once, which is half of the work:
    what a width hides and what a colour makes pale have little to do with one another.
    """
    asked = {("phone", "dark"), ("desktop", "light")}
    for width, size in (("phone", PHONE), ("desktop", DESKTOP)):
        page.set_viewport_size(size)
        for colours in ("light", "dark"):
            wanted = (width, colours) in asked
            if not wanted and "SCREENSHOTS" not in os.environ:
                continue
            page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
            as_seen(page, f"{name}-{width}-{colours}", reaching=wanted)
    page.emulate_media(color_scheme="light")


def as_seen(page: Page, name: str, *, reaching: bool = True) -> None:
    """The same for the page as it is; whether anybody is kept out of it only if it is `reaching`."""
    page.evaluate(_DRESS)
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
    assert overflow(page) == 0, f"{name} scrolls sideways"
    barriers = serious(page) if reaching else []
    assert not barriers, f"{name}: {barriers}"


def lost(page: Page) -> str:
    """What is wrong with where the keyboard is: not seen to be there, or below something else."""
    told = page.evaluate(_LOST)
    return str(told)


# On a busy machine a page has been seen without the style sheet that it was waiting for. What is not
# there is asked for once more.
_DRESS = """async () => {
  const there = (sheet) => {
    try {
      return sheet.sheet.cssRules.length > 0;
    } catch {
      return false;
    }
  };
  for (const sheet of document.querySelectorAll('link[rel="stylesheet"]')) {
    if (there(sheet)) continue;
    const again = sheet.cloneNode();
    await new Promise((come, fail) => {
      again.onload = come;
      again.onerror = () => fail(`${again.href} does not come`);
      sheet.replaceWith(again);
    });
  }
  await document.fonts.ready;
}"""


# A field that is only drawn by its neighbour shows its focus there.
_LOST = """() => {
  const here = document.activeElement, beside = here.nextElementSibling;
  const ringed = (one, part) => {
    const style = getComputedStyle(one, part);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  };
  const named = `${here.tagName} ${here.name || here.textContent.trim().slice(0, 40)}`;
  if (!ringed(here) && !ringed(here, "::after") && !(beside && ringed(beside))) {
    return `${named} has no ring`;
  }
  const box = here.getBoundingClientRect();
  const above = document.elementFromPoint(box.left + Math.min(box.width / 2, 20), box.top + box.height / 2);
  const own = above && (here.contains(above) || above.contains(here) || above.closest("label")?.contains(here));
  return own ? "" : `${named} is covered`;
}"""


def serious(page: Page) -> list[str]:
    """What axe finds that keeps people out: each rule with the elements that break it."""
    # Reading axe takes as long as running it, and a page keeps it.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run({resultTypes: ['violations']}).then(told => told.violations)")
    return [
        f"{each['id']}: {[node['html'][:120] for node in each['nodes']]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
