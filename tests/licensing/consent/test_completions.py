"""What has to be said besides: it is enough, it takes nothing back, and what would do is found."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from licensing.consent.engine.completions import completion
from licensing.consent.engine.deciding import decide
from licensing.consent.engine.language import Effect
from tests.licensing.consent import generated
from tests.licensing.consent.advice import readings

Json = dict[str, Any]
fairly = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
KEPT = ("action", "platform", "at")
# Fields that cover whatever is said, as long as it is said.
WIDE: Json = {
    "territories": {"only": list(generated.TERRITORIES)},
    "purposes": list(generated.PURPOSES),
    "channels": ["app", "web"],
    "languages": ["de", "en"],
    "content": {"violence": "strong"},
    "duration_seconds_max": 60,
}


@fairly
@given(generated.requests, generated.worlds())
def test_what_has_to_be_said_is_enough_and_takes_nothing_back(
    request: Json, world: list[Json]
) -> None:
    asked, wanted = generated.as_asked(world), generated.as_request(request)
    changes = completion(wanted, asked)
    outcome = decide(wanted, asked).outcome
    if outcome is Effect.ALLOW:
        assert changes == ()
    if changes is None:
        return
    assert bool(changes) == (outcome is not Effect.ALLOW)
    for change in changes:
        said = getattr(wanted, change.fact, None)
        assert wanted.ratings.get(change.fact, said) is None, change
    for completed in readings(wanted, changes):
        assert decide(completed, asked).outcome is Effect.ALLOW, changes


@fairly
@given(generated.requests, generated.shared_worlds())
def test_so_it_is_with_those_who_own_where_it_is_said_to_be(
    request: Json, world: list[Json]
) -> None:
    request.pop("territory", None)
    wanted = generated.as_request(request)
    for completed in readings(wanted, completion(wanted, generated.as_asked(world)) or ()):
        asked = generated.as_asked(world, completed.territory)
        if completed != wanted:
            assert decide(completed, asked).outcome is Effect.ALLOW


def test_saying_where_may_be_enough_for_one_who_owns_there() -> None:
    """Not knowing where, all are asked; one of them has said nothing."""
    allow = {"scope": "", "rule": "rul_1", "version": "rlv_1", "number": 0}
    allow |= {"body": {"effect": "allow", "purposes": ["news"]}}
    world: list[Json] = [
        {
            "id": "chr_1",
            "chain": ["chr_1"],
            "owners": {"hld_1": [allow], "hld_2": []},
            "owned_in": {"": ["hld_2"], "JP": ["hld_1"]},
            "stopped": False,
        }
    ]
    request = {"action": "train", "platform": "plt_1", "at": generated.MOMENTS[0]}
    changes = completion(generated.as_request(request), generated.as_asked(world))
    assert changes is not None
    assert [(each.fact, each.values) for each in changes] == [
        ("purpose", ("news",)),
        ("territory", ("JP",)),
    ]


@fairly
@given(generated.requests, generated.worlds(most=1), st.data())
def test_what_would_have_done_is_found(
    request: Json, world: list[Json], data: st.DataObject
) -> None:
    """Of a request that is allowed some facts are forgotten; saying some again must be found."""
    # A refusal that hangs on company, or on words or things that must be there, is out of reach.
    for subject in world:
        for rules in subject["owners"].values():
            for rule in rules:
                if rule["body"]["effect"] != "allow":
                    for field in ("co_appearance", "forbidden_codes", "forbidden_words"):
                        rule["body"].pop(field, None)
    # Or else hardly anything were allowed.
    for subject in world:
        for holder, rules in subject["owners"].items():
            fields = data.draw(st.lists(st.sampled_from(sorted(WIDE)), max_size=2, unique=True))
            body = {"effect": "allow", **{field: WIDE[field] for field in fields}}
            version = f"rlv_{subject['id']}{holder}"
            rules.append({"version": version, "rule": "rul_w", "scope": "", "body": body})
    asked, whole = generated.as_asked(world), generated.as_request(request)
    assume(decide(whole, asked).outcome is Effect.ALLOW)
    named = sorted(set(request) - set(KEPT))
    forgotten = data.draw(st.sets(st.sampled_from(named)) if named else st.just(set()))
    left = {name: v for name, v in copy.deepcopy(request).items() if name not in forgotten}
    assert completion(generated.as_request(left), asked) is not None


def test_four_facts_are_said_at_once() -> None:
    """The rule that the product begins with: nobody says anything, and hears what to say."""
    body = {
        "effect": "allow",
        "territories": {"except": ["DE"]},
        "purposes": ["personal"],
        "content": {"violence": "mild"},
        "co_appearance": {"never_with": ["chr_9"]},
        "duration_seconds_max": 10,
    }
    no_politics = {"effect": "deny", "purposes": ["political"]}
    rules = [
        {"scope": "", "rule": f"rul_{n}", "number": 0, "version": f"rlv_{n}", "body": body}
        for n, body in enumerate((body, no_politics))
    ]
    world = [{"id": "chr_1", "chain": ["chr_1"], "owners": {"hld_1": rules}, "stopped": False}]
    asked = generated.as_asked(world)
    request = {
        "action": "generate_video",
        "platform": "plt_1",
        "at": generated.MOMENTS[0],
    }
    changes = completion(generated.as_request(request), asked)
    assert changes is not None
    assert [(each.fact, each.relation, each.values) for each in changes] == [
        ("co_subjects", "none", ()),
        ("duration", "at_most", (10,)),
        ("purpose", "one_of", ("personal",)),
        ("territory", "none_of", ("DE",)),
        ("violence", "at_most", ("mild",)),
    ]
    said = {**request, "purpose": "political"}
    assert completion(generated.as_request(said), asked) is None


def test_a_question_that_was_answered_for_good_needs_no_more_than_what_its_answer_covers() -> None:
    """Whoever says what was approved for good is not told that the holder wants to be asked."""
    asks = {"effect": "needs_approval"}
    approved = {"effect": "allow", "purposes": ["personal"]}
    rules = [
        {"rule": "rul_1", "version": "rlv_1", "body": asks},
        {"rule": "rul_2", "version": "rlv_2", "body": approved, "answers": ["rul_1"]},
    ]
    said = [{"scope": "", "number": 0, **rule} for rule in rules]
    world = [{"id": "chr_1", "chain": ["chr_1"], "owners": {"hld_1": said}, "stopped": False}]
    request = {"action": "train", "platform": "plt_1", "at": generated.MOMENTS[0]}
    changes = completion(generated.as_request(request), generated.as_asked(world))
    assert changes is not None
    assert [(each.fact, each.relation, each.values) for each in changes] == [
        ("purpose", "one_of", ("personal",)),
    ]
