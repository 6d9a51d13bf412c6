"""The admin's home: what stands on the accounts, as people read money."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from config.sandbox.management.commands.sandbox import fill
from tests.ledger.payouts.builders import Desk, build_payee

pytestmark = pytest.mark.django_db


def test_money_is_written_with_its_thousands_apart() -> None:
    anton = fill(now=timezone.now()).finance[1]
    build_payee("1234567.50000001")
    Desk().draft()
    client = Client()
    assert client.login(username=anton.username, password=anton.password)
    page = client.get("/admin/?mode=test").content.decode()
    for shown in ("1,234,567.50000001 USD", "1,234,567.50 USD", "1,234,567.50000001</td>"):
        assert shown in page
    assert "1234567" not in page
    accounts = client.get("/admin/journal/account/").content.decode()
    assert "1,234,567.50000001 USD" in accounts
    batches = client.get("/admin/payouts/payoutbatch/").content.decode()
    assert "1,234,567.50 USD" in batches
