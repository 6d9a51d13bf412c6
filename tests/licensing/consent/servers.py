"""Processes of their own on a story's database that check without pause."""

from __future__ import annotations

import os
import subprocess
import sys

from django.conf import settings

from licensing.catalog.models import Subject
from tests.licensing.consent.builders import Generator
from tests.servers import database_url


def start_server(generator: Generator, hero: Subject) -> subprocess.Popen[str]:
    """Another process that checks without pause until `end_server`. See `server`."""
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.licensing.consent.server",
            str(generator.platform.pk),
            str(hero.pk),
        ],
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def end_server(server: subprocess.Popen[str]) -> list[str]:
    """Lets a server end by itself, and reads what it has still said."""
    said, _ = server.communicate(timeout=30)
    assert server.returncode == 0
    return said.splitlines()


def _environment() -> dict[str, str]:
    """What a process needs to meet this one on its database."""
    return {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": str(settings.BASE_DIR),
    }
