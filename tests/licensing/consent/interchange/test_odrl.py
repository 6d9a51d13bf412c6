"""Rules as ODRL policies and back: nothing is lost, nothing is invented, nothing gets broader."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licensing.consent.engine.bodies import canonical
from licensing.consent.interchange.graphs import NotJsonLd, NotUnderstood
from licensing.consent.interchange.odrl_reading import read_policy
from licensing.consent.windows.shapes import RuleBodyShape
from tests.licensing.consent.generated import OPTIONAL, bodies
from tests.licensing.consent.interchange.full_bodies import FIELDS, full_bodies
from tests.licensing.consent.interchange.policies import (
    ASKS,
    CONTEXT,
    SPELLINGS,
    constraint,
    permission,
    written,
)

Json = dict[str, Any]


def test_the_bodies_told_of_here_have_every_field_there_is() -> None:
    assert {"effect", *FIELDS} == set(RuleBodyShape().fields)
    assert set(OPTIONAL) == set(FIELDS)


@settings(deadline=None, max_examples=50)
@given(full_bodies())
def test_what_is_written_is_read_again_as_it_was(body: Json) -> None:
    (rule,) = read_policy(written(body))
    assert canonical(RuleBodyShape().run_validation(rule.body)) == canonical(body)
    assert (rule.target, rule.name) == ("chr_1", "")


@settings(deadline=None)
@given(bodies())
def test_what_the_engine_is_tried_with_comes_back_too(body: Json) -> None:
    (rule,) = read_policy(written(body))
    assert canonical(rule.body) == canonical(body)


@settings(deadline=None, max_examples=50)
@given(full_bodies(), st.sampled_from(SPELLINGS), st.randoms(use_true_random=False))
def test_every_spelling_of_a_policy_is_the_same_policy(
    body: Json, spell: Callable[[Json], Json], order: random.Random
) -> None:
    policy = shuffled(spell(written(body)), order)
    (rule,) = read_policy(policy)
    assert canonical(rule.body) == canonical(body)


def shuffled(value: Any, order: random.Random) -> Any:
    """The same with its keys, and what stands in its sets, in another order."""
    if isinstance(value, list):
        return order.sample([shuffled(each, order) for each in value], len(value))
    if isinstance(value, dict):
        keys = order.sample(list(value), len(value))
        return {k: value[k] if k == "@context" else shuffled(value[k], order) for k in keys}
    return value


def test_the_scope_and_the_name_come_along() -> None:
    body = {"effect": "allow"}
    for scope, target in (("chr_7", "chr_7"), ("prp_7", "prp_7"), ("", "hld_1")):
        (rule,) = read_policy(written(body, scope=scope, name="Clips"))
        assert (rule.target, rule.name) == (target, "Clips")


def test_each_field_knows_where_it_was_said() -> None:
    body = {"effect": "allow", "content": {"fear": "mild"}, "price": {"per": "agreement"}}
    (rule,) = read_policy(written(body))
    assert rule.origins["/content/fear"] == "/permission/0/constraint/0"
    assert rule.origins["/price"] == "/permission/0/duty/0"
    assert rule.origins["/effect"] == "/permission/0"


# -- Policies that others wrote -----------------------------------------------------------------
MUSIC = {"@context": CONTEXT[0], "uid": "http://example.com/policy:1010", "@type": "Offer"}


def test_an_offer_of_somebody_elses() -> None:
    """After the first examples of ODRL's information model: a party, a target, an action."""
    policy = MUSIC | {
        "profile": [],
        "permission": [
            {
                "target": "http://example.com/asset:9898.movie",
                "assigner": {"@type": "Party", "uid": "http://example.com/party:org:abc"},
                "action": "use",
            }
        ],
    }
    (rule,) = read_policy(policy)
    assert (rule.body, rule.target) == ({"effect": "allow"}, "")


