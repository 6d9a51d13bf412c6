"""Writes the offline engine as a Python package, with a wheel to install it from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from licensing.consent.offline_package import write_package


class Command(BaseCommand):
    """Writes the engine that decides by bundles into a folder; its wheel is what pip installs."""

    help = "Writes the offline engine, which needs nothing but Python, as sources and a wheel into FOLDER."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        for path in write_package(folder):
            self.stdout.write(str(path))
