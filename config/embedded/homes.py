"""The data home: where it lies, who may enter it, and where PostgreSQL's socket fits."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from config.embedded import processes
from config.embedded.accounts import Account, blocked_at, server_account
from config.embedded.errors import EmbeddedError

CHECKOUT = Path(__file__).resolve().parents[2]
# The kernel allows 107 bytes for a socket's path; a few are kept in reserve.
SOCKET_PATH_LIMIT = 100
_EVERYONES = Path("/tmp")  # noqa: S108
_ROOT_BASES = ("/var/lib", "/var/tmp")  # noqa: S108
SOCKET_NAME = ".s.PGSQL.5432"


def default_home() -> Path:
    """`ASSENT_HOME`; or `.assent` in the checkout; or, for root, a folder the servers can reach."""
    if chosen := os.environ.get("ASSENT_HOME"):
        return Path(os.path.realpath(Path(chosen).expanduser()))
    if os.geteuid() != 0:
        return CHECKOUT / ".assent"
    name = f"assent-{_digest(CHECKOUT)}"
    candidates = [Path(base) / name for base in _ROOT_BASES]
    for home in candidates:
        # /var/tmp is everyone's: a folder that somebody else made is not our home.
        if home.is_dir() and home.lstat().st_uid == 0:
            return home
    for home in candidates:
        if home.exists() or not os.access(home.parent, os.W_OK):
            continue
        if not blocked_at(home.parent, server_account(home)):
            return home
    raise EmbeddedError(f"None of {', '.join(map(str, candidates))} can be made. Set ASSENT_HOME.")


def prepare_home(home: Path) -> None:
    """Make the home and its inner folders; refuse one that the servers' account cannot reach."""
    account = server_account(home / "postgres")
    try:
        # The servers' account passes through what we make; only the owner may look around.
        before = os.umask(0o066 if account else 0o077)
        try:
            home.mkdir(parents=True, exist_ok=True)
        finally:
            os.umask(before)
        for inner in ("log", "locks", "notes", "processes", "celery"):
            (home / inner).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise EmbeddedError(f"{home} cannot be used: {error.strerror}. Set ASSENT_HOME.") from error
    if account and (barrier := blocked_at(home, account)):
        raise EmbeddedError(
            f"The servers run as '{account.name}', which may not enter {barrier}. Set ASSENT_HOME "
            "to a folder that it can reach (permissions of existing folders are left alone)."
        )


def server_folder(home: Path, name: str) -> tuple[Path, Account | None]:
    """One server's private folder inside the home, and the account that owns it."""
    prepare_home(home)
    folder = home / name
    account = server_account(folder)
    folder.mkdir(mode=0o700, exist_ok=True)
    if account and folder.stat().st_uid == 0:
        os.chown(folder, account.uid, account.gid)
    return folder, account


def socket_folder(home: Path, account: Account | None) -> Path:
    """The 0700 folder of PostgreSQL's socket: in the home when the path is short enough."""
    inner = home / "postgres" / "run"
    folder = inner if _fits(inner) else _short_base(account) / f"assent-{_digest(home)}"
    owner = account.uid if account else os.geteuid()
    try:
        folder.mkdir(mode=0o700)
        if account:
            os.chown(folder, account.uid, account.gid)
    except FileExistsError:
        pass
    status = folder.lstat()
    # /tmp is everyone's: a folder that somebody else put there must not be trusted.
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner or status.st_mode & 0o077:
        raise EmbeddedError(f"{folder} is not a private folder of ours. Remove it, then try again.")
    return folder


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A short home that the servers' account can reach; its servers end with the context."""
    home = Path(os.path.realpath(tempfile.mkdtemp(prefix="assent-", dir=_EVERYONES)))
    home.chmod(0o711 if os.geteuid() == 0 else 0o700)
    try:
        yield home
    finally:
        for binary, folder in (("postgres", "postgres/data"), ("valkey-server", "valkey")):
            processes.stop(processes.find(binary, home / folder), ((signal.SIGKILL, 5.0),))
        remove_home(home)


def remove_home(home: Path) -> None:
    """Delete a home and the socket's folder, wherever that is."""
    if sockets := read_note(home, "socket-folder"):
        shutil.rmtree(sockets, ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)


def read_note(home: Path, name: str) -> str | None:
    """What the last starter of a server wrote down for those who connect, or None."""
    try:
        return (home / "notes" / name).read_text()
    except FileNotFoundError:
        return None


def write_note(home: Path, name: str, text: str) -> None:
    """Write a private note in one step. Notes lie outside the folders of the servers' account, so
    that it cannot make root follow a link of its own."""
    _draft_note(home, name, text).rename(home / "notes" / name)


def keep_note(home: Path, name: str, text: str) -> str:
    """The private note as it was first written, which is now if there is none yet: of two commands
    that come at once, both get what one of them wrote."""
    if (kept := read_note(home, name)) is not None:
        return kept
    drafted = _draft_note(home, name, text)
    with suppress(FileExistsError):
        # Unlike a rename, a link never takes the place of what is there.
        os.link(drafted, home / "notes" / name)
    drafted.unlink()
    return (home / "notes" / name).read_text()


def _draft_note(home: Path, name: str, text: str) -> Path:
    draft = home / "notes" / f"{name}.new-{os.getpid()}-{threading.get_ident()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(descriptor)
    return draft


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_LIMIT


def _short_base(account: Account | None) -> Path:
    base = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if account is None and base.is_absolute() and base.is_dir() and os.access(base, os.W_OK):
        return base
    return _EVERYONES


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
