"""`manage.py settle`: a run from the command line."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from licensing.settlement import runs
from licensing.settlement.models import Run
from tests.licensing.commerce.builders import build_agreement
from tests.licensing.settlement.builders import Made, Studio, build_batch, forward

pytestmark = pytest.mark.django_db


def test_it_brings_a_run_to_its_review_and_says_what_it_comes_to() -> None:
    studio = Studio()
    build_agreement(studio.platform, studio.owner)
    build_batch(studio.platform, [Made(subjects=studio.character(), licensed=True)] * 5)
    said = [f"--platform={studio.platform.shown_id}", "--period=2026-10", "--currency=USD"]
    told = io.StringIO()
    call_command("settle", *said, stdout=told)
    run = Run.objects.get()
    assert run.state == "in_review"
    for words in (run.shown_id, studio.owner.name, "0.0085 USD", "0.01 USD", run.content_hash_hex):
        assert words in told.getvalue()
    # Again goes on with the same run.
    call_command("settle", *said, stdout=io.StringIO())
    assert Run.objects.count() == 1
    # Nobody started it, so any person of the house may approve it.
    now = timezone.now()
    runs.approve_run(
        actor=studio.finance.approver, now=now, run=run, content_hash=run.content_hash_hex
    )
    assert forward(run, now=now).state == "posted"


@pytest.mark.parametrize(
    ("platform", "period", "currency"),
    [
        ("plt_nothing", "2026-10", "USD"),
        ("plt_06evgh4c2xskgjz3kq1v6t9m8n", "2026-10", "USD"),
        ("", "October", "USD"),
        ("", "2199-01", "USD"),
        ("", "2026-10", "usd"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(
    platform: str, period: str, currency: str
) -> None:
    shown = platform or Studio().platform.shown_id
    with pytest.raises(CommandError):
        call_command(
            "settle", f"--platform={shown}", f"--period={period}", f"--currency={currency}"
        )
    assert not Run.objects.exists()
