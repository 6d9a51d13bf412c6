"""The offline engine as a Python package of its own: exactly the modules that decide here.

It is written as sources and as a wheel (PyPA's binary distribution format). The wheel holds the very
same files and needs nothing to be built with, so that it installs where there is no network.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import re
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from licensing.catalog.prototypes import prototypes
from licensing.catalog.territories import TERRITORIES

NAME: Final = "assent_offline"
_VERSION: Final = "1.0.0"
_MODULES: Final = (
    "licensing.catalog.confusables",
    "licensing.consent.engine.bodies",
    "licensing.consent.engine.compiling",
    "licensing.consent.engine.conditions",
    "licensing.consent.engine.deciding",
    "licensing.consent.engine.language",
    "licensing.consent.engine.offline",
    "licensing.consent.engine.quotas",
    "licensing.consent.engine.voices",
    "licensing.consent.engine.words",
)
_IMPORT: Final = re.compile(r"^from licensing\.(?:consent\.engine|catalog)\b", re.MULTILINE)
_INIT: Final = f'''"""Decides by Assent's signed bundles, without asking anyone. See docs/offline.md."""

from {NAME}.offline import Answer, BadAsking, BadBundle, Bundle, Outcome, open_bundle

__all__ = ["Answer", "BadAsking", "BadBundle", "Bundle", "Outcome", "open_bundle"]
'''
_PROTOTYPES: Final = '''"""The published table of characters that look alike, each with the one it is taken for."""


def prototypes() -> dict[str, str]:
    """Each confusable character's prototype."""
    return _TABLE


'''
_TERRITORIES: Final = '''"""Territories: the ISO 3166-1 codes in use."""


def is_territory(code: str) -> bool:
    """Whether `code` is an assigned ISO 3166-1 alpha-2 code, in capitals."""
    return code in _CODES


'''
_ABOUT: Final = "Decides by Assent's signed bundles, without asking anyone."
_PROJECT: Final = f"""[build-system]
requires = ["setuptools>=69"]
build-backend = "setuptools.build_meta"

[project]
name = "{NAME.replace("_", "-")}"
version = "{_VERSION}"
description = "{_ABOUT}"
requires-python = ">=3.11"
license = {{ text = "Apache-2.0" }}
dependencies = []

[tool.setuptools]
packages = ["{NAME}"]
"""


_INFO: Final = f"{NAME}-{_VERSION}.dist-info"
_METADATA: Final = f"""Metadata-Version: 2.1
Name: {NAME.replace("_", "-")}
Version: {_VERSION}
Summary: {_ABOUT}
License: Apache-2.0
Requires-Python: >=3.11
"""
_WHEEL: Final = """Wheel-Version: 1.0
Generator: assent
Root-Is-Purelib: true
Tag: py3-none-any
"""
# The first moment that a zip archive knows: the same sources are the same wheel, byte for byte.
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
WHEEL: Final = f"{NAME}-{_VERSION}-py3-none-any.whl"


def write_package(folder: Path) -> list[Path]:
    """Writes the package into `folder`, as sources and as a wheel, ready to be installed from there
    or copied. The files."""
    modules = _modules()
    files = []
    for name, text in {"pyproject.toml": _PROJECT, **modules}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        files.append(path)
    wheel = folder / WHEEL
    _write_wheel(wheel, modules)
    return [*files, wheel]


def _modules() -> dict[str, str]:
    """The sources by their paths in the package."""
    found = {f"{NAME}/__init__.py": _INIT}
    for name in _MODULES:
        source = inspect.getsource(importlib.import_module(name))
        found[f"{NAME}/{name.rpartition('.')[2]}.py"] = _IMPORT.sub(f"from {NAME}", source)
    found[f"{NAME}/prototypes.py"] = f"{_PROTOTYPES}_TABLE = {prototypes()!a}\n"
    codes = " ".join(sorted(TERRITORIES))
    found[f"{NAME}/territories.py"] = f"{_TERRITORIES}_CODES = frozenset({codes!a}.split())\n"
    return found


def _write_wheel(path: Path, modules: Mapping[str, str]) -> None:
    """Writes a wheel of `modules`, with the digest of each file in its record."""
    files = {
        name: text.encode()
        for name, text in {
            **modules,
            f"{_INFO}/METADATA": _METADATA,
            f"{_INFO}/WHEEL": _WHEEL,
        }.items()
    }
    lines = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in files.items()]
    record = f"{_INFO}/RECORD"
    files[record] = "".join(f"{line}\n" for line in [*lines, f"{record},,"]).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)


def _digest(content: bytes) -> str:
    """SHA-256 as a wheel's record has it."""
    return urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
