"""A process killed with -9 while it hands a batch to its rail: asked about, never sent again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from django.db import connection

from ledger.journal.chart import Role
from ledger.payouts import execution
from ledger.payouts.rails import Answer, Instruction
from tests.ledger.payouts.builders import NOW, Desk, build_payee, holds, only

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).parents[3]

# Takes the payments, as the bank would, and is dead before it can say so.
CHILD = """
import os, signal, sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from datetime import datetime
from ledger.actor import system_actor
from ledger.payouts import execution
from ledger.payouts.models import PayoutBatch

class Bank:
    def submit(self, instructions):
        with open(sys.argv[3], "a") as book:
            for each in instructions:
                print(each.rail_id, file=book)
        os.kill(os.getpid(), signal.SIGKILL)

batch = PayoutBatch.objects.get(pk=sys.argv[2])
now = datetime.fromisoformat(sys.argv[4])
execution.submit(actor=system_actor(mode="test"), now=now, batch=batch, rail=Bank())
"""


class Bank:
    """The same bank afterwards: it knows what it took, and would take it twice."""

    def __init__(self, book: Path) -> None:
        self.book = book

    @property
    def took(self) -> list[str]:
        return self.book.read_text().split()

    def submit(self, instructions: Sequence[Instruction]) -> Mapping[str, Answer]:
        with self.book.open("a") as book:
            book.writelines(f"{each.rail_id}\n" for each in instructions)
        return self.look_up([each.rail_id for each in instructions])

    def look_up(self, rail_ids: Sequence[str]) -> Mapping[str, Answer]:
        return {each: Answer(outcome="accepted") for each in rail_ids if each in self.took}


def test_killed_between_the_call_and_its_answer(tmp_path: Path) -> None:
    desk = Desk()
    payee = build_payee("30.00")
    batch = desk.reserved()
    book = tmp_path / "book"
    child = subprocess.run(
        [
            sys.executable,
            "-c",
            CHILD,
            str(connection.settings_dict["NAME"]),
            str(batch.pk),
            str(book),
            NOW.isoformat(),
        ],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
        check=False,
        timeout=60,
    )
    assert child.returncode == -signal.SIGKILL
    batch.refresh_from_db()
    assert (batch.state, only(batch).state) == ("submitting", "sent")

    bank = Bank(book)
    execution.submit(actor=desk.preparer, now=NOW, batch=batch, rail=bank)
    late = NOW + execution.CALL
    batch = execution.look_again(actor=desk.preparer, now=late, batch=batch, rail=bank)
    assert bank.took == [only(batch).shown_id]
    assert (batch.state, only(batch).state) == ("submitted", "accepted")
    assert holds(payee, Role.IN_FLIGHT) == "30.00000000"
