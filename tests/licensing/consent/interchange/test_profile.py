"""The profile that policies name: published, complete, and ODRL in form."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.test import Client
from hypothesis import given, settings
from playwright.sync_api import Page, expect
from pyld import jsonld

from licensing.consent.interchange.contexts import KNOWN, PROFILE_CONTEXT
from licensing.consent.interchange.vocabulary import LX, ODRL, XSD, Kind, terms
from tests.browser import DESKTOP, PHONE, overflow
from tests.licensing.consent.interchange.full_bodies import full_bodies
from tests.licensing.consent.interchange.policies import OPTIONS, written

Json = dict[str, Any]

# Where the pictures go, for somebody to look at: SCREENSHOTS=folder.
PICTURES = os.environ.get("SCREENSHOTS", "")
PATH = "/ns/lx"
KIND_OF = {term.iri: term.kind for term in terms()}
# The operators of ODRL's vocabulary, and its left operands, actions and duties that are used here.
OPERATORS: Final = {
    ODRL + name
    for name in ("eq", "gt", "gteq", "lt", "lteq", "neq", "isAnyOf", "isNoneOf", "isAllOf")
}
LEFT_OPERANDS: Final = {
    ODRL + name
    for name in (
        *("count", "dateTime", "deliveryChannel", "elapsedTime", "event", "language", "payAmount"),
        *("purpose", "resolution", "spatial", "systemDevice", "unitOfCount"),
    )
}
ACTIONS: Final = {
    ODRL + name
    for name in (
        *("attribute", "compensate", "delete", "index", "inform", "obtainConsent", "watermark"),
    )
}


def get(accept: str) -> Any:
    return Client().get(PATH, headers={"Accept": accept})


def test_people_get_a_page_and_programs_linked_data_at_one_address() -> None:
    page = get("text/html,application/xhtml+xml,*/*;q=0.8")
    assert page["Content-Type"].startswith("text/html")
    assert "Accept" in page["Vary"]
    for term in terms():
        assert f'id="{term.name}"' in page.content.decode()
    for accept in ("application/ld+json", "*/*", "application/ld+json, application/json;q=0.9"):
        found = get(accept)
        assert found["Content-Type"] == "application/ld+json"
        assert found["Access-Control-Allow-Origin"] == "*"
    assert get("application/json")["Content-Type"] == "application/json"
    assert Client().post(PATH).status_code == 405


def test_what_is_served_is_the_context_that_policies_bring_along() -> None:
    served = json.loads(get("application/ld+json").content)["@context"]
    assert PROFILE_CONTEXT.items() <= served.items()
    inlined = written(
        {"effect": "deny", "revocation_notice_days": 3, "price": {"per": "agreement"}}
    )
    named = {**inlined, "@context": [inlined["@context"][0], served]}
    assert jsonld.expand(named, OPTIONS) == jsonld.expand(inlined, OPTIONS)


def test_every_term_is_linked_data_with_a_kind_a_definition_and_a_domain() -> None:
    document = json.loads(get("application/ld+json").content)
    nodes = {node["@id"]: node for node in jsonld.expand(document)}
    assert {term.iri for term in terms()} == {iri for iri in nodes if iri.startswith(LX)}
    assert len({term.iri for term in terms()}) == len(list(terms()))
    skos = "http://www.w3.org/2004/02/skos/core#"
    for term in terms():
        node = nodes[term.iri]
        assert node["@type"]
        assert node[f"{skos}definition"][0]["@value"] == term.definition
        assert node[f"{skos}scopeNote"][0]["@value"].startswith(term.domain)
        if term.kind in (Kind.ACTION, Kind.DUTY):
            within = node[ODRL + "includedIn"][0]["@id"].removeprefix(ODRL)
            assert within in KNOWN["http://www.w3.org/ns/odrl.jsonld"]["@context"]


# -- Our policies in the form that ODRL's information model asks for -------------------------------
@settings(deadline=None, max_examples=60)
@given(full_bodies())
def test_what_is_written_has_the_structure_of_odrl(body: Json) -> None:
    (policy,) = jsonld.expand(written(body), OPTIONS)
    assert policy["@id"]
    assert policy["@type"] == [ODRL + "Set"]
    rules = [rule for kind in ("permission", "prohibition") for rule in policy.get(ODRL + kind, ())]
    assert len(rules) == 1
    assert policy[ODRL + "conflict"] == [{"@id": ODRL + "prohibit"}]
    for rule in rules:
        assert len(rule[ODRL + "target"]) == 1
        assert len(rule[ODRL + "assigner"]) == 1
        examine_actions(rule, Kind.ACTION)
        for constraint in rule.get(ODRL + "constraint", ()):
            examine_constraint(constraint)
        # A prohibition has no duties, a permission no remedies.
        duties = rule.get(ODRL + "duty", ())
        assert not duties or ODRL + "permission" in policy
        for duty in (*duties, *rule.get(LX + "statedDuty", ())):
            examine_actions(duty, Kind.DUTY)
            for constraint in duty.get(ODRL + "constraint", ()):
                examine_constraint(constraint)
        for collection in (*rule[ODRL + "target"], *rule.get(ODRL + "assignee", ())):
            refinements = collection.get(ODRL + "refinement", ())
            assert bool(refinements) == (ODRL + "source" in collection)
            for refinement in refinements:
                examine_constraint(refinement)
    for iri in iris(policy):
        if iri.startswith(LX):
            assert iri in KIND_OF, f"{iri} is not in the published profile"


def examine_actions(owner: Json, kind: Kind) -> None:
    assert owner[ODRL + "action"]
    for action in owner[ODRL + "action"]:
        value = action.get("http://www.w3.org/1999/02/22-rdf-syntax-ns#value", [action])
        (named,) = value
        assert named["@id"] in ACTIONS or KIND_OF[named["@id"]] == kind
        for refinement in action.get(ODRL + "refinement", ()):
            examine_constraint(refinement)


def examine_constraint(constraint: Json) -> None:
    """One left operand, one operator, at least one right operand; at most one unit."""
    ((left,), (operator,)) = constraint[ODRL + "leftOperand"], constraint[ODRL + "operator"]
    assert left["@id"] in LEFT_OPERANDS or KIND_OF[left["@id"]] == Kind.LEFT_OPERAND
    assert operator["@id"] in OPERATORS
    assert constraint[ODRL + "rightOperand"]
    for value in constraint[ODRL + "rightOperand"]:
        if value.get("@id", "").startswith(LX):
            assert KIND_OF[value["@id"]] == Kind.VALUE
        if "@type" in value:
            assert value["@type"].startswith(XSD)
    for unit in constraint.get(ODRL + "unit", ()):
        assert not unit["@id"].startswith(LX) or KIND_OF[unit["@id"]] == Kind.UNIT


def iris(value: Any) -> Iterator[str]:
    """Every IRI in an expanded document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not key.startswith("@"):
                yield key
            yield from iris(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from iris(inner)
    elif isinstance(value, str) and value.startswith(("urn:", "http:")):
        yield value


@pytest.mark.django_db(transaction=True)
@pytest.mark.browser
def test_the_page_fits_a_phone_and_a_desk_in_light_and_dark(chromium_page: Page) -> None:
    page = chromium_page
    for size, viewport in (("phone", PHONE), ("desktop", DESKTOP)):
        for scheme in ("light", "dark"):
            page.set_viewport_size(viewport)
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(PATH)
            expect(page.get_by_role("heading", name="The words consent needs")).to_be_visible()
            assert overflow(page) <= 0, size
            if PICTURES:
                page.screenshot(path=Path(PICTURES) / f"profile-{size}-{scheme}.png")
    page.goto(f"{PATH}#ratingMax")
    expect(page.get_by_role("link", name="lx:ratingMax", exact=True)).to_be_in_viewport()
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / "profile-terms.png")
