"""The page about deciding offline: its example is run as it stands, by the exported package."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from tests.client import ApiClient
from tests.licensing.builders import build_subject
from tests.licensing.consent.builders import build_generator, build_studio, publish_rule

pytestmark = pytest.mark.django_db


def example() -> str:
    """The one piece of Python on the page."""
    page = (Path(settings.BASE_DIR) / "docs" / "offline.md").read_text()
    (found,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    return str(found)


def test_the_example_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("export_offline_engine", str(tmp_path))
    assert "assent_offline/offline.py" in capsys.readouterr().out
    monkeypatch.syspath_prepend(tmp_path)
    studio, generator = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    rule = publish_rule(studio, territories={"only": ["US"]}, now=timezone.now())
    client = ApiClient(generator.actor)

    def get(path: str) -> Any:
        return client.http.get(path, headers=client.headers()).json()

    given = {"get": get, "PLATFORM": generator.platform.shown_id, "SUBJECT": hero.shown_id}
    code = compile(example(), "docs/offline.md", "exec")
    exec(code, dict(given))
    told = [capsys.readouterr().out]
    client_of_the_holder = ApiClient(studio.actor)
    client_of_the_holder.post(
        f"/consent-rules/{rule.shown_id}/revoke", **{"If-Match": '"1.1.published"'}
    )
    exec(code, dict(given))
    told.append(capsys.readouterr().out)
    assert told == ["allow\n", "deny\n"]
    for name in [name for name in sys.modules if name.startswith("assent_offline")]:
        monkeypatch.delitem(sys.modules, name)
