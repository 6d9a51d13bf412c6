"""Who is paid and how much: whole minor units, from the threshold up, to a known destination."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.payouts import iban
from ledger.payouts.proposal import Payable, decide

VECTORS = Path(__file__).parents[2] / "vectors" / "allocation.json"


def payable(party: str, owed: str, **changes: object) -> Payable:
    given: dict[str, object] = {
        "party": party,
        "owed": Decimal(owed),
        "promised": Decimal(0),
        "has_destination": True,
    }
    return Payable(**(given | changes))  # type: ignore[arg-type]


def test_the_fraction_of_a_cent_stays_payable() -> None:
    for case in json.loads(VECTORS.read_text())["payout"]:
        decided = decide(
            [payable("hld_a", case["payable"])], currency=case["currency"], threshold=Decimal(0)
        )
        [payment] = decided.payments
        assert (payment.amount, payment.kept) == (Decimal(case["paid"]), Decimal(case["kept"]))


@pytest.mark.parametrize(
    ("owed", "currency", "paid"),
    [("1250.99999999", "JPY", "1250"), ("1.23456789", "KWD", "1.234"), ("0.01", "EUR", "0.01")],
)
def test_each_currency_has_its_own_minor_unit(owed: str, currency: str, paid: str) -> None:
    decided = decide([payable("hld_a", owed)], currency=currency, threshold=Decimal(0))
    assert [payment.amount for payment in decided.payments] == [Decimal(paid)]


def test_everybody_left_out_is_told_why() -> None:
    decided = decide(
        [
            payable("hld_d", "9.99"),
            payable("hld_c", "50", has_destination=False),
            payable("hld_b", "50", promised=Decimal(50)),
            payable("hld_a", "10.00"),
            payable("hld_e", "0"),
        ],
        currency="USD",
        threshold=Decimal(10),
    )
    assert [payment.party for payment in decided.payments] == ["hld_a"]
    assert [(each.party, each.reason) for each in decided.left_out] == [
        ("hld_b", "already_proposed"),
        ("hld_c", "no_destination"),
        ("hld_d", "below_threshold"),
    ]
    assert decided.left_out[2].detail == "9.99 USD is less than the threshold of 10.00 USD."


def test_less_than_a_cent_cannot_be_paid_even_without_a_threshold() -> None:
    decided = decide([payable("hld_a", "0.00999999")], currency="USD", threshold=Decimal(0))
    assert not decided.payments
    assert decided.left_out[0].reason == "below_minor_unit"


def test_what_another_open_batch_promises_is_not_promised_again() -> None:
    decided = decide(
        [payable("hld_a", "80", promised=Decimal(50))], currency="USD", threshold=Decimal(10)
    )
    assert decided.payments[0].amount == Decimal("30.00")


@pytest.mark.parametrize(
    "account",
    [
        "DE89370400440532013000",
        "GB29NWBK60161331926819",
        "NO9386011117947",
        "FR1420041010050500013M02606",
    ],
)
def test_ibans_of_the_standard_are_read(account: str) -> None:
    assert iban.is_iban(account)


@pytest.mark.parametrize(
    "account",
    [
        "DE89370400440532013001",  # a wrong digit
        "DE8937040044053201300",  # too short
        "XX89370400440532013000",  # no such country
        "DE８９370400440532013000",  # fullwidth digits
        "",
        "hello",
    ],
)
def test_what_is_no_iban_is_refused(account: str) -> None:
    assert not iban.is_iban(account)


def test_an_account_is_shown_by_its_end_only() -> None:
    assert iban.mask("DE89370400440532013000") == "DE••••3000"
    assert iban.mask("Cash box 7 in the safe") == "••••safe"
    assert iban.mask("12345") == "••••"
