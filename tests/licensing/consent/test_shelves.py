"""Finding rules by bits is testing them one by one, only faster."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licensing.consent.engine.bodies import read_body
from licensing.consent.engine.compiling import CompiledRule, bind, compile_rule
from licensing.consent.engine.conditions import Company
from licensing.consent.engine.deciding import company_of
from licensing.consent.engine.language import Effect, Request
from tests.licensing.consent import generated

Json = dict[str, Any]
# How long making a world takes says how busy the machine is, and nothing about the rules.
fairly = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@fairly
@given(generated.requests, generated.worlds(), st.lists(st.sampled_from(generated.WORDS)))
def test_a_book_finds_just_those_that_cover(
    request: Json, world: list[Json], unsearched: list[str]
) -> None:
    wanted = generated.as_request({**request, "unsearched": unsearched})
    asked = generated.as_asked(world)
    for subject in asked:
        company = company_of(wanted, asked, subject)
        for _, book in subject.consents:
            found = book.covering(subject.chain, wanted, company)
            speaking = book.speaking(subject.chain, wanted)
            assert found == [rule for rule in speaking if rule.covers(wanted, company)]


@fairly
@given(generated.requests, generated.worlds(), st.lists(st.sampled_from(generated.WORDS)))
def test_an_allow_misses_what_its_conditions_say_one_by_one(
    request: Json, world: list[Json], unsearched: list[str]
) -> None:
    wanted = generated.as_request({**request, "unsearched": unsearched})
    asked = generated.as_asked(world)
    for subject in asked:
        company = company_of(wanted, asked, subject)
        for _, book in subject.consents:
            shelves = book.along(subject.chain, wanted.action)
            found = [miss for shelf in shelves for miss in shelf.missing(wanted, company)]
            over = book.over(subject.chain, wanted.action)
            assert [(rule, dict(facts)) for _, _, facts, rule in found] == [
                (rule, missed(rule, wanted, company))
                for rule in over
                if rule.effect is Effect.ALLOW
            ]
            assert all(number == len(dict(facts)) for number, _, facts, _ in found)


def missed(rule: CompiledRule, request: Request, company: Company) -> dict[str, bool | None]:
    """False outweighs None where two conditions are on one fact."""
    results: dict[str, list[bool | None]] = {}
    for condition in rule.conditions:
        results.setdefault(condition.fact, []).append(condition.test(request, company))
    return {
        fact: False if False in those else None for fact, those in results.items() if not all(those)
    }


def test_a_shelf_holds_more_rules_than_a_word_of_the_machine_has_bits() -> None:
    """A thousand rules of one holder, of which each speaks of one model."""
    book = bind(
        compile_rule(
            version=f"rlv_{number:04}",
            scope="",
            body=read_body({"effect": "allow", "models": [f"m-{number}"]}),
        )
        for number in range(1000)
    )
    said = {"action": "train", "platform": "plt_a", "at": generated.MOMENTS[0], "model": "m-777"}
    found = book.covering(("chr_1",), generated.as_request(said), ())
    assert [rule.version for rule in found] == ["rlv_0777"]
    assert not book.covering(("chr_1",), generated.as_request({**said, "model": "m-1000"}), ())
