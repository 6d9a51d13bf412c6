"""A server process of its own for stories about races: `python -m tests.licensing.consent.server
<platform> <subject>` checks without pause until its standard input is closed.

For each check it prints when it began (the machine's monotonic clock, in ns) and its outcome.
"""

from __future__ import annotations

import sys
import threading
import time
from uuid import UUID

import django


def main(platform_id: str, subject_id: str) -> None:
    django.setup()
    from django.utils import timezone

    from ledger.actor import Actor
    from licensing.catalog.models import Platform
    from licensing.consent import decisions
    from licensing.consent.decisions import Asking
    from licensing.consent.language import Request

    platform = Platform.objects.get(pk=platform_id)
    actor = Actor(kind="key", label="server", mode="test", organisation_id=platform.organisation_id)
    stop = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=listen, daemon=True).start()
    while not stop.is_set():
        began, now = time.monotonic_ns(), timezone.now()
        request = Request(action="generate_video", platform="", at=now)
        check = decisions.check(
            actor=actor,
            now=now,
            platform=platform,
            asking=Asking(subjects=(UUID(subject_id),), request=request),
        )
        print(began, check.outcome, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
