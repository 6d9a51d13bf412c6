"""Both locks say what pyproject.toml asks for, and the server's lock nothing but that."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
EMBEDDED = [Requirement(line) for line in PROJECT["project"]["optional-dependencies"]["embedded"]]
DEV = [Requirement(line) for line in PROJECT["dependency-groups"]["dev"]]


def locked(name: str) -> dict[str, set[str]]:
    """A lock's versions by package, which has more than one where Pythons differ; each with a hash."""
    found: dict[str, set[str]] = {}
    for part in re.split(r"\n(?=\S)", (ROOT / name).read_text().strip()):
        pin = Requirement(part.split("\\")[0].strip())
        (exactly,) = pin.specifier
        assert exactly.operator == "==", pin
        assert "--hash=sha256:" in part, pin
        found.setdefault(canonicalize_name(pin.name), set()).add(exactly.version)
    return found


FULL = locked("requirements.lock")
SERVER = locked("requirements-runtime.lock")


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [(FULL, [*RUNTIME, *EMBEDDED, *DEV]), (SERVER, RUNTIME)],
    ids=["requirements.lock", "requirements-runtime.lock"],
)
def test_a_lock_holds_what_is_asked_for(
    lock: dict[str, set[str]], wanted: list[Requirement]
) -> None:
    for requirement in wanted:
        for version in lock[canonicalize_name(requirement.name)]:
            assert requirement.specifier.contains(version), (requirement, version)


def test_the_servers_lock_is_a_part_of_the_whole() -> None:
    for name, versions in SERVER.items():
        assert versions <= FULL[name], name


def test_a_server_has_neither_the_tests_tools_nor_the_embedded_servers() -> None:
    others = {canonicalize_name(each.name) for each in [*EMBEDDED, *DEV]}
    # The API's document is also written in it.
    assert others & set(SERVER) == {"pyyaml"}
