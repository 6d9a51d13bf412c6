"""The exported package: the engine to the letter, which needs nothing but Python wherever it is."""

from __future__ import annotations

import csv
import hashlib
import io
import subprocess
import sys
import tomllib
import zipfile
from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from licensing.consent.offline_package import WHEEL, write_package
from tests.licensing.consent.builders import NOW
from tests.licensing.consent.bundles.by_hand import ALLOW, VIDEO, content, voice
from tests.licensing.consent.bundles.signing import JWKS, in_bare_python, signed


def sources(folder: Path) -> Path:
    """The folder that was exported, as it is."""
    return folder


def wheel(folder: Path) -> Path:
    """The wheel itself: Python imports from an archive, too."""
    return folder / WHEEL


def installed(folder: Path) -> Path:
    """What pip makes of the wheel, without a network and without anything to build with."""
    place = folder / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--quiet", "--target", str(place), str(folder / WHEEL)],
        check=True,
        timeout=60,
    )
    return place


@pytest.mark.parametrize("reached", [sources, wheel, installed])
def test_the_package_decides_with_nothing_but_python(
    tmp_path: Path, reached: Callable[[Path], Path]
) -> None:
    write_package(tmp_path)
    askings = [
        VIDEO,
        {**VIDEO, "territory": "DE"},
        {**VIDEO, "subjects": ["chr_2"]},
        {**VIDEO, "prompt": "a grand rіvаl"},
        {**VIDEO, "subjects": ["chr_9"]},
    ]
    words = {**ALLOW, "forbidden_words": ["Grand Rival"], "territories": {"except": ["DE"]}}
    limited = {**ALLOW, "quotas": [{"count": 5, "per": "day", "of": "everyone"}]}
    bundle = signed(content(voice("hld_1", words), voice("hld_2", limited)), now=NOW)
    found = in_bare_python(
        reached(tmp_path),
        {
            "bundle": bundle,
            "jwks": JWKS,
            "platform": "plt_a",
            "now": (NOW + timedelta(minutes=1)).isoformat(),
            "askings": [{**one, "prompt": one.get("prompt", "a walk")} for one in askings],
        },
    )
    assert found["outcomes"] == ["allow", "ask_online", "ask_online", "deny", "ask_online"]
    assert not {"django", "ledger", "licensing", "confusable_homoglyphs"} & set(found["modules"])
    assert not [place for place in found["path"] if "site-packages" in place]


def test_the_package_is_the_engine_to_the_letter(tmp_path: Path) -> None:
    for path in write_package(tmp_path):
        if path.suffix == ".whl" or path.stem in (
            "pyproject",
            "__init__",
            "prototypes",
            "territories",
        ):
            continue
        topic = "catalog" if path.stem == "confusables" else "consent/engine"
        original = Path(f"licensing/{topic}/{path.name}").read_text()
        assert [line for line in path.read_text().splitlines() if "import" not in line] == [
            line for line in original.splitlines() if "import" not in line
        ]


def test_the_wheel_says_what_it_holds(tmp_path: Path) -> None:
    write_package(tmp_path)
    with zipfile.ZipFile(tmp_path / WHEEL) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    (record,) = [name for name in held if name.endswith(".dist-info/RECORD")]
    told = {
        name: (digest, size)
        for name, digest, size in csv.reader(io.StringIO(held[record].decode()))
    }
    assert told.keys() == held.keys()
    assert told.pop(record) == ("", "")
    for name, (digest, size) in told.items():
        assert (
            urlsafe_b64decode(digest.removeprefix("sha256=") + "=")
            == hashlib.sha256(held[name]).digest()
        )
        assert int(size) == len(held[name])
        if not name.startswith(record.partition("/")[0]):
            assert held[name] == (tmp_path / name).read_bytes()


def test_the_wheel_is_the_project_it_was_written_with(tmp_path: Path) -> None:
    write_package(tmp_path)
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
    with zipfile.ZipFile(tmp_path / WHEEL) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        lines = [line.partition(": ") for line in archive.read(name).decode().splitlines()]
    metadata = {field: value for field, _, value in lines}
    assert (metadata["Name"], metadata["Version"]) == (project["name"], project["version"])
    assert metadata["Requires-Python"] == project["requires-python"]
    assert project["dependencies"] == []
    assert "Requires-Dist" not in metadata


def test_the_same_sources_are_the_same_wheel(tmp_path: Path) -> None:
    folders = (tmp_path / "one", tmp_path / "another")
    for folder in folders:
        write_package(folder)
    first, second = ((folder / WHEEL).read_bytes() for folder in folders)
    assert first == second
