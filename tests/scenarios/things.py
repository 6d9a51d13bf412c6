"""How one row of every kind of thing comes to be in a little world: by the product's own verbs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils import timezone

from ledger.actor import system_actor
from ledger.ids import new_id
from ledger.journal.accounts import AccountKey
from ledger.journal.books import open_book
from ledger.journal.chart import PartyKind, Role
from ledger.journal.models import Account, Entry
from ledger.journal.parties import ensure
from ledger.journal.posting import post
from ledger.journal.sources import TransferLine
from ledger.payouts import batches, destinations
from ledger.payouts.models import PayoutBatch, PayoutItem
from ledger.statements.issuing import issue_statements
from ledger.statements.models import Statement
from licensing.access import audit, keys
from licensing.access.models import Membership, User
from licensing.access.roles import ROLES_OF_KIND
from licensing.claims import filing
from licensing.commerce.agreements import Price, create_agreement
from licensing.commerce.models import Agreement
from licensing.consent import rules, switches
from licensing.consent.models import ApprovalRequest, ConsentCheck
from licensing.settlement import runs
from licensing.settlement.driving import drive
from licensing.settlement.models import RoyaltyLine, Run
from licensing.settlement.states import RunState
from licensing.simulation import simulations
from licensing.simulation.models import Simulation
from licensing.usage.models import Batch, Generation
from tests.licensing.builders import LONG_AGO, build_actor, build_property, build_subject
from tests.licensing.commerce.builders import build_terms
from tests.licensing.consent.builders import ask, build_studio, draft_rule, publish_rule
from tests.licensing.settlement.builders import Made, build_batch

if TYPE_CHECKING:
    from ledger.journal.posting import Posted
    from tests.scenarios.tenants import Side

OCTOBER = date(2026, 10, 1)
SETTLED_AT = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
ISSUED_AT = datetime(2026, 11, 5, 9, 0, tzinfo=UTC)


# -- Who takes part -------------------------------------------------------------------------------
def user(side: Side, kind: str) -> str:
    return User.objects.get(pk=str(side.home(kind).actor.person_id)).shown_id


def membership(side: Side, kind: str) -> str:
    # Another person than the one who asks, so that ending it does not end the story.
    actor = build_actor(side.home(kind).organisation, ROLES_OF_KIND[kind][-1])
    return Membership.objects.get(user__username=actor.label).shown_id


def key(side: Side, kind: str) -> str:
    home = side.home(kind)
    issued = keys.issue(
        actor=system_actor(mode=side.mode),
        organisation=home.organisation,
        user=User.objects.get(username=home.actor.label),
        name="a key",
        scopes=["catalog:read"],
        now=LONG_AGO,
    )
    return issued.key.shown_id


def audit_record(side: Side, kind: str) -> str:
    record = audit.record(
        actor=side.home(kind).actor, now=LONG_AGO, verb="story.begin", thing="none"
    )
    return record.shown_id


# -- What there is, and who owns it ---------------------------------------------------------------
def holder_property(side: Side, kind: str) -> str:
    return build_property(side.holder).shown_id


def subject(side: Side, kind: str) -> str:
    return build_subject(side.holder).shown_id


def ownership(side: Side, kind: str) -> str:
    return build_subject(side.holder).ownership_steps.get().shown_id


def claim(side: Side, kind: str) -> str:
    """Somebody's whose organisation is nobody else's, to one of the holder's."""
    claimant = build_studio(mode=side.mode)
    filed = filing.file_claim(
        actor=claimant.actor,
        now=timezone.now(),
        claimant=claimant.holder,
        subject=build_subject(side.holder),
        statement="We drew it first.",
    )
    return filed.shown_id


# -- Consent --------------------------------------------------------------------------------------
def rule(side: Side, kind: str) -> str:
    return publish_rule(side.home("holder"), subject=build_subject(side.holder)).shown_id


def kill_switch(side: Side, kind: str) -> str:
    thrown = switches.throw(
        actor=side.home("holder").actor,
        now=timezone.now(),
        holder=side.holder,
        scope=rules.Scope(subject=build_subject(side.holder)),
    )
    return thrown.shown_id


def asked(side: Side) -> ConsentCheck:
    """A check that waits for its approval, which can still be given."""
    character = build_subject(side.holder)
    now = timezone.now()
    publish_rule(side.home("holder"), effect="needs_approval", subject=character, now=now)
    return ask(side.home("platform"), character, now=now)


def consent_check(side: Side, kind: str) -> str:
    return side.once(asked).shown_id


def approval(side: Side, kind: str) -> str:
    return ApprovalRequest.objects.get(consent_check=side.once(asked)).shown_id


def simulated(side: Side) -> Simulation:
    """A draft's, which waits for its worker."""
    home = side.home("holder")
    draft = draft_rule(home, subject=build_subject(side.holder), now=timezone.now())
    return simulations.start(actor=home.actor, now=timezone.now(), rule=draft)


