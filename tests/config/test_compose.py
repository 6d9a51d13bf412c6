"""compose.yaml: what it asks for, and the application's role as its snippet makes it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from config.embedded import binaries, homes
from config.embedded.postgres import PostgresServer

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_what_it_asks_for_stands_in_the_example() -> None:
    text = (ROOT / "compose.yaml").read_text()
    example = (ROOT / ".env.example").read_text()
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    assert {"SECRET_KEY", "RECEIPT_KEY_SECRET"} < asked
    for name in asked:
        assert f"# {name}=" in example


def test_the_application_does_not_know_the_superusers_password() -> None:
    postgres = COMPOSE["services"]["postgres"]["environment"]
    assert len(set(postgres.values())) == len(postgres) == 2
    for name in ("migrate", "web", "worker", "beat"):
        given = COMPOSE["services"][name]["environment"]
        assert given["DATABASE_URL"].startswith("postgresql://assent:${APPLICATION_PASSWORD:?")
        # The file with everybody's variables is read too; this one wins over it.
        assert given["POSTGRES_PASSWORD"] == ""


@pytest.fixture
def empty() -> Iterator[PostgresServer]:
    """A PostgreSQL that has neither the application's role nor its database."""
    with homes.temporary_home() as home:
        server = PostgresServer(home)
        server.start()
        with psycopg.connect(as_superuser(server), autocommit=True) as connection:
            connection.execute("DROP DATABASE assent")
            connection.execute("DROP ROLE assent")
        yield server
        server.stop()


def as_superuser(server: PostgresServer) -> str:
    sockets = homes.read_note(server.home, "socket-folder")
    return f"host={sockets} user=postgres dbname=postgres"


@pytest.mark.parametrize("password", ["5f0c" * 16, "it's; \"$HOME\" \\ :'x' -- 100%"])
def test_the_applications_role_is_made_whatever_its_password(
    empty: PostgresServer, tmp_path: Path, password: str
) -> None:
    script = tmp_path / "10-application-role.sh"
    script.write_text(COMPOSE["configs"]["application-role"]["content"].replace("$$", "$"))
    server_binaries = binaries.postgres_folder(empty.home, None)
    subprocess.run(
        ["sh", script],
        env={
            "PATH": f"{server_binaries}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": str(homes.read_note(empty.home, "socket-folder")),
            "APPLICATION_PASSWORD": password,
        },
        check=True,
        capture_output=True,
    )
    with psycopg.connect(as_superuser(empty)) as connection:
        role = connection.execute(
            "SELECT rolcanlogin, rolsuper, rolbypassrls, rolpassword FROM pg_authid"
            " WHERE rolname = 'assent'"
        ).fetchone()
        owner = connection.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'assent'"
        ).fetchone()
    assert role is not None
    assert role[:3] == (True, False, False)
    assert is_hash_of(role[3], password)
    assert owner == ("assent",)


def is_hash_of(verifier: str, password: str) -> bool:
    """Whether PostgreSQL keeps this password (RFC 5803)."""
    method, parameters, keys = verifier.split("$")
    iterations, salt = parameters.split(":")
    salted = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), base64.b64decode(salt), int(iterations)
    )
    client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    return method == "SCRAM-SHA-256" and keys.split(":")[0] == base64.b64encode(client).decode()
