"""The one way in: what it takes, what it refuses, and that a repeat has no second effect."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from psycopg import sql

from ledger.errors import DomainError
from ledger.ids import new_id
from ledger.journal import accounts, parties
from ledger.journal.chart import PartyKind, Role
from ledger.journal.models import Account, Balance, Entry, Movement, Transfer
from ledger.journal.posting import reverse
from ledger.journal.refusals import (
    AlreadyReversed,
    BadAmount,
    BadHeader,
    BadTransfer,
    EntryDiffers,
    FuturePeriod,
    NoTransfers,
    Overdrawn,
    PartyDiffers,
    UnknownAccount,
    UnknownEntry,
    UnknownParty,
    WrongParty,
)
from ledger.journal.sources import TransferLine, TransferQuery
from ledger.journal.verification import verify
from tests.ledger.journal.builders import (
    EARNED,
    NOW,
    OCTOBER,
    Ledger,
    account,
    build_ledger,
    move,
)


def line(amount: str) -> TransferLine:
    return move(Role.RECEIVABLE, Role.PAYABLE, amount)


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Entry, Transfer, Movement, Account, Balance))


def test_a_repeat_answers_with_the_same_entry(ledger: Ledger) -> None:
    first = ledger.post(key="run-1")
    before = counts()
    again = ledger.post(key="run-1", at=NOW.replace(hour=23), memo="asked again")
    assert (first.created, again.created) == (True, False)
    assert (first.entry_id, first.hash, first.height) == (again.entry_id, again.hash, again.height)
    assert counts() == before
    assert ledger.balance(Role.PAYABLE) == Decimal("12.50")


@pytest.mark.parametrize(
    "lines",
    [
        (line("12.51"),),
        (EARNED, EARNED),
        (move(Role.RECEIVABLE, Role.PAYABLE, "12.50", "another subject"),),
        (move(Role.RECEIVABLE, account(Role.PAYABLE, "bo"), "12.50"),),
        (move(Role.PAYABLE, Role.RECEIVABLE, "12.50"),),
    ],
)
def test_the_same_key_with_other_lines_is_refused(
    ledger: Ledger, lines: tuple[TransferLine, ...]
) -> None:
    ledger.post(EARNED, key="run-1")
    before = counts()
    with pytest.raises(EntryDiffers, match="run-1"):
        ledger.post(*lines, key="run-1")
    assert counts() == before


def test_the_same_key_of_another_kind_is_refused(ledger: Ledger) -> None:
    ledger.post(EARNED, key="run-1")
    with pytest.raises(EntryDiffers):
        ledger.post(EARNED, key="run-1", kind="receipt")


def test_each_book_has_its_own_keys(ledger: Ledger) -> None:
    other = build_ledger(name="another")
    assert ledger.post(key="run-1").entry_id != other.post(key="run-1").entry_id
    assert ledger.balance(Role.PAYABLE) == other.balance(Role.PAYABLE) == Decimal("12.50")


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        ((line("0"),), BadAmount),
        ((line("-1"),), BadAmount),
        ((line("NaN"),), BadAmount),
        ((line("Infinity"),), BadAmount),
        ((line("0.000000001"),), BadAmount),
        ((line("1000000000000000.00000001"),), BadAmount),
        ((move(Role.PAYABLE, Role.PAYABLE, "1"),), BadTransfer),
        ((move(account(Role.RECEIVABLE, currency="EUR"), Role.PAYABLE, "1"),), BadTransfer),
        ((move(Role.RECEIVABLE, Role.PAYABLE, "1", "x" * 121),), BadTransfer),
        ((move(Role.RECEIVABLE, Role.PAYABLE, "1", "nul\x00"),), BadTransfer),
        (
            (
                move(
                    account(Role.RECEIVABLE, currency="ZZZ"),
                    account(Role.PAYABLE, currency="ZZZ"),
                    "1",
                ),
            ),
            BadTransfer,
        ),
        ((move(account(Role.RECEIVABLE, subject="s" * 81), Role.PAYABLE, "1"),), BadTransfer),
        ((move(Role.RECEIVABLE, account(Role.PAYABLE, "nobody"), "1"),), UnknownParty),
        ((move(Role.RECEIVABLE, account(Role.PAYABLE, "reel"), "1"),), WrongParty),
        ((EARNED, move(Role.HELD, Role.PAYABLE, "1"), line("0")), BadAmount),
    ],
)
def test_what_is_no_transfer_is_refused_and_leaves_nothing(
    ledger: Ledger, lines: tuple[TransferLine, ...], refusal: type[DomainError]
) -> None:
    before = counts()
    with pytest.raises(refusal):
        ledger.post(*lines)
    assert counts() == before


def test_an_entry_without_lines_is_refused(ledger: Ledger) -> None:
    with pytest.raises(NoTransfers):
        ledger.post(source=[])


@pytest.mark.parametrize(
    "header",
    [{"kind": "x" * 61}, {"memo": "x" * 501}, {"key": "k" * 201}, {"key": "k\x00"}],
)
def test_a_header_that_says_too_much_is_refused(ledger: Ledger, header: dict[str, str]) -> None:
    with pytest.raises(BadHeader):
        ledger.post(EARNED, **header)  # type: ignore[arg-type]


def test_a_moment_without_an_offset_is_refused(ledger: Ledger) -> None:
    with pytest.raises(BadHeader):
        ledger.post(at=datetime(2026, 11, 2))  # noqa: DTZ001 - what is refused


def test_the_future_is_refused(ledger: Ledger) -> None:
    with pytest.raises(FuturePeriod):
        ledger.post(on=date(2026, 12, 1))
    ledger.post(on=date(2026, 11, 30))


@pytest.mark.parametrize(
    "role",
    [Role.PAYABLE, Role.HELD, Role.RESERVE, Role.IN_FLIGHT, Role.TAX_WITHHELD, Role.SUSPENSE],
)
def test_what_is_owed_never_falls_below_zero(ledger: Ledger, role: Role) -> None:
    ledger.post(move(Role.RECEIVABLE, role, "5"))
    with pytest.raises(Overdrawn):
        ledger.post(move(role, Role.CASH, "5.00000001"))
    assert ledger.balance(role) == 5


def test_an_entry_is_judged_by_where_it_ends(ledger: Ledger) -> None:
    """The order of lines within an entry is no reason to refuse it."""
    ledger.post(move(Role.PAYABLE, Role.HELD, "4"), move(Role.RECEIVABLE, Role.PAYABLE, "4"))
    assert ledger.balance(Role.HELD) == 4


def test_three_lines_or_three_hundred_take_the_same_way(ledger: Ledger) -> None:
    """COPY begins above a hundred lines, and a repeat may come by the other way."""
    many = [
        move(Role.RECEIVABLE, Role.PAYABLE, str(number), f"s{number}") for number in range(1, 301)
    ]
    posted = ledger.post(source=many, key="many")
    assert posted.line_count == 300
    assert posted.total == 45150
    assert list(
        Transfer.objects.filter(entry=posted.entry_id)
        .order_by("line")
        .values_list("subject", flat=True)
    ) == [f"s{number}" for number in range(1, 301)]
    assert not ledger.post(source=_as_query(many, ledger), key="many").created
    with transaction.atomic():
        # Two big posts in one transaction share the name of their staging table.
        ledger.post(source=many, key="many-2")
        ledger.post(source=many, key="many-3")
    assert verify().sound


def _as_query(lines: list[TransferLine], ledger: Ledger) -> TransferQuery:
    ids = [
        [accounts.account_id(book_id=ledger.book.pk, key=getattr(one, side)) for one in lines]
        for side in ("debit", "credit")
    ]
    return TransferQuery(
        select=sql.SQL(
            "SELECT * FROM unnest(%(d)s::uuid[], %(c)s::uuid[], %(a)s::numeric[], %(s)s::text[])"
            " WITH ORDINALITY x (debit_account_id, credit_account_id, amount, subject, position)"
        ),
        parameters={
            "d": ids[0],
            "c": ids[1],
            "a": [one.amount for one in lines],
            "s": [one.subject for one in lines],
        },
        positioned=True,
    )


def query(
    ledger: Ledger, amount: str, *, debit: Any = None, subject: str | None = "q"
) -> TransferQuery:
    """Three lines selected from nowhere, in no particular order."""
    ids = accounts.open_accounts(
        book_id=ledger.book.pk,
        mode=ledger.book.mode,
        keys=[account(Role.RECEIVABLE), account(Role.PAYABLE), account(Role.PAYABLE, "bo")],
        now=NOW,
    )
    select = (
        "SELECT %(debit)s::uuid AS debit_account_id, c AS credit_account_id,"
        " %(amount)s::numeric AS amount, %(subject)s::text AS subject"
        " FROM unnest(%(credits)s::uuid[]) c"
    )
    payable, other = ids[account(Role.PAYABLE)], ids[account(Role.PAYABLE, "bo")]
    parameters = {
        "debit": debit or ids[account(Role.RECEIVABLE)],
        "amount": amount,
        "subject": subject,
        "credits": [payable, other, payable],
    }
    return TransferQuery(select=sql.SQL(select), parameters=parameters)


def test_lines_may_come_from_a_query_in_any_order(ledger: Ledger) -> None:
    source = query(ledger, "1.5")
    first = ledger.post(source=source, key="run")
    source.parameters["credits"].reverse()  # type: ignore[attr-defined]
    assert not ledger.post(source=source, key="run").created
    assert first.line_count == 3
    assert ledger.balance(Role.PAYABLE) == 3
    assert verify().sound


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "0.000000001", "1e15", "1e30"])
def test_a_query_is_held_to_the_same_amounts(ledger: Ledger, amount: str) -> None:
    source = query(ledger, amount)
    before = counts()
    if amount == "1e15":
        assert ledger.post(source=source).total == 3 * 10**15
        return
    with pytest.raises(BadAmount):
        ledger.post(source=source)
    assert counts() == before


def test_a_query_of_unknown_accounts_is_refused(ledger: Ledger) -> None:
    with pytest.raises(UnknownAccount):
        ledger.post(source=query(ledger, "1", debit=new_id()))


def test_a_query_that_names_another_books_account_is_refused(ledger: Ledger) -> None:
    other = build_ledger(name="another")
    other.post()
    foreign = accounts.account_id(book_id=other.book.pk, key=account(Role.RECEIVABLE))
    with pytest.raises((UnknownAccount, BadTransfer)):
        ledger.post(source=query(ledger, "1", debit=foreign))


def test_a_query_of_nothing_is_refused(ledger: Ledger) -> None:
    source = query(ledger, "1")
    source.parameters["credits"].clear()  # type: ignore[attr-defined]
    with pytest.raises(NoTransfers):
        ledger.post(source=source)


def test_accounts_can_be_opened_by_a_query(ledger: Ledger) -> None:
    source = accounts.Query(
        select=sql.SQL(
            "SELECT r AS party_ref, 'payable' AS role, 'USD' AS currency, 'agr_é' AS subject"
            " FROM unnest(%(refs)s::text[]) r"
        ),
        parameters={"refs": ["ada", "bo", "ada"]},
    )
    opened = [
        accounts.open_by_query(book_id=ledger.book.pk, source=source, now=NOW) for _ in range(2)
    ]
    assert opened == [2, 0]
    key = account(Role.PAYABLE, "bo", subject="agr_é")
    assert accounts.find(book_id=ledger.book.pk, key=key).balance.debits == 0
    source.parameters["refs"].append("nobody")
    with pytest.raises(UnknownParty):
        accounts.open_by_query(book_id=ledger.book.pk, source=source, now=NOW)


def test_an_entry_is_reversed_once(ledger: Ledger) -> None:
    posted = ledger.post()

    def reversed_as(key: str) -> Any:
        return reverse(
            entry_id=posted.entry_id, key=key, effective_on=OCTOBER, posted_at=NOW, actor="b"
        )

    first = reversed_as("mirror")
    assert not reversed_as("mirror").created
    assert first.created
    with pytest.raises(AlreadyReversed):
        reversed_as("another mirror")
    with pytest.raises(UnknownEntry):
        reverse(entry_id=new_id(), key="x", effective_on=OCTOBER, posted_at=NOW, actor="b")


def test_a_party_keeps_its_kind_and_may_change_its_name(ledger: Ledger) -> None:
    parties.ensure(mode="test", ref="ada", kind=PartyKind.HOLDER, name="Ada Ltd", now=NOW)
    ledger.post()
    assert Account.objects.get(party__name="Ada Ltd").role == Role.PAYABLE
    with pytest.raises(PartyDiffers):
        parties.ensure(mode="test", ref="ada", kind=PartyKind.PLATFORM, name="Ada", now=NOW)


def test_test_and_live_never_meet(ledger: Ledger) -> None:
    live = build_ledger(mode="live", holders=["zoe"])
    with pytest.raises(UnknownParty):
        ledger.post(move(Role.RECEIVABLE, account(Role.PAYABLE, "zoe"), "1"))
    live.post(move(Role.RECEIVABLE, account(Role.PAYABLE, "zoe"), "1"))


def test_a_refusal_leaves_the_transaction_around_it_usable(ledger: Ledger) -> None:
    with transaction.atomic():
        with pytest.raises(Overdrawn):
            ledger.post(move(Role.PAYABLE, Role.HELD, "1"))
        ledger.post()
    assert ledger.balance(Role.PAYABLE) == Decimal("12.50")


def test_a_post_costs_the_same_statements_with_any_number_of_lines(
    ledger: Ledger, django_assert_max_num_queries: Any
) -> None:
    ledger.post()
    with django_assert_max_num_queries(14):
        ledger.post(EARNED)
    with django_assert_max_num_queries(14):
        ledger.post(source=[EARNED] * 90)


def test_the_database_agrees_on_an_accounts_id(ledger: Ledger) -> None:
    ledger.post(move(account(Role.RECEIVABLE, subject="ß𝄞"), account(Role.PAYABLE, "bo"), "1"))
    for found in Account.objects.select_related("party"):
        key = accounts.AccountKey(
            party_ref=found.party.ref,
            role=Role(found.role),
            currency=found.currency,
            subject=found.subject,
        )
        assert accounts.account_id(book_id=ledger.book.pk, key=key) == found.pk
    assert connection.in_atomic_block