def test_a_policy_in_several_rules_with_its_conflicts_settled() -> None:
    policy = {
        "@context": CONTEXT,
        "@type": "Policy",
        "uid": "http://example.com/policy:1",
        "conflict": {"@type": "ConflictTerm", "@id": "odrl:prohibit"},
        "target": ["assent:chr_1", "assent:chr_2"],
        "assigner": "http://example.com/owner",
        "permission": [
            {
                "action": {"rdf:value": {"@id": "odrl:index"}},
                "constraint": [
                    constraint("spatial", "eq", "FR"),
                    constraint("system", "isAnyOf", {"@list": ["x-1", "x-2"]}),
                ],
            }
        ],
        "prohibition": [{"action": "lx:train"}],
    }
    found = [(rule.target, rule.body) for rule in read_policy(policy)]
    index = {
        "effect": "allow",
        "actions": ["index"],
        "territories": {"only": ["FR"]},
        "models": ["x-1", "x-2"],
    }
    train = {"effect": "deny", "actions": ["train"]}
    assert found == [("chr_1", index), ("chr_2", index), ("chr_1", train), ("chr_2", train)]


def test_numbers_and_texts_may_name_their_types() -> None:
    policy = permission(
        constraint=[
            constraint("lx:viewerAge", "gteq", {"@value": "18", "@type": "xsd:integer"}),
            constraint("language", "isAnyOf", {"@value": "en", "@type": "xsd:string"}),
        ]
    )
    (rule,) = read_policy(policy)
    assert rule.body["viewer_age_min"] == 18
    assert rule.body["languages"] == ["en"]


# -- What is not known is refused, by name and place ---------------------------------------------
def rules_of(policy: Json, **said: Any) -> Json:
    return {**policy, **said}


