"""The portal's catalogue: what it shows, what its forms refuse and where they say so."""

from __future__ import annotations

import re
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.utils import timezone

from licensing.access.models import AuditRecord
from licensing.catalog.models import OwnershipStep, Property, RightsHolder, Subject
from tests.licensing.builders import (
    LONG_AGO,
    Household,
    build_actor,
    build_holder,
    build_ownership,
    build_property,
    build_subject,
)
from tests.licensing.portal.visiting import fill, queries, text, visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> Household:
    return build_holder("Lantern Studio")


@pytest.fixture
def holder(studio: Household) -> RightsHolder:
    assert studio.holder is not None
    return studio.holder


def faults(page: bytes) -> dict[str, str]:
    """What the page says is wrong, by the field that points to it."""
    return dict(re.findall(r'<p class="fault" id="fault([^"]*)">([^<]*)</p>', page.decode()))


def test_the_tree_shows_what_lies_in_what(studio: Household, holder: RightsHolder) -> None:
    saga = build_property(holder, "Tales of the North")
    night = build_property(holder, "The Long Night", parent=saga)
    build_subject(holder, "Fox", property=saga)
    build_subject(holder, "Owl", property=night)
    build_subject(holder, "The Lantern mark", kind="mark")
    other = build_holder("Other House")
    assert other.holder is not None
    shared = build_subject(
        other.holder,
        "Shared Hero",
        property=build_property(other.holder, "Their Secret Saga"),
        owners={other.holder: 2, holder: 1},
    )
    page = text(visit(studio.actor), "/portal/catalogue")
    order = ["Tales of the North", "Fox", "The Long Night", "Owl", "In no property of yours"]
    places = [page.index(f">{word}<") for word in order]
    assert places == sorted(places)
    assert "Other House 66.66666667 %" not in page
    assert "Other House 2/3, Lantern Studio 1/3" in page
    assert "Their Secret Saga" not in page
    page = text(visit(studio.actor), f"/portal/catalogue/subjects/{shared.shown_id}")
    assert "Only who registered it changes who owns it" in page
    assert "Their Secret Saga" not in page
    assert "Change who owns it" not in page


def test_of_many_in_one_property_the_tree_shows_the_first(
    studio: Household, holder: RightsHolder
) -> None:
    saga = build_property(holder, "Saga")
    for number in range(50):
        build_subject(holder, f"Hero {number:02}", property=saga)
    client = visit(studio.actor)
    page = text(client, "/portal/catalogue")
    assert "Hero 11" in page
    assert "Hero 12" not in page
    assert "38 more in Saga" in page
    path = f"/portal/catalogue/properties/{saga.shown_id}"
    assert "Hero 47" in text(client, path)
    assert "Hero 49" in text(client, f"{path}?page=2")
    for odd in ("x", "-1", "9999999", "%00", "²"):
        text(client, f"{path}?page={odd}")


def test_names_are_found(studio: Household, holder: RightsHolder) -> None:
    build_subject(holder, "Fox of the North")
    build_property(holder, "Northern Lights")
    client = visit(studio.actor)
    page = text(client, "/portal/catalogue?q=north")
    assert "Fox of the North" in page
    assert "Northern Lights" in page
    assert "Nothing has these words" in text(client, "/portal/catalogue?q=%25%00x")


def test_properties_are_made_and_renamed(studio: Household, holder: RightsHolder) -> None:
    client = visit(studio.actor)
    made = fill(
        client, "/portal/catalogue/properties/new", {"name": " Saga ", "holder": holder.shown_id}
    )
    saga = Property.objects.get(name="Saga")
    assert made["Location"] == f"/portal/catalogue/properties/{saga.shown_id}"
    said = {"name": "Part One", "holder": holder.shown_id, "parent": saga.shown_id}
    fill(client, "/portal/catalogue/properties/new", said)
    assert faults(fill(client, "/portal/catalogue/properties/new", said, 409).content) == {
        "-name": "There is a property of this name in the same place already."
    }
    part = Property.objects.get(parent=saga)
    page = text(client, f"/portal/catalogue/properties/{part.shown_id}")
    assert f'/portal/catalogue/properties/{saga.shown_id}">Saga</a>' in page

    fill(client, f"/portal/catalogue/properties/{part.shown_id}", {"name": "Chapter One"})
    part.refresh_from_db()
    assert part.name == "Chapter One"
    told = AuditRecord.objects.get(verb="property.rename")
    assert told.detail == {"name": "Chapter One", "before": "Part One"}
    fill(client, "/portal/catalogue/properties/new", said)
    taken = fill(client, f"/portal/catalogue/properties/{part.shown_id}", {"name": "Part One"}, 409)
    assert "-name" in faults(taken.content)
    for bad in ("", "\u202e", "a" * 201, "a\x00b"):
        answer = fill(client, f"/portal/catalogue/properties/{part.shown_id}", {"name": bad}, 422)
        assert "-name" in faults(answer.content), bad
        answer = fill(client, "/portal/catalogue/properties/new", {**said, "name": bad}, 422)
        assert "-name" in faults(answer.content), bad


