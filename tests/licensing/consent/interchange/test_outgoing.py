"""Rules as RSL licences and CAWG assertions: never broader, and honest about what they leave out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licensing.consent.engine.bodies import canonical, read_body
from licensing.consent.engine.compiling import bind, compile_rule
from licensing.consent.engine.deciding import Asked, decide
from licensing.consent.engine.language import Decision, Effect, Request
from licensing.consent.interchange.documents import Format, write_document
from licensing.consent.interchange.wordings import pointers
from tests.licensing.consent.interchange.full_bodies import FIELDS, full_bodies
from tests.licensing.consent.interchange.policies import wording

Json = dict[str, Any]

RSL = "{https://rslstandard.org/rsl}"
USAGE_OF = {"train": "ai-train", "infer": "ai-input", "index": "ai-index"}
USES_OF = {
    "train": ("cawg.ai_generative_training", "cawg.ai_training"),
    "infer": ("cawg.ai_inference",),
}
FREE = {"amount": "0", "currency": "USD", "per": "generation"}
SAID = {"ask_at": "https://assent.example", "address": "/luna/*"}


def rsl(body: Json) -> tuple[ET.Element, list[str]]:
    document = write_document(wording(body, **SAID), Format.RSL)
    assert document.media_type == "application/rsl+xml"
    assert document.content.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<rsl xmlns="')
    return ET.fromstring(document.content), list(document.not_expressed)


def cawg(body: Json) -> tuple[Json, list[str]]:
    document = write_document(wording(body, **SAID), Format.CAWG)
    assert document.content["label"] == "cawg.training-mining"
    return document.content["data"]["entries"], list(document.not_expressed)


def terms(licence: ET.Element, name: str, kind: str) -> set[str]:
    found = licence.find(f"{RSL}{name}[@type='{kind}']")
    return set((found.text or "").split()) if found is not None else set()


# A little reader of RSL: what a crawler in a territory makes of a licence.
def licensed(root: ET.Element, usage: str, territory: str) -> ET.Element | None:
    """The payment of the licence that permits it; None if none does."""
    for licence in root.iter(f"{RSL}license"):
        permitted = terms(licence, "permits", "usage")
        if {"all", usage} & terms(licence, "prohibits", "usage"):
            return None
        places = terms(licence, "permits", "geo")
        if (places and territory not in places) or territory in terms(licence, "prohibits", "geo"):
            continue
        if not permitted or permitted & {"all", "ai-all", usage}:
            payment = licence.find(f"{RSL}payment")
            return ET.Element("payment", type="free") if payment is None else payment
    return None


def decided(body: Json, action: str, territory: str | None) -> Decision:
    """What the engine says under this rule alone to somebody who says nothing else."""
    rule = compile_rule(version="rlv_1", scope="", body=read_body(canonical(body)))
    asked = Asked(subject="chr_1", chain=("chr_1",), consents=(("hld_1", bind([rule])),))
    at = datetime(2160, 1, 1, tzinfo=UTC)
    return decide(Request(action=action, platform="plt_x", at=at, territory=territory), [asked])


# Bodies of few fields, or nothing would ever be granted.
few = st.lists(st.sampled_from(sorted(FIELDS)), max_size=2, unique=True)


@st.composite
def small_bodies(draw: st.DrawFn) -> Json:
    effect = draw(st.sampled_from(("allow", "allow", "allow", "deny", "needs_approval")))
    fields = {field: draw(FIELDS[field]) for field in draw(few) if field != "quotas"}
    actions = {"actions": draw(FIELDS["actions"])} if draw(st.booleans()) else {}
    price = {"price": draw(st.sampled_from((FREE, {**FREE, "amount": "0.02"})))}
    return {"effect": effect, **(price if draw(st.booleans()) else {}), **fields, **actions}


bodies = st.one_of(small_bodies(), full_bodies())


@settings(deadline=None, max_examples=300)
@given(bodies, st.sampled_from(sorted(USAGE_OF)), st.sampled_from(("DE", "US", "IS")))
def test_what_rsl_licenses_the_rule_allows_on_the_same_terms(
    body: Json, action: str, territory: str
) -> None:
    root, _ = rsl(body)
    payment = licensed(root, USAGE_OF[action], territory)
    if payment is None:
        return
    decision = decided(body, action, territory)
    assert decision.outcome is Effect.ALLOW
    assert "obligations" not in body
    amount = payment.find(f"{RSL}amount")
    if payment.get("type") == "free":
        assert [price.amount for price in decision.prices] == [0]
    elif amount is not None:
        (price,) = decision.prices
        assert (amount.text, amount.get("currency")) == (body["price"]["amount"], price.currency)
    else:
        assert payment.findtext(f"{RSL}custom") == "https://assent.example"
        assert not decision.prices


@settings(deadline=None, max_examples=300)
@given(bodies, st.sampled_from(sorted(USES_OF)))
def test_what_cawg_allows_the_rule_allows_to_anyone_for_nothing(body: Json, action: str) -> None:
    entries, _ = cawg(body)
    assert entries
    for use, entry in entries.items():
        assert entry["use"] in ("allowed", "notAllowed", "constrained")
        assert set(entry) == (
            {"use", "constraint_info"} if entry["use"] == "constrained" else {"use"}
        )
        assert not (use == "cawg.data_mining" and entry["use"] != "notAllowed")
        if entry["use"] == "allowed" and use in USES_OF[action]:
            decision = decided(body, action, None)
            assert decision.outcome is Effect.ALLOW
            assert [price.amount for price in decision.prices] == [0]
            assert "obligations" not in body


@settings(deadline=None, max_examples=200)
@given(bodies)
def test_what_is_not_named_as_left_out_is_said(body: Json) -> None:
    """Without a field that is not left out, the answer would be another one: the document, or what it
    says it leaves out."""
    body = canonical(body)
    for write in (_rsl_text, cawg):
        document, left_out = write(body)
        assert set(left_out) <= {*pointers(body), "/actions"}
        said = {
            field for field in body if not any(name.startswith(f"/{field}") for name in left_out)
        }
        # Without a price it is a matter of agreement, too.
        if body.get("price") == {"per": "agreement"}:
            said.discard("price")
        for field in said - {"effect"}:
            other = {name: value for name, value in body.items() if name != field}
            assert write(other) != (document, left_out), field
    assert write_document(wording(body, **SAID), Format.ODRL).not_expressed == ()


def _rsl_text(body: Json) -> tuple[str, list[str]]:
    root, left_out = rsl(body)
    return ET.tostring(root, encoding="unicode"), left_out


RSL_STORIES: dict[str, tuple[Json, list[str], list[str]]] = {
    "training free of charge, in two countries": (
        {
            "effect": "allow",
            "actions": ["train"],
            "territories": {"only": ["GB", "US"]},
            "price": FREE,
        },
        ["permits usage ai-train", "permits geo GB US", "payment free"],
        [],
    ),
    "input at a price, but for one country": (
        {
            "effect": "allow",
            "actions": ["infer"],
            "territories": {"except": ["DE"]},
            "price": {**FREE, "amount": "0.002"},
        },
        ["permits usage ai-input", "prohibits geo DE", "payment use", "amount USD 0.002"],
        [],
    ),
    "anything, as agreed": (
        {"effect": "allow"},
        [
            *("permits usage ai-train", "payment training", "custom https://assent.example"),
            *("permits usage ai-input", "payment use", "custom https://assent.example"),
            *("permits usage ai-index", "payment crawl", "custom https://assent.example"),
        ],
        ["/actions"],
    ),
    "a price that RSL has no unit for": (
        {"effect": "allow", "actions": ["train"], "price": {**FREE, "amount": "1"}},
        ["prohibits usage all"],
        ["/actions/0", "/effect", "/price"],
    ),
    "a price that RSL has a unit for in one of two uses": (
        {
            "effect": "allow",
            "actions": ["index", "infer"],
            "price": {**FREE, "amount": "0.002"},
        },
        ["permits usage ai-input", "payment use", "amount USD 0.002"],
        ["/actions/0", "/price"],
    ),
    "an obligation": (
        {"effect": "allow", "actions": ["train"], "obligations": {"watermark": True}},
        ["prohibits usage all"],
        ["/actions/0", "/effect", "/obligations/watermark"],
    ),
    "to generate and to train": (
        {"effect": "allow", "actions": ["generate_video", "train"], "price": FREE},
        ["permits usage ai-train", "payment free"],
        ["/actions/0"],
    ),
    "to generate alone": (
        {"effect": "allow", "actions": ["generate_video"]},
        ["prohibits usage all"],
        ["/actions/0", "/effect"],
    ),
    "a deny of everything": ({"effect": "deny"}, ["prohibits usage all"], ["/actions"]),
    "a deny of something": (
        {"effect": "deny", "actions": ["train"], "territories": {"only": ["DE"]}},
        ["prohibits usage all"],
        ["/actions/0", "/territories"],
    ),
    "if asked": (
        {"effect": "needs_approval", "actions": ["train"]},
        ["prohibits usage all"],
        ["/actions/0", "/effect"],
    ),
}


@pytest.mark.parametrize(("body", "said", "left_out"), RSL_STORIES.values(), ids=RSL_STORIES)
def test_a_rule_as_an_rsl_licence(body: Json, said: list[str], left_out: list[str]) -> None:
    root, not_expressed = rsl(body)
    (content,) = root
    assert content.attrib == {"url": "/luna/*"}
    found = []
    for licence in content:
        for element in licence.iter():
            name = element.tag.removeprefix(RSL)
            words = [name, *element.attrib.values(), (element.text or "").strip()]
            found.append(" ".join(word for word in words if word))
    assert [line for line in found if line != "license"] == said
    assert not_expressed == left_out


CAWG_STORIES: dict[str, tuple[Json, dict[str, str], list[str]]] = {
    "training free of charge": (
        {"effect": "allow", "actions": ["train"], "price": FREE},
        {"cawg.ai_generative_training": "allowed", "cawg.ai_training": "allowed"},
        [],
    ),
    "input within limits": (
        {"effect": "allow", "actions": ["infer"], "content": {"fear": "mild"}, "price": FREE},
        {"cawg.ai_inference": "constrained"},
        ["/content/fear", "/price"],
    ),
    "at no price of its own": (
        {"effect": "allow", "actions": ["infer"]},
        {"cawg.ai_inference": "constrained"},
        [],
    ),
    "if asked": (
        {"effect": "needs_approval", "actions": ["infer", "index"]},
        {"cawg.ai_inference": "constrained"},
        ["/actions/0", "/effect"],
    ),
    "no training in one country": (
        {"effect": "deny", "actions": ["train"], "territories": {"only": ["DE"]}},
        {"cawg.ai_generative_training": "notAllowed", "cawg.ai_training": "notAllowed"},
        ["/territories"],
    ),
    "to generate alone": (
        {"effect": "allow", "actions": ["generate_video"], "price": FREE},
        dict.fromkeys(
            (
                *("cawg.data_mining", "cawg.ai_generative_training"),
                *("cawg.ai_training", "cawg.ai_inference"),
            ),
            "notAllowed",
        ),
        ["/actions/0", "/effect", "/price"],
    ),
}


@pytest.mark.parametrize(("body", "said", "left_out"), CAWG_STORIES.values(), ids=CAWG_STORIES)
def test_a_rule_as_a_cawg_assertion(body: Json, said: dict[str, str], left_out: list[str]) -> None:
    entries, not_expressed = cawg(body)
    assert {use: entry["use"] for use, entry in entries.items()} == said
    assert not_expressed == left_out
    for entry in entries.values():
        if entry["use"] == "constrained":
            assert "https://assent.example" in entry["constraint_info"]


def test_without_an_address_the_licence_is_about_the_character_itself() -> None:
    bare = replace(wording({"effect": "deny"}), address="")
    for scope, about in (("chr_1", "urn:assent:chr_1"), ("", "urn:assent:hld_1")):
        text = write_document(replace(bare, scope=scope), Format.RSL).content
        assert f'<content url="{about}">' in text