PLACE = "/permission/0"
UNKNOWN: dict[str, tuple[Json, str, str]] = {
    "an action": (
        permission(action=["lx:train", "print"]),
        "odrl:print",
        f"{PLACE}/action",
    ),
    "an action that is refined": (
        permission(
            action=[
                {
                    "rdf:value": {"@id": "lx:train"},
                    "refinement": [constraint("resolution", "lteq", 1200)],
                }
            ]
        ),
        "odrl:refinement",
        f"{PLACE}/action/0/refinement",
    ),
    "an operand": (
        permission(constraint=[constraint("virtualLocation", "eq", "app")]),
        "odrl:virtualLocation",
        f"{PLACE}/constraint/0",
    ),
    "an operand of somebody's own": (
        permission(constraint=[constraint("ex:dayOfWeek", "eq", "Sunday")]),
        "ex:dayOfWeek",
        f"{PLACE}/constraint/0",
    ),
    "an operator": (
        permission(constraint=[constraint("dateTime", "gt", "2199-01-01T00:00:00Z")]),
        "odrl:dateTime odrl:gt",
        f"{PLACE}/constraint/0",
    ),
    "a unit": (
        permission(constraint=[constraint("resolution", "lteq", 1200, unit="ex:dpi")]),
        "odrl:resolution odrl:lteq in ex:dpi",
        f"{PLACE}/constraint/0",
    ),
    "an operand twice": (
        permission(
            constraint=[constraint("language", "eq", "en"), constraint("language", "eq", "de")]
        ),
        "twice",
        f"{PLACE}/constraint/1",
    ),
    "a text in some language": (
        permission(constraint=[constraint("language", "eq", {"@value": "en", "@language": "en"})]),
        "odrl:language",
        f"{PLACE}/constraint/0/rightOperand",
    ),
    "a value by reference": (
        permission(
            constraint=[
                {
                    "leftOperand": "language",
                    "operator": "eq",
                    "rightOperandReference": "http://example.com/languages",
                }
            ]
        ),
        "odrl:rightOperandReference",
        f"{PLACE}/constraint/0/rightOperandReference",
    ),
    "a logical constraint": (
        permission(
            constraint=[
                {"or": [constraint("language", "eq", "en"), constraint("spatial", "eq", "FR")]}
            ]
        ),
        "odrl:or",
        f"{PLACE}/constraint/0/or",
    ),
    "a duty": (
        permission(duty=[{"action": "ensureExclusivity"}]),
        "odrl:ensureExclusivity",
        f"{PLACE}/duty/0/action",
    ),
    "a duty with a limit that it cannot have": (
        permission(duty=[{"action": "watermark", "constraint": [constraint("count", "lteq", 3)]}]),
        "odrl:count",
        f"{PLACE}/duty/0/constraint/0",
    ),
    "a duty's consequence": (
        permission(duty=[{**ASKS, "consequence": [{"action": "delete"}]}]),
        "odrl:consequence",
        f"{PLACE}/duty/0/consequence",
    ),
    "a price for nothing in particular": (
        permission(
            duty=[
                {
                    "action": [
                        {
                            "rdf:value": {"@id": "odrl:compensate"},
                            "refinement": [
                                constraint("payAmount", "eq", "5.00", unit="ex:Euro"),
                            ],
                        }
                    ]
                }
            ]
        ),
        "odrl:unitOfCount",
        f"{PLACE}/duty/0",
    ),
    "a remedy": (
        rules_of(
            MUSIC,
            prohibition=[{"action": "index", "remedy": [{"action": "anonymize"}]}],
        ),
        "odrl:remedy",
        "/prohibition/0/remedy",
    ),
    "an obligation": (
        rules_of(permission(), obligation=[{"action": "delete"}]),
        "odrl:obligation",
        "/obligation",
    ),
    "an inheritance": (
        rules_of(permission(), inheritFrom="http://example.com/policy:default"),
        "odrl:inheritFrom",
        "/inheritFrom",
    ),
    "a conflict strategy": (
        rules_of(permission(), conflict="perm"),
        "odrl:perm",
        "/conflict",
    ),
    "conflicts that make the policy void": (
        rules_of(permission(), prohibition=[{"action": "lx:train"}]),
        "odrl:prohibit",
        "",
    ),
    "a profile": (
        rules_of(permission(), profile="http://example.com/odrl:profile:09"),
        "odrl:profile:09",
        "/profile",
    ),
    "another kind of policy": (
        rules_of(permission(), **{"@type": "Request"}),
        "odrl:Request",
        "/@type",
    ),
    "a policy that was replaced": (
        rules_of(permission(), **{"dct:isReplacedBy": {"@id": "http://example.com/policy:2"}}),
        "isReplacedBy",
        "/dct:isReplacedBy",
    ),
    "an assignee": (
        permission(assignee="http://example.com/party:billie"),
        "party:billie",
        f"{PLACE}/assignee",
    ),
    "a collection of assignees": (
        permission(
            assignee={
                "@type": "PartyCollection",
                "source": "http://example.com/users",
                "refinement": [constraint("lx:relationship", "eq", {"@id": "ex:friend"})],
            }
        ),
        "http://example.com/users",
        f"{PLACE}/assignee/source",
    ),
    "a part of the target": (
        permission(
            target={
                "@type": "AssetCollection",
                "source": "http://example.com/archive",
                "refinement": [constraint("ex:runningTime", "lt", 60)],
            }
        ),
        "http://example.com/archive",
        f"{PLACE}/target/source",
    ),
    "assignees of their own, of whom a part is meant": (
        permission(
            assignee={
                "@type": "PartyCollection",
                "uid": "http://example.com/club",
                "refinement": [constraint("lx:platform", "isNoneOf", [{"@id": "assent:plt_1"}])],
            }
        ),
        "odrl:source",
        f"{PLACE}/assignee",
    ),
    "assignees of their own, refined by nothing": (
        permission(assignee={"uid": "http://example.com/club", "refinement": []}),
        "odrl:source",
        f"{PLACE}/assignee",
    ),
    "assets of their own, of whom a part is meant": (
        permission(
            target={
                "@type": "AssetCollection",
                "uid": "http://example.com/archive",
                "refinement": [constraint("lx:holder", "eq", {"@id": "assent:hld_1"})],
            }
        ),
        "odrl:source",
        f"{PLACE}/target",
    ),
    "all assets there are": (
        permission(
            target={"@type": "AssetCollection", "source": "lx:everything", "refinement": []}
        ),
        "one holder",
        f"{PLACE}/target/refinement",
    ),
    "a word without meaning": (
        permission(onlyOnSundays=True),
        "onlyOnSundays",
        f"{PLACE}/onlyOnSundays",
    ),
    "a misspelt one": (
        permission(constrant=[constraint("language", "eq", "en")]),
        "constrant",
        f"{PLACE}/constrant",
    ),
    "rights said of something else": (
        rules_of(
            permission(),
            **{"@reverse": {"ex:about": {"@id": "ex:other", "inheritFrom": {"@id": "ex:p"}}}},
        ),
        "odrl:inheritFrom",
        "/@reverse/ex:about/inheritFrom",
    ),
    "nothing": (
        {"@context": CONTEXT, "@type": "Set", "uid": "ex:p"},
        "nothing",
        "",
    ),
    "two policies": (
        {"@context": CONTEXT, "@graph": [permission(), {**permission(), "uid": "ex:q"}]},
        "one policy",
        "",
    ),
    "no policy": ({"@context": CONTEXT, "uid": "ex:p"}, "one policy", ""),
}


