"""The journal as text, the way an accountant reads it."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.journal.models import Account, Entry, Transfer
from ledger.money import format_amount


def journal_text(entries: Iterable[Entry]) -> str:
    """Each entry under its day, kind and key, its lines as `Dr account  Cr account  amount`.

    Lines are in the order of the entry; an account is `role:party`, with its subject if it has one.
    The queries do not grow with the number of lines.
    """
    found = list(entries)
    lines: dict[object, list[Transfer]] = {}
    for transfer in Transfer.objects.filter(entry__in=found).order_by("entry_id", "line"):
        lines.setdefault(transfer.entry_id, []).append(transfer)
    touched = {
        account
        for transfers in lines.values()
        for transfer in transfers
        for account in (transfer.debit_account_id, transfer.credit_account_id)
    }
    accounts = Account.objects.select_related("party").in_bulk(touched)
    names = {pk: _name(account) for pk, account in accounts.items()}
    blocks = []
    for entry in found:
        rows = [
            (
                names[transfer.debit_account_id],
                names[transfer.credit_account_id],
                f"{format_amount(transfer.amount, transfer.currency)} {transfer.currency}",
                transfer.subject,
            )
            for transfer in lines.get(entry.pk, ())
        ]
        blocks.append("\n".join([_heading(entry), *_aligned(rows)]))
    return "\n".join(blocks)


def _heading(entry: Entry) -> str:
    memo = f"  {entry.memo}" if entry.memo else ""
    return f"{entry.effective_on}  {entry.kind}  {entry.key}{memo}"


def _aligned(rows: list[tuple[str, str, str, str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(3)] if rows else []
    return [
        f"    Dr {debit:<{widths[0]}}  Cr {credit:<{widths[1]}}  {amount:>{widths[2]}}"
        f"  {subject}".rstrip()
        for debit, credit, amount, subject in rows
    ]


def _name(account: Account) -> str:
    tail = f":{account.subject}" if account.subject else ""
    return f"{account.role}:{account.party.ref}{tail}"
