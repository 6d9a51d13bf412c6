"""The offline engine as a Python package of its own: exactly the modules that decide here."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Final

from licensing.catalog.prototypes import prototypes

NAME: Final = "assent_offline"
_VERSION: Final = "1.0.0"
_MODULES: Final = (
    "licensing.catalog.confusables",
    "licensing.consent.bodies",
    "licensing.consent.compiling",
    "licensing.consent.conditions",
    "licensing.consent.engine",
    "licensing.consent.language",
    "licensing.consent.offline",
    "licensing.consent.quotas",
    "licensing.consent.voices",
    "licensing.consent.words",
)
_IMPORT: Final = re.compile(r"^from licensing\.(?:consent|catalog)\b", re.MULTILINE)
_INIT: Final = f'''"""Decides by Assent's signed bundles, without asking anyone. See docs/offline.md."""

from {NAME}.offline import Answer, BadAsking, BadBundle, Bundle, Outcome, open_bundle

__all__ = ["Answer", "BadAsking", "BadBundle", "Bundle", "Outcome", "open_bundle"]
'''
_PROTOTYPES: Final = '''"""The published table of characters that look alike, each with the one it is taken for."""


def prototypes() -> dict[str, str]:
    """Each confusable character's prototype."""
    return _TABLE


'''
_PROJECT: Final = f"""[build-system]
requires = ["setuptools>=69"]
build-backend = "setuptools.build_meta"

[project]
name = "{NAME.replace("_", "-")}"
version = "{_VERSION}"
description = "Decides by Assent's signed bundles, without asking anyone."
requires-python = ">=3.11"
license = {{ text = "Apache-2.0" }}
dependencies = []

[tool.setuptools]
packages = ["{NAME}"]
"""


def write_package(folder: Path) -> list[Path]:
    """Writes the package into `folder`, ready to be installed from there or copied. The files."""
    written = {"pyproject.toml": _PROJECT, f"{NAME}/__init__.py": _INIT}
    for name in _MODULES:
        source = inspect.getsource(importlib.import_module(name))
        written[f"{NAME}/{name.rpartition('.')[2]}.py"] = _IMPORT.sub(f"from {NAME}", source)
    written[f"{NAME}/prototypes.py"] = f"{_PROTOTYPES}_TABLE = {prototypes()!a}\n"
    files = []
    for name, text in written.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        files.append(path)
    return files
