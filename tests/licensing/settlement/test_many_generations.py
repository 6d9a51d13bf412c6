"""Millions of generations, one by one in the database, come to the published amounts."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection

from ledger.money import to_units
from licensing.commerce.agreements import Price
from licensing.settlement.models import RunPart
from tests.licensing.builders import build_holder, build_subject
from tests.licensing.commerce.builders import build_agreement, build_terms
from tests.licensing.settlement.builders import Studio, build_many, paid, settle

VECTORS = Path(__file__).parents[2] / "vectors" / "allocation.json"


@pytest.mark.faults
@pytest.mark.django_db
def test_two_and_a_half_million_generations_at_a_fraction_of_a_cent() -> None:
    case = json.loads(VECTORS.read_text())["settle_exact"][0]
    studio = Studio()
    holders = [studio.owner, *(build_holder(name).holder for name in ("B", "C", "D"))]
    owners = dict(zip(sorted(case["owners"]), holders, strict=True))
    parts = {
        owner: int(Decimal(case["owners"][name]) * 10)
        for name, owner in owners.items()
        if owner is not None
    }
    luna = build_subject(studio.owner, owners=parts)
    rate = Price(medium="image", unit="generation", amount=Decimal(case["rate"]))
    terms = build_terms(fee_percent=case["fee_percent"], prices=[rate])
    build_agreement(studio.platform, studio.owner, terms=terms)
    build_many(studio.platform, luna, case["units"])
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '45s'")
    run = settle(studio)
    assert RunPart.objects.filter(run=run, kind="rate").count() == 26
    assert {name: to_units(amount) for name, amount in paid(run).items()} == {
        "fee": case["fee"],
        **{owner.name: case["shares"][name] for name, owner in owners.items() if owner is not None},
    }
