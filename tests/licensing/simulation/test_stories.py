"""What a draft would change: stories that a rights holder can read."""

from __future__ import annotations

import pytest

from tests.licensing.builders import build_subject
from tests.licensing.consent.builders import ask, build_generator, build_studio, publish_rule
from tests.licensing.simulation.builders import amounts, redraft, simulate, ways

pytestmark = pytest.mark.django_db

CLIPS = {
    "effect": "allow",
    "actions": ["generate_video"],
    "price": {"amount": "0.002", "currency": "USD", "per": "generation"},
}


def test_closing_a_territory_tells_what_flips_where_and_what_it_costs() -> None:
    studio, reel, sora = build_studio(), build_generator("Reel"), build_generator("Sora")
    hero = build_subject(studio.holder)
    rule = publish_rule(studio, CLIPS, subject=hero)
    for territory in ("DE", "DE", "US"):
        ask(reel, hero, territory=territory)
    ask(sora, hero, territory="DE")
    ask(sora, hero, action="train")
    redraft(studio, rule, {**CLIPS, "territories": {"except": ["DE"]}})

    result = simulate(studio, rule)

    assert (result["requests"], result["changed"]) == (5, 3)
    assert ways(result) == {"allow to deny": 3, "allow to allow": 1, "deny to deny": 1}
    assert {each["value"]: each["changed"] for each in result["by"]["platform"]["values"]} == {
        reel.platform.shown_id: 2,
        sora.platform.shown_id: 1,
    }
    assert {each["value"]: each["changed"] for each in result["by"]["territory"]["values"]} == {
        "DE": 3,
        "US": 0,
        None: 0,
    }
    assert [each["value"] for each in result["by"]["subject"]["values"]] == [hero.shown_id]
    assert result["money"]["lost"]["requests"] == 3
    assert amounts(result["money"]["lost"]) == "0.006 USD"
    (flipped,) = result["examples"]
    assert (flipped["was"], flipped["becomes"], len(flipped["requests"])) == ("allow", "deny", 2)
    example = flipped["requests"][0]
    assert [reason["code"] for reason in example["reasons"]] == ["no_rule", "territory_not_covered"]
    assert example["would_allow"][0]["sentence"] == "Allowed if the territory were not Germany."
    assert example["facts"] == {"territory": "DE"}