def simulation(side: Side, kind: str) -> str:
    return side.once(simulated).shown_id


# -- From an agreement to a payout ----------------------------------------------------------------
def agreed(side: Side) -> Agreement:
    """Ten dollars an image, over everything."""
    price = Price(medium="image", unit="generation", amount=Decimal(10))
    return create_agreement(
        actor=system_actor(mode=side.mode),
        now=LONG_AGO,
        platform=side.platform,
        holder=side.holder,
        currency="USD",
        terms=build_terms(prices=[price]),
    )


def reported(side: Side) -> Batch:
    """One image in October, sealed."""
    return build_batch(
        side.platform, [Made(subjects=build_subject(side.holder), licensed=True)], now=SETTLED_AT
    )


def settled(side: Side) -> Run:
    """October, from the agreement to the books."""
    side.once(agreed)
    side.once(reported)
    return settle(side)


def settle(side: Side) -> Run:
    """What the platform has reported and no run has settled yet."""
    house = side.home("house")
    run = runs.start_run(
        actor=house.actor,
        now=SETTLED_AT,
        platform=side.platform,
        currency="USD",
        period=OCTOBER,
    )
    drive(run_id=run.pk, clock=lambda: SETTLED_AT)
    run.refresh_from_db()
    runs.approve_run(
        actor=build_actor(house.organisation, "approver"),
        now=SETTLED_AT,
        run=run,
        content_hash=run.content_hash_hex,
    )
    drive(run_id=run.pk, clock=lambda: SETTLED_AT)
    run.refresh_from_db()
    assert run.state == RunState.POSTED, (run.state, run.error)
    return run


def proposed(side: Side) -> PayoutBatch:
    """A draft that pays the holder what was settled."""
    side.once(settled)
    house = side.home("house").actor
    destinations.register(
        actor=house,
        now=SETTLED_AT,
        party=side.holder.party_ref,
        kind="iban",
        account="DE89370400440532013000",
        account_name="Lantern Studio",
    )
    return batches.propose(
        actor=house,
        now=SETTLED_AT,
        currency="USD",
        threshold=Decimal(0),
        parties=[side.holder.party_ref],
    )


def agreement(side: Side, kind: str) -> str:
    return side.once(agreed).shown_id


def batch(side: Side, kind: str) -> str:
    return side.once(reported).shown_id


def generation(side: Side, kind: str) -> str:
    return Generation.objects.get(batch=side.once(reported)).shown_id


def settlement_run(side: Side, kind: str) -> str:
    return side.once(settled).shown_id


def royalty_line(side: Side, kind: str) -> str:
    return RoyaltyLine.objects.get(run=side.once(settled)).shown_id


def statement(side: Side, kind: str) -> str:
    side.once(settled)
    actor = side.home("house").actor
    issue_statements(actor=actor, now=ISSUED_AT, month=OCTOBER, labels={})
    return Statement.objects.get(party=side.holder.party_ref).shown_id


def payout_batch(side: Side, kind: str) -> str:
    return side.once(proposed).shown_id


def payout_item(side: Side, kind: str) -> str:
    return PayoutItem.objects.get(batch=side.once(proposed)).shown_id


# -- The books ------------------------------------------------------------------------------------
def posted(side: Side) -> Posted:
    """An entry in books that nobody else has an account in."""
    book = open_book(mode=side.mode, name=f"Books {new_id()}", now=LONG_AGO)
    holder, platform = side.holder.party_ref, side.platform.party_ref
    ensure(mode=side.mode, ref=holder, kind=PartyKind.HOLDER, name="Ada", now=LONG_AGO)
    ensure(mode=side.mode, ref=platform, kind=PartyKind.PLATFORM, name="Reel", now=LONG_AGO)
    line = TransferLine(
        debit=AccountKey(party_ref=platform, role=Role.RECEIVABLE, currency="USD"),
        credit=AccountKey(party_ref=holder, role=Role.PAYABLE, currency="USD"),
        amount=Decimal(10),
        subject="",
    )
    return post(
        book_id=book.pk,
        key="story",
        kind="royalty",
        effective_on=OCTOBER,
        posted_at=SETTLED_AT,
        actor="story",
        transfers=[line],
    )


def entry_of(side: Side) -> Entry:
    return Entry.objects.select_related("book").get(pk=side.once(posted).entry_id)


def entry(side: Side, kind: str) -> str:
    return entry_of(side).shown_id


def book(side: Side, kind: str) -> str:
    return entry_of(side).book.shown_id


def account(side: Side, kind: str) -> str:
    """That of the party which the organisation is; the house has none of its own there."""
    party = (side.platform if kind == "platform" else side.holder).party_ref
    return Account.objects.get(book=entry_of(side).book, party__ref=party).shown_id
