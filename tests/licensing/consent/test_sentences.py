"""What a rule and a decision say in words: whole, and differently wherever they differ."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from licensing.catalog.territories import CONTINENTS, REGIONS, TERRITORIES
from licensing.consent.engine import explanations, wording
from licensing.consent.engine.bodies import canonical
from licensing.consent.engine.counterfactuals import smallest_changes
from licensing.consent.engine.deciding import decide
from licensing.consent.engine.language import (
    LEVELS,
    Action,
    Audience,
    Axis,
    Change,
    ContentCode,
    Effect,
    Interval,
    Purpose,
    QuotaOf,
    Request,
)
from licensing.consent.engine.sentences import (
    OPEN,
    cautions,
    clauses,
    differences,
    is_set,
    sentences,
    text,
)
from licensing.consent.windows.shapes import RuleBodyShape
from tests.licensing.consent import generated

Json = dict[str, Any]
NAMES = {one: f"Name of {one}" for one in (*generated.EVERYONE, *generated.PLATFORMS)}
fully = settings(max_examples=200, deadline=None)


def some(values: Any) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(sorted(values)), min_size=1, max_size=4, unique=True)


def numbers(least: int, most: int) -> st.SearchStrategy[int]:
    return st.one_of(st.just(least), st.integers(least, most))


WIDE: dict[str, st.SearchStrategy[Any]] = {
    **generated.OPTIONAL,
    "actions": some(Action),
    "audience": some(Audience),
    "purposes": some(Purpose),
    "territories": st.builds(
        lambda way, codes: {way: sorted(codes)},
        st.sampled_from(("only", "except")),
        st.sets(st.sampled_from(sorted(TERRITORIES)), min_size=1),
    ),
    "content": st.dictionaries(st.sampled_from(sorted(Axis)), st.sampled_from(LEVELS), min_size=1),
    "forbidden_codes": some(ContentCode),
    "co_appearance": st.fixed_dictionaries(
        {"only_with": st.lists(st.sampled_from(generated.EVERYONE), unique=True, max_size=3)},
        optional={"never_with": some(generated.EVERYONE)},
    ),
    "viewer_age_min": numbers(0, 150),
    "depicted_age_min": numbers(0, 150),
    "duration_seconds_max": numbers(0, 86_400),
    "resolution_max": numbers(1, 65_536),
    "remix_depth_max": numbers(0, 64),
    "revocation_notice_days": numbers(1, 3650),
}
EFFECTS = st.sampled_from(("allow", "deny", "needs_approval"))
bodies = st.builds(
    lambda effect, fields: canonical({"effect": effect, **fields}),
    EFFECTS,
    st.fixed_dictionaries({}, optional=WIDE),
)


def said(body: Json) -> str:
    return text(sentences(body, NAMES))


@fully
@given(bodies)
def test_every_field_that_is_set_is_spoken_of_and_no_other(body: Json) -> None:
    spoken = {part.field for sentence in sentences(body, NAMES) for part in sentence if part.said}
    # These three stand in every sentence, as what they come to when they are open.
    always = {"effect", "actions", "platforms", "territories", "purposes"}
    assert spoken == set(body) | always
    assert {field for field in OPEN if is_set(body, field)} == set(body) - {"effect"}
    alone = clauses(body, NAMES)
    assert set(alone) == set(OPEN) == set(RuleBodyShape().fields) - {"effect"}
    for field in set(OPEN) - set(body):
        assert text(alone[field]) == OPEN[field]
    for field in set(body) - {"effect"}:
        assert text(alone[field]) in said(body)


@fully
@given(bodies, st.sampled_from(sorted(WIDE)), st.data())
def test_bodies_that_differ_in_a_field_read_differently(
    body: Json, field: str, data: st.DataObject
) -> None:
    other = canonical({**body, field: data.draw(st.one_of(st.none(), WIDE[field]))})
    assume(other != body)
    assert said(other) != said(body)
    changes = differences(said(body), said(other))
    assert "".join(words for kind, words in changes if kind != "new") == said(body)
    assert "".join(words for kind, words in changes if kind != "gone") == said(other)
    assert any(kind != "same" for kind, _ in changes)


@fully
@given(bodies)
def test_names_lists_and_numbers_stand_in_the_text(body: Json) -> None:
    whole = said(body)
    for way in ("only", "except"):
        for platform in (body.get("platforms") or {}).get(way, ()):
            assert NAMES[platform] in whole
    for ids in (body.get("co_appearance") or {}).values():
        for one in ids:
            assert NAMES[one] in whole
    for field, words in (("actions", wording.ACTIONS), ("purposes", wording.PURPOSES)):
        for name in body.get(field, ()):
            assert words[name] in whole
    for name in body.get("forbidden_codes", ()):
        assert wording.CODES[name] in whole
    for field in ("channels", "models", "forbidden_words"):
        for name in body.get(field, ()):
            assert name in whole
    for field in ("viewer_age_min", "depicted_age_min", "revocation_notice_days"):
        if field in body:
            assert f"{body[field]:,}" in whole
    for quota in body.get("quotas", ()):
        assert f"{quota['count']:,}" in whole
    assert (body.get("obligations") or {}).get("attribution", "") in whole


def test_a_rule_reads_like_this() -> None:
    body = {
        "effect": "allow",
        "actions": ["generate_image", "generate_video"],
        "territories": {"only": sorted(CONTINENTS["Europe"] - {"DE"})},
        "purposes": ["personal"],
        "content": {"violence": "mild", "sexual": "none"},
        "co_appearance": {"never_with": ["chr_9"]},
        "price": {"amount": "0.002", "currency": "USD", "per": "generation"},
        "quotas": [{"count": 1000, "per": "day", "of": "platform"}],
        "obligations": {"watermark": True, "report_within_hours": 24},
        "revocation_notice_days": 30,
    }
    assert text(sentences(body, {"chr_9": "Rival Bear"})) == (
        "Allow images and video on any platform, in Europe except Germany, for personal use, "
        "violence up to mild, no sexual content, never with Rival Bear, for $0.002 per generation. "
        "At most 1,000 times a day on each platform. "
        "Whoever uses it must add a watermark and report it within 24 hours. "
        "Platforms that rely on it may go on for 30 days after it ends."
    )


@pytest.mark.parametrize(
    ("codes", "read"),
    [
        (["DE"], "Germany"),
        (["FR", "US", "DE"], "France, Germany and the United States"),
        (REGIONS["the European Union"], "the European Union"),
        (CONTINENTS["Europe"] | {"US"}, "Europe and the United States"),
        (CONTINENTS["Europe"] - {"DE", "RU"}, "Europe except Germany and Russia"),
        (
            (CONTINENTS["Europe"] - {"DE"}) | {"JP"},
            "Europe (except Germany) and Japan",
        ),
        (
            CONTINENTS["Africa"] | CONTINENTS["Asia"],
            "Africa and Asia",
        ),
    ],
)
def test_territories_are_named_by_region_where_that_is_shorter(codes: Any, read: str) -> None:
    assert wording.places(codes) == read


def test_every_territory_lies_in_one_continent_but_for_the_antarctic() -> None:
    assert sum(map(len, CONTINENTS.values())) == len(frozenset().union(*CONTINENTS.values()))
    assert frozenset().union(*CONTINENTS.values()) == TERRITORIES - {"AQ"}
    assert set().union(*REGIONS.values()) <= TERRITORIES


def test_every_word_of_the_language_has_its_words() -> None:
    for names, words in (
        (Effect, wording.EFFECTS),
        (Action, wording.ACTIONS),
        (Purpose, wording.PURPOSES),
        (Audience, wording.AUDIENCES),
        (Axis, wording.AXES),
        (ContentCode, wording.CODES),
        (Interval, wording.INTERVALS),
        (QuotaOf, wording.QUOTA_OF),
    ):
        assert {str(name) for name in names} == set(words)
        assert len(set(words.values())) == len(words)


def test_what_is_easily_overlooked_is_said() -> None:
    assert cautions({"effect": "allow", "actions": ["remix"], "purposes": ["parody"]}) == []
    assert "training" in cautions({"effect": "allow", "purposes": ["parody"]})[0]
    assert "politics" in cautions({"effect": "allow", "actions": ["remix"]})[0]
    assert "stronger" in cautions({"effect": "deny", "content": {"violence": "mild"}})[0]
    assert "no effect" in cautions({"effect": "deny", "revocation_notice_days": 3})[0]


@pytest.mark.parametrize(
    ("changes", "read"),
    [
        ([("territory", "none_of", ("DE",))], "the territory were not Germany"),
        ([("territory", "none_of", ())], "the territory were told"),
        ([("violence", "at_most", ("mild",))], "violence were at most mild"),
        ([("violence", "at_most", ("none",))], "there were no violence"),
        ([("violence", "at_most", ("strong",))], "the level of violence were told"),
        ([("duration", "at_most", (30,))], "it were at most 30 seconds long"),
        ([("remix_depth", "at_most", (0,))], "it were no remix"),
        ([("viewer_age", "at_least", (18,))], "the viewer were at least 18 years old"),
        ([("action", "one_of", ("generate_image", "remix"))], "it were about images or remixes"),
        ([("co_subjects", "none", ())], "nobody else appeared"),
        ([("co_subjects", "none_of", ("chr_9",))], "Name of chr_9 did not appear"),
        ([("words", "none_of", ("duck",))], "the prompt did not say “duck”"),
        (
            [("territory", "none_of", ("DE",)), ("violence", "at_most", ("mild",))],
            "the territory were not Germany and violence were at most mild",
        ),
    ],
)
def test_what_would_have_been_allowed_reads_like_this(changes: Any, read: str) -> None:
    told = [
        Change(fact=fact, relation=relation, values=values) for fact, relation, values in changes
    ]
    assert explanations.would_allow(told, NAMES) == f"Allowed if {read}."


@settings(max_examples=150, deadline=None)
@given(generated.requests, generated.worlds())
def test_every_decision_can_be_told(request: Json, world: list[Json]) -> None:
    asked = generated.as_asked(world)
    read: Request = generated.as_request(request)
    for option in smallest_changes(read, asked):
        sentence = explanations.would_allow(option, NAMES)
        assert "_" not in sentence.replace("Name of chr_", "").replace("Name of prp_", "").replace(
            "Name of hld_", ""
        )
    for reason in decide(read, asked).reasons:
        told = explanations.does(reason.code, reason.fact) if reason.rule_version else None
        assert "_" not in (told or explanations.stands(reason.code))
