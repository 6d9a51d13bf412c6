"""Where else it shows that a subject is disputed: bundles, the matrix, trials, simulations."""

from __future__ import annotations

import pytest

from licensing.claims import answering
from licensing.consent import bundles, matrix, trials
from licensing.consent.engine.language import Request
from tests.licensing.builders import build_subject
from tests.licensing.claims.builders import Dispute, build_dispute, claim
from tests.licensing.consent.builders import (
    NOW,
    ask,
    asking,
    build_generator,
    draft_rule,
    publish_rule,
)
from tests.licensing.portal.visiting import text, visit
from tests.licensing.simulation.builders import simulate, ways

pytestmark = pytest.mark.django_db


@pytest.fixture
def dispute() -> Dispute:
    return build_dispute()


def test_a_bundle_says_nothing_of_what_is_disputed(dispute: Dispute) -> None:
    """So that it is asked about online, and never allowed; and who waits for a change is woken."""
    generator = build_generator()
    other = build_subject(dispute.owner.holder)
    publish_rule(dispute.owner)

    def subjects() -> set[str]:
        found = bundles.content_of(platform=generator.platform, mode="test", now=NOW)
        return set(found.said["subjects"]) & {dispute.hero.shown_id, other.shown_id}

    before = bundles.stamp()
    filed = claim(dispute.claimant, dispute.hero, territory="DE")
    assert subjects() == {other.shown_id}
    during = bundles.stamp()
    answering.withdraw_claim(actor=dispute.claimant.actor, now=NOW, claim=filed)
    assert subjects() == {dispute.hero.shown_id, other.shown_id}
    assert len({before, during, bundles.stamp()}) == 3


def test_the_matrix_and_a_trial_say_that_it_is_stopped(dispute: Dispute) -> None:
    generator = build_generator()
    publish_rule(dispute.owner)
    claim(dispute.claimant, dispute.hero)
    place = matrix.explain(
        subject=dispute.hero,
        platform=generator.platform,
        request=Request(action="generate_video", platform="", at=NOW),
        own=frozenset({dispute.owner.holder.shown_id}),
    )
    assert place.standpoint == "stopped"
    assert [reason.code for reason in place.decision.reasons] == ["disputed"]
    tried = trials.try_asking(
        actor=dispute.owner.actor,
        now=NOW,
        platform=generator.platform,
        asking=asking(generator.platform, dispute.hero),
    )
    assert [reason.code for reason in tried.decision.reasons] == ["disputed"]


def test_a_place_of_the_matrix_leads_to_the_claim_not_to_the_stops(dispute: Dispute) -> None:
    generator = build_generator()
    publish_rule(dispute.owner, effect="deny", purposes=["political"])
    claim(dispute.claimant, dispute.hero)
    place = f"subject={dispute.hero.shown_id}&platform={generator.platform.shown_id}"
    page = text(visit(dispute.owner.actor), f"/portal/matrix/place?{place}")
    assert f'href="/portal/claims?subject={dispute.hero.shown_id}">Who claims it' in page
    assert "What is stopped" not in page
    assert page.index("Its ownership is disputed") < page.index("denies it")


def test_a_simulation_finds_it_stopped_with_and_without_the_draft(dispute: Dispute) -> None:
    generator = build_generator()
    publish_rule(dispute.owner)
    ask(generator, dispute.hero, territory="DE")
    ask(generator, dispute.hero, territory="FR")
    claim(dispute.claimant, dispute.hero, territory="DE")
    result = simulate(dispute.owner, draft_rule(dispute.owner, effect="deny"))
    assert ways(result) == {"deny to deny": 1, "allow to deny": 1}
    assert result["stopped"] == 1