def test_a_subject_is_registered_with_several_owners(
    studio: Household, holder: RightsHolder
) -> None:
    other = build_holder("Co-owners")
    assert other.holder is not None
    saga = build_property(holder, "Saga")
    client = visit(studio.actor)
    said: dict[str, Any] = {
        "name": "Fox of the North",
        "kind": "character",
        "holder": holder.shown_id,
        "property": saga.shown_id,
        "effective_on": "2020-02-29",
        "owner": ["Lantern Studio", other.holder.shown_id, ""],
        "share": ["2/3", "1/3", ""],
    }
    fill(client, "/portal/catalogue/subjects/new", said)
    fox = Subject.objects.get()
    assert (fox.property, fox.kind) == (saga, "character")
    step = fox.ownership_steps.get()
    assert step.effective_on == date(2020, 2, 29)
    assert {share.holder: share.fraction for share in step.shares.all()} == {
        holder: Fraction(2, 3),
        other.holder: Fraction(1, 3),
    }
    page = text(client, f"/portal/catalogue/subjects/{fox.shown_id}")
    for words in ("Fox of the North", "2/3", "1/3", "Co-owners", "29 February 2020", "Everywhere"):
        assert words in page


SAID = {"name": "Fox", "kind": "character"}


@pytest.mark.parametrize(
    ("said", "pointers", "status"),
    [
        ({"name": ""}, ["-name"], 422),
        ({"name": "x" * 201}, ["-name"], 422),
        ({"name": "a\x00b"}, ["-name"], 422),
        ({"kind": "dragon"}, ["-kind"], 422),
        ({"kind": ""}, ["-kind"], 422),
        ({"holder": "hld_x"}, ["-holder"], 422),
        ({"property": "prp_x"}, ["-property"], 422),
        ({"effective_on": "30.2.2026"}, ["-effective-on"], 422),
        ({"owner": ["Lantern Studio"], "share": ["99.99999999"]}, ["-shares"], 422),
        ({"owner": ["Lantern Studio"], "share": ["0"]}, ["-shares-0-share"], 422),
        ({"owner": ["Lantern Studio"], "share": ["-50"]}, ["-shares-0-share"], 422),
        ({"owner": ["Lantern Studio"], "share": ["101"]}, ["-shares-0-share"], 422),
        ({"owner": ["Lantern Studio"], "share": ["0.333333333333"]}, ["-shares-0-share"], 422),
        ({"owner": ["Lantern Studio"], "share": ["١٠٠"]}, ["-shares-0-share"], 422),
        ({"owner": ["Lantern Studio"], "share": [""]}, ["-shares-0-share"], 422),
        ({"owner": ["Nobody"], "share": ["100"]}, ["-shares-0-holder"], 422),
        (
            {"owner": ["", "Lantern Studio", "?"], "share": ["", "100", "x"]},
            ["-shares-1-holder", "-shares-1-share"],
            422,
        ),
        ({"owner": ["Lantern Studio"] * 2, "share": ["50", "50"]}, ["-shares"], 422),
        ({"owner": ["hld_" + "0" * 26], "share": ["100"]}, ["-shares"], 422),
        ({"owner": ["Lantern Studio"] * 101, "share": ["1"] * 101}, ["-shares"], 422),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(
    studio: Household,
    holder: RightsHolder,
    said: dict[str, Any],
    pointers: list[str],
    status: int,
) -> None:
    client = visit(studio.actor)
    body = {**SAID, "holder": holder.shown_id, **said}
    answer = fill(client, "/portal/catalogue/subjects/new", body, status)
    found = faults(answer.content)
    assert sorted(found) == pointers
    assert all(found.values())
    page = answer.content.decode()
    assert 'role="alert"' in page
    assert ("Owner 1: There is no such holder." in page) is (pointers == ["-shares-0-holder"])
    told = set(re.findall(r'aria-describedby="([^"]*)"', page))
    for pointer in set(pointers) - {"-holder"}:
        assert any(f"fault{pointer}" in names.split() for names in told), pointer
    assert not Subject.objects.exists()


def test_a_look_alike_of_anothers_name_is_refused(studio: Household, holder: RightsHolder) -> None:
    other = build_holder("Other House")
    assert other.holder is not None
    client = visit(other.actor)
    said = {**SAID, "name": "Mickey", "holder": other.holder.shown_id}
    fill(client, "/portal/catalogue/subjects/new", said)
    said = {**SAID, "name": "Mіckey", "holder": holder.shown_id}
    answer = fill(visit(studio.actor), "/portal/catalogue/subjects/new", said, 409)
    assert faults(answer.content) == {
        "-name": "This name looks like the name of another holder&#x27;s subject."
    }
    assert 'value="Mіckey"' in answer.content.decode()


def test_more_lines_are_to_be_had_without_saving(studio: Household, holder: RightsHolder) -> None:
    said: dict[str, Any] = {**SAID, "holder": holder.shown_id, "more": "yes"}
    said |= {"owner": ["Lantern Studio", "Nobody"], "share": ["50", "wrong"]}
    page = fill(visit(studio.actor), "/portal/catalogue/subjects/new", said, 200).content.decode()
    assert page.count('name="owner"') == 6
    assert 'value="wrong"' in page
    assert not Subject.objects.exists()


def test_ownership_changes_from_a_day_on(studio: Household, holder: RightsHolder) -> None:
    other = build_holder("Co-owners")
    assert other.holder is not None
    fox = build_subject(holder, "Fox")
    client = visit(studio.actor)
    path = f"/portal/catalogue/subjects/{fox.shown_id}/ownership"
    assert 'value="Lantern Studio"' in text(client, path)
    today = timezone.now().date()
    said: dict[str, Any] = {
        "effective_on": (today + timedelta(days=30)).isoformat(),
        "territory": "DE",
        "owner": ["Lantern Studio", other.holder.shown_id],
        "share": ["12.5 %", "87.5"],
    }
    fill(client, path, said)
    step = OwnershipStep.objects.get(territory="DE")
    assert sorted(share.fraction for share in step.shares.all()) == [Fraction(1, 8), Fraction(7, 8)]
    page = text(client, f"/portal/catalogue/subjects/{fox.shown_id}")
    for words in (
        "Everywhere else",
        "Germany",
        "to come",
        "12.5 %",
        "87.5 %",
        '<svg class="steps"',
    ):
        assert words in page

    def refused(status: int, **changed: Any) -> dict[str, str]:
        return faults(fill(client, path, {**said, **changed}, status).content)

    assert list(refused(409)) == ["-effective-on"]
    assert list(refused(422, effective_on="2020-01-01")) == ["-effective-on"]
    assert list(refused(422, effective_on=today.isoformat())) == ["-effective-on"]
    assert list(refused(422, territory="UK")) == ["-territory"]
    assert list(refused(422, owner=[], share=[])) == ["-shares"]
    assert "99.5 %" in refused(422, share=["12", "87.5"])["-shares"]
    assert OwnershipStep.objects.count() == 2


def test_an_editor_writes_too(studio: Household, holder: RightsHolder) -> None:
    editor = visit(build_actor(studio.organisation, "editor"))
    assert "Add a character" in text(editor, "/portal/catalogue")
    fill(editor, "/portal/catalogue/subjects/new", {**SAID, "holder": holder.shown_id})


def test_anothers_things_are_not_there(studio: Household, holder: RightsHolder) -> None:
    other = build_holder("Other House")
    assert other.holder is not None
    saga = build_property(other.holder, "Their Saga")
    hero = build_subject(other.holder, "Their Hero", property=saga)
    ours = build_subject(other.holder, "Half Ours", owners={other.holder: 1, holder: 1})
    client = visit(studio.actor)
    assert "Their" not in text(client, "/portal/catalogue")
    assert "Their" not in text(client, "/portal/catalogue?q=their").replace("“their”", "")
    for path in (
        f"properties/{saga.shown_id}",
        f"subjects/{hero.shown_id}",
        f"subjects/{hero.shown_id}/ownership",
        f"pictures/{hero.shown_id}",
        f"pictures/{saga.shown_id}",
        "subjects/chr_x",
        "subjects/1e3",
        "properties/%00",
        "pictures/hld_x",
        "pictures/" + "9" * 5000,
    ):
        text(client, f"/portal/catalogue/{path}", 404)
    fill(client, f"/portal/catalogue/properties/{saga.shown_id}", {"name": "Ours"}, 404)
    fill(client, f"/portal/catalogue/subjects/{hero.shown_id}/ownership", {}, 404)
    fill(client, f"/portal/catalogue/pictures/{hero.shown_id}", {"remove": "yes"}, 404)
    # A share lets one look, not change.
    text(client, f"/portal/catalogue/subjects/{ours.shown_id}")
    text(client, f"/portal/catalogue/subjects/{ours.shown_id}/ownership", 403)
    fill(client, f"/portal/catalogue/pictures/{ours.shown_id}", {"remove": "yes"}, 403)
    page = text(client, "/portal/catalogue/subjects/new")
    assert "Their Saga" not in page
    said = {**SAID, "holder": holder.shown_id, "property": saga.shown_id}
    answer = fill(client, "/portal/catalogue/subjects/new", said, 422)
    assert faults(answer.content) == {"-property": "There is no such thing."}
    said = {**SAID, "holder": other.holder.shown_id}
    answer = fill(client, "/portal/catalogue/subjects/new", said, 422)
    assert "There is no such thing." in answer.content.decode()
    assert not Subject.objects.filter(name="Fox").exists()


def test_names_are_only_names(studio: Household, holder: RightsHolder) -> None:
    script = "<script>alert(1)</script>"
    saga = build_property(holder, script + "a")
    fox = build_subject(holder, script + "b", property=saga)
    client = visit(studio.actor)
    for path in (
        "",
        f"?q={script}",
        f"/properties/{saga.shown_id}",
        f"/subjects/{fox.shown_id}",
        f"/subjects/{fox.shown_id}/ownership",
        "/subjects/new",
        "/properties/new",
    ):
        page = text(client, f"/portal/catalogue{path}")
        assert "<script>alert" not in page
        assert " style=" not in page
        assert "onerror" not in page


def test_pages_cost_the_same_for_one_and_for_fifty(studio: Household, holder: RightsHolder) -> None:
    client = visit(studio.actor)
    other = build_holder("Other House")
    assert other.holder is not None
    saga = build_property(holder, "Saga")
    fox = build_subject(holder, "Fox", property=saga, owners={holder: 1, other.holder: 1})

    def costs() -> list[int]:
        return [
            queries(client, path)
            for path in (
                "/portal/catalogue",
                "/portal/catalogue?q=o",
                f"/portal/catalogue/properties/{saga.shown_id}",
                f"/portal/catalogue/subjects/{fox.shown_id}",
                "/portal/catalogue/subjects/new",
            )
        ]

    build_property(holder, "Part", parent=saga)
    once = costs()
    for number in range(49):
        part = build_property(holder, f"Part {number}", parent=saga)
        for place in (saga, part, None):
            owners = {holder: 1, other.holder: number + 1}
            build_subject(holder, f"Fox {number}", property=place, owners=owners)
        build_ownership(
            fox, {holder: number + 1, other.holder: 1}, territory="DE",
            effective_on=LONG_AGO.date() + timedelta(days=number),
        )  # fmt: skip
    assert costs() == once
    assert max(once) <= 20


def test_a_deep_property_costs_no_more(studio: Household, holder: RightsHolder) -> None:
    client = visit(studio.actor)
    place = build_property(holder)
    top = place
    for _ in range(7):
        place = build_property(holder, parent=place)
    costs = [
        queries(client, f"/portal/catalogue/properties/{each.shown_id}") for each in (top, place)
    ]
    assert costs[0] == costs[1]
    page = text(client, f"/portal/catalogue/properties/{place.shown_id}")
    assert page.count('<li><a href="/portal/catalogue/properties/') == 7
    said = {"name": "Deeper", "holder": holder.shown_id, "parent": place.shown_id}
    answer = fill(client, "/portal/catalogue/properties/new", said, 422)
    assert faults(answer.content) == {"-parent": "Properties nest at most 8 deep."}