@pytest.mark.parametrize(("policy", "named", "pointer"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_is_refused_by_name_and_place(
    policy: Json, named: str, pointer: str
) -> None:
    with pytest.raises(NotUnderstood) as refusal:
        read_policy(policy)
    assert named in refusal.value.detail
    assert [fault.pointer for fault in refusal.value.faults] == [pointer]


UNREADABLE: dict[str, Json] = {
    "a context to fetch": {**permission(), "@context": "http://example.com/context"},
    "a context behind a known one": {
        **permission(),
        "@context": [*CONTEXT, "https://www.w3.org/ns/odrl.jsonld/../other"],
    },
    "a context that imports": {**permission(), "@context": {"@import": CONTEXT[0]}},
    "a context for one term": {
        **permission(),
        "@context": [*CONTEXT, {"duty": {"@id": "odrl:duty", "@context": CONTEXT[0]}}],
    },
    "more contexts than anyone needs": {**permission(), "@context": [CONTEXT[0]] * 17},
    "more values than anyone needs": permission(constraint=[{"n": [0] * 300}] * 20),
    "a list longer than any rule has": permission(constraint=[{}] * 301),
    "such a list said in parts": {
        "@context": CONTEXT,
        "@graph": [
            {"@id": "ex:p", "rdfs:label": [f"{part}-{one}" for one in range(200)]}
            for part in range(2)
        ],
    },
    "no JSON-LD": {**permission(), "@type": 3},
    "a context that is none": {**permission(), "@context": 7},
}


@pytest.mark.parametrize("policy", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_by_itself_is_refused(policy: Json) -> None:
    with pytest.raises(NotJsonLd):
        read_policy(policy)


NARROWING = (
    {"constraint": [constraint("ex:dayOfWeek", "eq", "Sunday")]},
    {"duty": [{"action": "ex:bow"}]},
    {"remedy": [{"action": "ex:bow"}]},
    {"ex:onlyOn": "Sunday"},
    {"onlyOn": "Sunday"},
    {"refinement": [constraint("ex:dayOfWeek", "eq", "Sunday")]},
    {"@type": "ex:OnSundays"},
)


@settings(deadline=None, max_examples=100)
@given(full_bodies(), st.sampled_from(NARROWING), st.data())
def test_a_policy_is_never_read_without_what_narrows_it(
    body: Json, narrower: Json, data: st.DataObject
) -> None:
    """Wherever in a policy of ours somebody adds a word we do not know, we do not read past it."""
    policy = written(body)
    places = [place for place in objects(policy) if "@id" not in place and "@value" not in place]
    place = data.draw(st.sampled_from(places))
    for key, value in narrower.items():
        place[key] = [*there, *value] if isinstance(there := place.get(key), list) else value
    with pytest.raises(NotUnderstood):
        read_policy(policy)


def objects(value: Any) -> list[Json]:
    """Every object of a policy, outside its context."""
    found = [value] if isinstance(value, dict) else []
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inner:
        if key != "@context" and isinstance(each, dict | list):
            found += objects(each)
    return found


KEYS = """
    @id @type @value @list @context @graph @reverse @index @nest @included permission action
    constraint leftOperand lx:any
""".strip()
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS.split()),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=100)
@given(anything, st.sampled_from(("action", "constraint", "assignee", "target", "duty", "@type")))
def test_nothing_that_is_sent_is_more_than_refused(value: Any, key: str) -> None:
    policy = permission()
    policy["permission"][0][key] = value
    for document in (policy, {"@context": CONTEXT, key: value}, {**policy, "@context": value}):
        with suppress(NotUnderstood, NotJsonLd):
            read_policy(copy.deepcopy(document))
