"""Which account the servers run as: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from config.embedded.errors import EmbeddedError

_CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An unprivileged account of this machine."""

    name: str
    uid: int
    gid: int


def server_account(folder: Path) -> Account | None:
    """The account for the servers of `folder`, or None for the current one (unless that is root).

    A folder that has an owner keeps it: an account that is installed later must not lock us out.
    """
    if os.geteuid() != 0:
        return None
    if folder.exists() and (owner := folder.stat()).st_uid != 0:
        return Account(name=_name(owner.st_uid), uid=owner.st_uid, gid=owner.st_gid)
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise EmbeddedError(
        "PostgreSQL does not run as root, and this machine has neither of the accounts "
        f"{' and '.join(_CANDIDATES)}. Run as another user, or set DATABASE_URL and REDIS_URL."
    )


def blocked_at(folder: Path, account: Account | None) -> Path | None:
    """The topmost folder on the way to `folder` that the account may not pass, or None."""
    if account is None:
        return None
    for step in (*reversed(folder.parents), folder):
        if step.exists() and not _passes(step, account):
            return step
    return None


def _passes(folder: Path, account: Account) -> bool:
    status = folder.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
