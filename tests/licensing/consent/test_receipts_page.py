"""The page about receipts: its example is run as it stands, on real receipts and real key sets."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography.exceptions import InvalidSignature
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from ledger.actor import system_actor
from licensing.catalog.models import Subject
from licensing.consent import bundles, keys
from tests.licensing.builders import build_subject
from tests.licensing.consent.builders import (
    Generator,
    ask,
    build_generator,
    build_studio,
    publish_rule,
)

pytestmark = pytest.mark.django_db
PAGE = Path(settings.BASE_DIR) / "docs" / "receipts.md"
Claims = dict[str, Any]


def example() -> str:
    """The one piece of Python on the page."""
    (found,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(found)


@pytest.fixture
def open_receipt() -> Callable[[str, Claims, str], Claims | None]:
    given: dict[str, Any] = {}
    exec(compile(example(), str(PAGE), "exec"), given)
    found: Callable[[str, Claims, str], Claims | None] = given["open_receipt"]
    return found


@pytest.fixture
def generator() -> Generator:
    return build_generator()


@pytest.fixture
def hero() -> Subject:
    """A character that is free for all."""
    studio = build_studio()
    publish_rule(studio, obligations={"watermark": True})
    return build_subject(studio.holder)


def receipt_of(generator: Generator, hero: Subject, now: datetime | None = None) -> str:
    receipt = ask(generator, hero, now=now or timezone.now(), territory="US").receipt
    assert receipt
    return receipt


def jwks() -> Claims:
    """The key set as anyone may save it."""
    found: Claims = json.loads(Client().get("/.well-known/jwks.json").content)
    return found


def rotate() -> None:
    keys.rotate(actor=system_actor(mode="live"), now=timezone.now())


def test_the_example_is_ten_lines_of_one_package() -> None:
    assert len([line for line in example().splitlines() if line.strip()]) <= 10
    imported = set()
    for node in ast.walk(ast.parse(example())):
        if isinstance(node, ast.Import):
            imported |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}


def test_every_claim_is_told_on_the_page(
    generator: Generator, hero: Subject, open_receipt: Any
) -> None:
    claims = open_receipt(receipt_of(generator, hero), jwks(), generator.platform.shown_id)
    page = PAGE.read_text()
    assert [name for name in claims if f"`{name}`" not in page] == []
    assert claims["subjects"] == [hero.shown_id]
    assert claims["facts"] == {"territory": "US"}
    assert claims["obligations"] == {"watermark": True}


def test_one_that_is_late_or_anothers_is_not_taken(
    generator: Generator, hero: Subject, open_receipt: Any
) -> None:
    ours = generator.platform.shown_id
    day = timedelta(hours=24)
    late = receipt_of(generator, hero, timezone.now() - day)
    last = receipt_of(generator, hero, timezone.now() - day + timedelta(minutes=1))
    assert open_receipt(late, jwks(), ours) is None
    assert open_receipt(last, jwks(), ours)["aud"] == ours
    assert open_receipt(last, jwks(), build_generator().platform.shown_id) is None


def test_a_bundle_is_no_receipt(generator: Generator, hero: Subject, open_receipt: Any) -> None:
    now = timezone.now()
    content = bundles.content_of(platform=generator.platform, mode="test", now=now)
    compact = bundles.issue(content, now=now).compact
    assert open_receipt(compact, jwks(), generator.platform.shown_id) is None


def test_one_that_was_tampered_with_raises(
    generator: Generator, hero: Subject, open_receipt: Any
) -> None:
    ours = generator.platform.shown_id
    good, other = receipt_of(generator, hero), receipt_of(generator, hero)
    header, claims, signature = good.split(".")
    for forged in (
        f"{header}.{other.split('.')[1]}.{signature}",
        f"{header}.{claims}.{other.split('.')[2]}",
        f"{header}.{claims}.",
        f"{header}.{claims}.{signature}AAAA",
    ):
        with pytest.raises(InvalidSignature):
            open_receipt(forged, jwks(), ours)
    for nothing in ("", "a.b", f"{header}.{claims}"):
        with pytest.raises((ValueError, InvalidSignature)):
            open_receipt(nothing, jwks(), ours)


def test_a_rotation_leaves_saved_keys_and_earlier_receipts_good(
    generator: Generator, hero: Subject, open_receipt: Any
) -> None:
    ours = generator.platform.shown_id
    before, saved = receipt_of(generator, hero), jwks()
    rotate()
    after, fetched = receipt_of(generator, hero), jwks()
    assert before.split(".")[0] != after.split(".")[0]
    for receipt in (before, after):
        for known in (saved, fetched):
            assert open_receipt(receipt, known, ours)["aud"] == ours
    rotate()
    # As the page says: after two rotations a saved set is too old for what is new.
    newest = receipt_of(generator, hero)
    with pytest.raises(KeyError):
        open_receipt(newest, saved, ours)
    assert open_receipt(newest, jwks(), ours)["aud"] == ours


def test_a_retired_key_is_published_for_ninety_days(
    generator: Generator, hero: Subject, open_receipt: Any
) -> None:
    ours = generator.platform.shown_id
    receipt, saved = receipt_of(generator, hero), jwks()
    rotate()
    with time_machine.travel(timezone.now() + timedelta(days=89), tick=False):
        # Genuine, and long over.
        assert open_receipt(receipt, jwks(), ours) is None
    with time_machine.travel(timezone.now() + timedelta(days=91), tick=False):
        with pytest.raises(KeyError):
            open_receipt(receipt, jwks(), ours)
        assert open_receipt(receipt, saved, ours) is None


def test_the_command_verifies_one_in_time_with_and_without_saved_keys(
    generator: Generator, hero: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = receipt_of(generator, hero)
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(jwks()))
    for said, options in ((receipt, {}), (receipt, {"jwks": path}), ("-", {"jwks": path})):
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{receipt}\n"))
        output = io.StringIO()
        call_command("verify_receipt", said, stdout=output, **options)
        assert json.loads(output.getvalue())["aud"] == generator.platform.shown_id


def test_the_command_tells_a_bad_key_set_from_a_bad_receipt(
    generator: Generator, hero: Subject, tmp_path: Path
) -> None:
    receipt = receipt_of(generator, hero)
    path = tmp_path / "jwks.json"
    with pytest.raises(CommandError, match="not a key set"):
        call_command("verify_receipt", receipt, jwks=path)
    nothings = (
        "{",
        "[]",
        "null",
        '{"keys": 1}',
        '{"keys": []}',
        '{"keys": [1]}',
        '{"keys": [{"kty": "x"}]}',
    )
    for nothing in nothings:
        path.write_text(nothing)
        with pytest.raises(CommandError, match="not a key set"):
            call_command("verify_receipt", receipt, jwks=path)
    path.write_text(json.dumps(jwks()))
    with pytest.raises(CommandError, match="not a receipt"):
        call_command("verify_receipt", f"{receipt}x", jwks=path)


def test_the_command_asks_no_database(generator: Generator, hero: Subject, tmp_path: Path) -> None:
    receipt = receipt_of(generator, hero)
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(jwks()))
    run = subprocess.run(
        [sys.executable, "manage.py", "verify_receipt", "-", "--jwks", str(path)],
        cwd=settings.BASE_DIR,
        env={
            "PATH": "",
            "SECRET_KEY": "any",
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        },
        input=receipt,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["aud"] == generator.platform.shown_id
