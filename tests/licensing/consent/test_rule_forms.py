"""A rule's body as a form's fields: nothing lost, and every fault beside the field that has it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings

from licensing.consent.engine.bodies import canonical
from licensing.consent.pages.rule_forms import Fields, fields_of, raw_body, read
from licensing.consent.windows.shapes import RuleBodyShape
from tests.licensing.consent.test_sentences import bodies

Json = dict[str, Any]
# Before any window of a generated rule begins.
EARLY = datetime(2026, 8, 1, tzinfo=UTC)
LATE = datetime(2030, 1, 1, tzinfo=UTC)


@settings(max_examples=200, deadline=None)
@given(bodies)
def test_a_body_comes_back_from_its_form_as_it_was(body: Json) -> None:
    # Only what the API lets in has a form: a refusal has no quota.
    if body["effect"] == "deny":
        body.pop("quotas", None)
    body = stored(body)
    reading = read(fields_of(body), now=EARLY)
    assert reading.wrong == {}
    assert reading.body == body


def stored(body: Json) -> Json:
    """As the API would keep it; its own ids are too short for that and stand in for real ones."""
    real = {"plt": "plt_06evgh4c2xskgjz3kq1v6t9m8", "chr": "chr_06evgh4c2xskgjz3kq1v6t9m8"}
    real |= {"prp": "prp_06evgh4c2xskgjz3kq1v6t9m8", "hld": "hld_06evgh4c2xskgjz3kq1v6t9m8"}

    def spelled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: spelled(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [spelled(inner) for inner in value]
        if isinstance(value, str) and value[:3] in real and "_" in value[:4]:
            return real[value[:3]] + value[-1]
        return value

    shape = RuleBodyShape(data=spelled(body))
    assert shape.is_valid(), shape.errors
    return canonical(shape.validated_data)


def test_a_moment_to_the_microsecond_is_kept() -> None:
    body = {"effect": "allow", "window": {"from": "2026-10-01T12:00:07.000001Z"}}
    assert read(fields_of(body), now=EARLY).body == body


@pytest.mark.parametrize(
    ("fields", "beside", "words"),
    [
        ({"platforms.way": ["only"]}, "platforms", "at least one"),
        ({"territories.way": ["only"], "territories": ["UK"]}, "territories", "ISO 3166-1"),
        ({"duration_seconds_max": ["1_000"]}, "duration_seconds_max", "whole number"),
        ({"duration_seconds_max": ["١٢"]}, "duration_seconds_max", "whole number"),
        ({"duration_seconds_max": ["1.0"]}, "duration_seconds_max", "whole number"),
        ({"viewer_age_min": ["-1"]}, "viewer_age_min", "greater"),
        ({"forbidden_words": ["duck, du.*k"]}, "forbidden_words", "“du.*k”: Write a word"),
        ({"forbidden_words": ["duck\nduck"]}, "forbidden_words", "twice"),
        ({"languages": ["english please"]}, "languages", "language tag"),
        ({"window.from": ["tomorrow"]}, "window.from", "a day and a time"),
        ({"window.from": ["2029-01-01T00:00"]}, "window.from", "before it is published"),
        (
            {"window.from": ["2031-02-01T00:00"], "window.to": ["2031-01-01T00:00"]},
            "window.to",
            "after its beginning",
        ),
        ({"window.to": ["2029-01-01T00:00"]}, "window.to", "end before"),
        ({"content.violence": ["extreme"]}, "content.violence", "names known"),
        ({"co_appearance.never_with": ["bear"]}, "co_appearance.never_with", "no id"),
        ({"quotas.day.everyone": ["0"], "quotas.total.platform": ["5"]}, "quotas.day.everyone", ""),
        ({"effect": ["deny"], "quotas.day.everyone": ["7"]}, "quotas", "no quota"),
        ({"obligations.report_within_hours": ["9000"]}, "obligations.report_within_hours", "8760"),
        ({"obligations.attribution": ["x" * 201]}, "obligations.attribution", "200"),
        (
            {"price.per": ["generation"], "price.amount": ["1E+2"], "price.currency": ["usd"]},
            "price.amount",
            "such as 0.002",
        ),
        (
            {"price.per": ["second"], "price.amount": ["1"], "price.currency": ["euro"]},
            "price.currency",
            "such as USD",
        ),
        ({"effect": ["perhaps"]}, "effect", "names known"),
        ({"effect": []}, "effect", ""),
    ],
)
def test_every_fault_stands_beside_its_field(fields: Fields, beside: str, words: str) -> None:
    reading = read({"effect": ["allow"], **fields}, now=LATE)
    assert list(reading.wrong) == [beside]
    assert words in reading.wrong[beside][0]
    # The rest can be read meanwhile.
    assert reading.body["effect"] in ("allow", "deny")


def test_a_fault_of_one_field_hides_none_of_another() -> None:
    fields = {
        "effect": ["allow"],
        "viewer_age_min": ["-1"],
        "window.from": ["2031-02-01T00:00"],
        "window.to": ["2031-01-01T00:00"],
    }
    reading = read(fields, now=LATE)
    assert set(reading.wrong) == {"viewer_age_min", "window.to"}
    assert reading.body == {"effect": "allow"}


def test_what_is_not_chosen_is_left_open() -> None:
    fields = {
        "effect": ["allow"],
        "platforms.way": [""],
        "platforms": ["plt_06evgh4c2xskgjz3kq1v6t9m8n"],
        "price.per": [""],
        "price.amount": ["5"],
        "co_appearance.way": [""],
        "co_appearance.only_with": ["chr_06evgh4c2xskgjz3kq1v6t9m8n"],
    }
    assert raw_body(fields) == {"effect": "allow"}
