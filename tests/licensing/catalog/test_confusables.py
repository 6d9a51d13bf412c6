"""Texts that look alike have one skeleton; names that look alike are not registered twice."""

from __future__ import annotations

import threading
import unicodedata
from datetime import datetime

import pytest
from django.db import IntegrityError, connections, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from licensing.catalog import names, subjects
from licensing.catalog.confusables import look_alikes, skeleton
from licensing.catalog.models import Subject
from tests.licensing.builders import Household, build_holder, build_subject


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("paypal", "p\u0430ypal"),  # Cyrillic a
        ("LUNA", "luna"),
        ("Luna Fox", "luna\u00a0\u2003fox"),
        ("Luna", "L\u200bu\u00adna\ufeff"),
        ("Luna", "\uff2c\uff55\uff4e\uff41"),  # fullwidth
        ("modern", "modem"),
        ("R0b0t", "Robot"),
        ("Stra\u00dfe", "STRASSE"),
        ("Zo\u00eb", "Zoe\u0308"),
        ("scope", "\u0455\u0441\u043e\u0440\u0435"),  # all Cyrillic
    ],
)
def test_look_alikes_have_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"), [("mail", "mall"), ("Zo\u00eb", "Zoe"), ("Luna", "Lune"), ("a b", "ab")]
)
def test_texts_a_reader_tells_apart_have_two(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)
    assert skeleton(other) not in look_alikes(one)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("\u041cickey", "Mickey"),  # Cyrillic capital Em, whose small letter differs
        ("\u0406vy", "Ivy"),  # Cyrillic capital I
        ("Mlckey", "Mickey"[:1] + "Ickey"),
        ("AIan", "Alan"),
        ("lvy", "Ivy"),
        ("\u039c\u0399C\u039a\u0395\u03a5", "MICKEY"),  # Greek capitals
    ],
)
def test_what_only_capitals_show_is_seen(written: str, meant: str) -> None:
    assert skeleton(meant) in look_alikes(written)


@given(st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_a_skeletons_skeleton_is_itself(text: str) -> None:
    once = skeleton(text)
    assert skeleton(once) == once
    assert once in look_alikes(text)
    assert skeleton(unicodedata.normalize("NFD", text)) == once


def test_every_single_character_settles() -> None:
    unsettled = [
        code
        for code in range(0x110000)
        if not 0xD800 <= code < 0xE000 and skeleton(skeleton(chr(code))) != skeleton(chr(code))
    ]
    assert unsettled == []


@pytest.mark.parametrize(
    "text",
    ["", "   ", "a\x00b", "a\x1bb", "a\nb", "a\u2028b", "\u200b", "a\u202eb", "\ue000", "\ud800",
     "x" * 201, "\ufdfa" * 100, "\u0378"],
)  # fmt: skip
def test_a_name_is_text_that_can_be_seen(text: str) -> None:
    with pytest.raises(names.BadName):
        names.clean_name(text)


def test_a_name_is_kept_composed_and_stripped() -> None:
    assert names.clean_name("  Zoe\u0308 ") == "Zo\u00eb"
    assert names.clean_name("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645")
    assert names.clean_name("<script>alert(1)</script>") == "<script>alert(1)</script>"


def register(household: Household, now: datetime, name: str) -> Subject:
    assert household.holder is not None
    return subjects.register_subject(
        actor=household.actor, now=now, holder=household.holder, name=name, kind="character"
    )


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["Mickey", "mickey", "M\u0456ckey", "\u041cickey", "MIckey"])
def test_a_name_like_anothers_is_refused_and_ones_own_is_not(now: datetime, name: str) -> None:
    ann, bob = build_holder(), build_holder()
    register(ann, now, "Mickey")
    with pytest.raises(subjects.ConfusableName):
        register(bob, now, name)
    register(ann, now, name)
    register(build_holder(mode="live"), now, name)


@pytest.mark.django_db
def test_the_database_refuses_anothers_name_too() -> None:
    ann, bob = build_holder(), build_holder()
    assert ann.holder is not None
    assert bob.holder is not None
    build_subject(ann.holder, "Luna")
    with pytest.raises(IntegrityError, match="confusable_name"), transaction.atomic():
        build_subject(bob.holder, "Luna")
    other = build_subject(bob.holder, "Sol")
    with pytest.raises(IntegrityError, match="confusable_name"), transaction.atomic():
        Subject.objects.filter(pk=other.pk).update(skeleton="luna")


@pytest.mark.django_db(transaction=True)
def test_of_two_look_alikes_at_once_one_is_refused(now: datetime) -> None:
    households = [build_holder(), build_holder()]
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def try_it(household: Household, name: str) -> None:
        try:
            start.wait()
            register(household, now, name)
            outcomes.append("stored")
        except subjects.ConfusableName:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=try_it, args=pair)
        for pair in zip(households, ("Mickey", "M\u0456ckey"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "stored"]
