"""Published amounts, to the last of eight decimals, through real runs on the database."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any

import pytest

from ledger.journal.chart import Role
from ledger.money import to_units
from licensing.catalog.models import RightsHolder, Subject
from licensing.commerce.agreements import Price
from tests.licensing.builders import Household, build_holder, build_platform, build_subject
from tests.licensing.commerce.builders import build_agreement, build_terms
from tests.licensing.settlement.settling import balance, settle
from tests.licensing.usage.builders import build_receipt, report, upload

pytestmark = pytest.mark.django_db

VECTORS = Path(__file__).parents[2] / "vectors" / "allocation.json"
CASES = json.loads(VECTORS.read_text(), parse_float=Decimal)["settle_exact"]
NOW = datetime(2026, 10, 31, 20, 0, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)
# The longest a single generation may be, in seconds.
LONGEST = 1_000_000


def build_owners(names: dict[str, str]) -> dict[str, RightsHolder]:
    """Holders whose ids stand in the order of the names, because ties go by id."""
    made = sorted((holder_of(build_holder()) for _ in names), key=lambda holder: holder.pk)
    return dict(zip(sorted(names), made, strict=True))


def holder_of(household: Household) -> RightsHolder:
    assert household.holder is not None
    return household.holder


def in_parts(owners: dict[str, RightsHolder], given: dict[str, str]) -> dict[RightsHolder, int]:
    """Percentages or fractions as whole parts: `1/3` is one of three."""
    fractions = {name: Fraction(text) for name, text in given.items()}
    whole = sum(fractions.values())
    scale = lcm(*((share / whole).denominator for share in fractions.values()))
    return {owners[name]: int(share / whole * scale) for name, share in fractions.items()}


def seconds_of(units: int) -> list[int]:
    """As few generations as it takes to last so many seconds."""
    full, rest = divmod(units, LONGEST)
    return [LONGEST] * full + ([rest] if rest else [])


def report_seconds(platform: Household, subject: Subject, units: int) -> None:
    assert platform.platform is not None
    receipt = build_receipt(
        platform.platform,
        [subject],
        action="generate_video",
        generations=100,
        issued_at=datetime(2026, 10, 31, 8, 0, tzinfo=UTC),
        expires_at=datetime(2026, 10, 31, 20, 0, tzinfo=UTC),
    )
    upload(
        platform.actor,
        [
            report(
                subject,
                medium="video",
                seconds=seconds,
                receipt=receipt,
                occurred_at="2026-10-31T12:00:00Z",
            )
            for seconds in seconds_of(units)
        ],
        now=NOW,
    )


@pytest.mark.parametrize("case", CASES, ids=[case["about"][:40] for case in CASES])
def test_the_published_amounts_come_out_of_a_run(case: dict[str, Any]) -> None:
    owners = build_owners(case["owners"])
    platform = build_platform()
    assert platform.platform is not None
    subject = build_subject(owners["a"], owners=in_parts(owners, case["owners"]))
    build_agreement(
        platform.platform,
        owners["a"],
        terms=build_terms(
            fee_percent=case["fee_percent"],
            prices=[Price(medium="video", unit="second", amount=Decimal(case["rate"]))],
        ),
    )
    report_seconds(platform, subject, case["units"])

    run = settle(platform.platform, period=OCTOBER, now=NOW)

    paid = {
        name: to_units(balance(holder.party_ref, Role.PAYABLE)) for name, holder in owners.items()
    }
    assert paid == case["shares"]
    assert to_units(balance("house", Role.FEE_INCOME)) == case["fee"]
    owed = to_units(balance(platform.platform.party_ref, Role.RECEIVABLE))
    assert owed == case["fee"] + sum(case["shares"].values())
    assert to_units(run.total.amount) == owed


def test_what_is_too_small_for_the_ledger_alone_is_not_lost_together() -> None:
    """A tenth of the ledger's smallest unit each: a run of nine rounds to one unit, once."""
    platform = build_platform()
    assert platform.platform is not None
    owner = holder_of(build_holder())
    subject = build_subject(owner)
    build_agreement(
        platform.platform,
        owner,
        terms=build_terms(
            fee_percent="0",
            prices=[
                Price(medium="image", unit="generation", amount=Decimal("0.000000001")),
                Price(
                    medium="image",
                    unit="generation",
                    amount=Decimal("0.000000001"),
                    licensed=False,
                ),
            ],
        ),
    )
    for expected, count in (("0", 4), ("0.00000001", 5), ("0.00000001", 5), ("0.00000002", 6)):
        upload(
            platform.actor,
            [report(subject, occurred_at="2026-10-31T12:00:00Z") for _ in range(count)],
            now=NOW,
        )
        settle(platform.platform, period=OCTOBER, now=NOW)
        assert balance(owner.party_ref, Role.PAYABLE) == Decimal(expected)
