"""The end of the demonstration: what happened as tables, and where to look next."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table

from config.sandbox.story import Told
from ledger.money import format_amount


def show(console: Console, told: Told, sandbox: dict[str, Any], verified: str) -> None:
    """Prints the tables."""
    console.print()
    console.print(_happened(told, verified))
    console.print(_royalties(told))
    console.print(_trial_balance(told))
    console.print(_doors(sandbox))


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE,
        show_header=any(columns),
        min_width=52,
    )
    table.add_column(columns[0])
    for name in columns[1:]:
        table.add_column(name, justify="right")
    return table


def _happened(told: Told, verified: str) -> Table:
    table = _table("What happened", "", "")
    for outcome in ("allow", "deny", "needs_approval"):
        table.add_row(f"Consent checks: {outcome.replace('_', ' ')}", f"{told.outcomes[outcome]:,}")
    table.add_row("Generations reported", f"{told.generations:,}")
    table.add_row("  of them remixes", f"{told.remixes:,}")
    table.add_row("  of them without a receipt", f"{told.unlicensed:,}")
    table.add_row("Sealed batches", f"{len(told.batches):,}")
    table.add_row("Settlement runs posted", f"{len(told.runs):,}")
    table.add_row("Statements", f"{len(told.statements):,}")
    if told.payout is not None:
        total = told.payout["total"]
        payees = len(told.payout["items"])
        table.add_row(f"Paid out to {payees} payees", f"{total['amount']} {total['currency']}")
    table.add_row("Books", verified)
    return table


def _royalties(told: Told) -> Table:
    table = _table("Royalties", "Rights holder", "earned to date", "still payable")
    for name, amount in told.earnings.items():
        owed = told.payable.get(name, "0.00")
        table.add_row(name, format_amount(amount, "USD"), owed)
    return table


def _trial_balance(told: Told) -> Table:
    table = _table("Trial balance", "Account", "debit", "credit")
    for currency in told.trial_balance["currencies"]:
        for line in currency["lines"]:
            table.add_row(
                f"{line['role']} {currency['currency']}",
                _side(line["debit"]),
                _side(line["credit"]),
            )
        table.add_section()
        table.add_row(f"Total {currency['currency']}", currency["debit"], currency["credit"])
    return table


def _side(amount: str) -> str:
    return amount if Decimal(amount) else ""


def _doors(sandbox: dict[str, Any]) -> Panel:
    base = sandbox["base_url"]
    doors = Table.grid(padding=(0, 2))
    for title, address in (
        ("Front page", f"{base}/"),
        ("Portal (rights holders)", f"{base}/portal/"),
        ("Admin (finance)", f"{base}/admin/"),
        ("API, to read and to try", f"{base}/api/docs/"),
    ):
        doors.add_row(title, address)
    logins = Table.grid(padding=(0, 2))
    logins.add_row("[bold]Who[/]", "[bold]username[/]", "[bold]password[/]")
    keys = Table.grid(padding=(0, 2))
    keys.add_row("[bold]API keys[/]", "")
    for title, person in _people(sandbox):
        logins.add_row(title, person["username"], person["password"])
        keys.add_row(title, person["api_key"])
    for platform in sandbox["platforms"]:
        keys.add_row(platform["name"], platform["api_key"])
    return Panel(
        Group(doors, "", logins, "", keys), title="Look around", title_align="left", expand=False
    )


def _people(sandbox: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    titles = ("Finance, prepares", "Finance, approves")
    return [
        *((person["name"], person) for person in sandbox["holders"]),
        *zip(titles, sandbox["finance"], strict=True),
        ("Finance, reverses", sandbox["second_approver"]),
        ("Auditor", sandbox["auditor"]),
    ]
