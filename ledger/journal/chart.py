"""The chart of accounts: which roles an account can have, for whom, and how it behaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import TextChoices


class Mode(TextChoices):
    """Test books and live books never meet."""

    TEST = "test", "Test"
    LIVE = "live", "Live"


class Side(TextChoices):
    """The side on which an account grows."""

    DEBIT = "debit", "Debit"
    CREDIT = "credit", "Credit"


class PartyKind(TextChoices):
    """What a party is to the books."""

    HOLDER = "holder", "Rights holder"
    PLATFORM = "platform", "Platform"
    HOUSE = "house", "House"
    AUTHORITY = "authority", "Authority"
    BANK = "bank", "Bank or rail"


class AccountKind(TextChoices):
    """Where an account stands in the accounts of the year."""

    ASSET = "asset", "Asset"
    LIABILITY = "liability", "Liability"
    INCOME = "income", "Income"
    CLEARING = "clearing", "Clearing"


class Role(TextChoices):
    """What an account is for."""

    RECEIVABLE = "receivable", "Receivable"
    CASH = "cash", "Cash"
    ADVANCE = "advance", "Advance"
    CLAWBACK = "clawback", "Clawback"
    PAYABLE = "payable", "Payable"
    HELD = "held", "Held"
    RESERVE = "reserve", "Reserve"
    IN_FLIGHT = "in_flight", "In flight"
    TAX_WITHHELD = "tax_withheld", "Tax withheld"
    SUSPENSE = "suspense", "Suspense"
    FEE_INCOME = "fee_income", "Fee income"
    GUARANTEE_INCOME = "guarantee_income", "Guarantee income"
    FX_GAIN_LOSS = "fx_gain_loss", "Exchange gain and loss"
    FX_POSITION = "fx_position", "Exchange position"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRule:
    """How accounts of a role behave. `may_overdraw`: whether the balance may fall below zero."""

    kind: AccountKind
    party_kind: PartyKind
    normal_side: Side
    may_overdraw: bool


def _rule(kind: AccountKind, party: PartyKind, side: Side, *, may_overdraw: bool) -> RoleRule:
    return RoleRule(kind=kind, party_kind=party, normal_side=side, may_overdraw=may_overdraw)


_ASSET, _LIABILITY = AccountKind.ASSET, AccountKind.LIABILITY
_INCOME, _CLEARING = AccountKind.INCOME, AccountKind.CLEARING
_DEBIT, _CREDIT = Side.DEBIT, Side.CREDIT
_HOLDER, _HOUSE = PartyKind.HOLDER, PartyKind.HOUSE

# A platform may pay ahead and a bank may lend, so those two may stand below zero. What is owed to
# a holder may not: that is what makes a hold a plain transfer.
CHART: Final[Mapping[Role, RoleRule]] = {
    Role.RECEIVABLE: _rule(_ASSET, PartyKind.PLATFORM, _DEBIT, may_overdraw=True),
    Role.CASH: _rule(_ASSET, PartyKind.BANK, _DEBIT, may_overdraw=True),
    Role.ADVANCE: _rule(_ASSET, _HOLDER, _DEBIT, may_overdraw=False),
    Role.CLAWBACK: _rule(_ASSET, _HOLDER, _DEBIT, may_overdraw=False),
    Role.PAYABLE: _rule(_LIABILITY, _HOLDER, _CREDIT, may_overdraw=False),
    Role.HELD: _rule(_LIABILITY, _HOLDER, _CREDIT, may_overdraw=False),
    Role.RESERVE: _rule(_LIABILITY, _HOLDER, _CREDIT, may_overdraw=False),
    Role.IN_FLIGHT: _rule(_LIABILITY, _HOLDER, _CREDIT, may_overdraw=False),
    Role.TAX_WITHHELD: _rule(_LIABILITY, PartyKind.AUTHORITY, _CREDIT, may_overdraw=False),
    Role.SUSPENSE: _rule(_LIABILITY, _HOUSE, _CREDIT, may_overdraw=False),
    Role.FEE_INCOME: _rule(_INCOME, _HOUSE, _CREDIT, may_overdraw=True),
    Role.GUARANTEE_INCOME: _rule(_INCOME, _HOUSE, _CREDIT, may_overdraw=True),
    Role.FX_GAIN_LOSS: _rule(_INCOME, _HOUSE, _CREDIT, may_overdraw=True),
    Role.FX_POSITION: _rule(_CLEARING, _HOUSE, _CREDIT, may_overdraw=True),
}
