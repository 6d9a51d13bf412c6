"""What is refused about claims."""

from __future__ import annotations

from ledger.errors import Invalid, NotAllowed, Refused


class BadWords(Invalid):
    """Say it in 1 to 2000 characters that can be seen."""

    code = "bad_statement"


class AlreadyYours(Refused):
    """This is registered to you or owned by you there: there is nothing to claim."""

    code = "already_yours"


class ClaimedAlready(Refused):
    """You have an open claim to this in the same territory."""

    code = "claimed_already"


class ClaimRejected(Refused):
    """The house has rejected your organisation's claim to this in the same territory."""

    code = "claim_rejected"


class TooManyClaims(Refused):
    """An organisation has at most 20 open claims at a time."""

    code = "too_many_claims"


class ClaimEnded(Refused):
    """This claim has ended already."""

    code = "claim_ended"


class ContestedAlready(Refused):
    """This claim has been contested already."""

    code = "contested_already"


class ClaimChanged(Refused):
    """More has been said since you looked. Read it before you decide."""

    code = "claim_changed"


class NotTheClaimant(NotAllowed):
    """Only the claimant withdraws a claim."""

    code = "not_the_claimant"


class NotAnOwner(NotAllowed):
    """Only who owns a share of the subject now, or registered it, answers a claim, and never the
    claimant."""

    code = "not_an_owner"


class NobodyAnswerable(NotAllowed):
    """A claim is decided by a person of the house."""

    code = "nobody_answerable"


class PartyToIt(NotAllowed):
    """You filed or contested this claim. Somebody else has to decide it."""

    code = "party_to_it"
