"""Bodies that the API takes, with every field it has and everything a field may hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from ledger.ids import show
from ledger.wire import show_instant
from licensing.consent.engine.language import (
    LEVELS,
    Action,
    Audience,
    Axis,
    ContentCode,
    Interval,
    Purpose,
    QuotaOf,
)

Json = dict[str, Any]

LATER = datetime(2150, 1, 1, tzinfo=UTC)
TERRITORIES = ("AT", "BR", "DE", "FR", "GB", "JP", "US", "ZA")
CURRENCIES = ("EUR", "JPY", "KWD", "USD")
LANGUAGES = ("de", "en", "pt-BR", "zh-Hant-TW")
LABELS = ("TikTok", "a/b:c", "in app", "x-2", "Model_9.1")
PHRASES = ("Grand Rival", "l'été", "Äffchen", "猫", "A&B", "non-stop")


def ids(prefix: str) -> st.SearchStrategy[str]:
    return st.uuids().map(lambda value: show(prefix, value))


def some(values: st.SearchStrategy[Any], *, least: int = 1) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=least, max_size=4, unique=True)


def names(listed: Any) -> st.SearchStrategy[list[str]]:
    return some(st.sampled_from([str(name) for name in listed]))


def choices(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.one_of(
        st.fixed_dictionaries({"only": some(values)}),
        st.fixed_dictionaries({"except": some(values)}),
    )


references = st.sampled_from(("chr", "prp", "hld")).flatmap(ids)
moments = st.integers(0, 10**15).map(
    lambda microseconds: show_instant(LATER + timedelta(microseconds=microseconds))
)
amounts = st.decimals(min_value=0, max_value=10**9, places=8).map(
    lambda amount: f"{amount:f}".rstrip("0").rstrip(".")
)
prices = st.one_of(
    st.just({"per": "agreement"}),
    st.fixed_dictionaries(
        {
            "per": st.sampled_from(("generation", "second")),
            "amount": amounts,
            "currency": st.sampled_from(CURRENCIES),
        }
    ),
)
# Any text that a line of an attribution may be, but for what no text may hold.
lines = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=200).filter(
    lambda text: text == text.strip() and text != ""
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "actions": names(Action),
    "platforms": choices(ids("plt")),
    "audience": names(Audience),
    "territories": choices(st.sampled_from(TERRITORIES)),
    "window": st.one_of(
        st.fixed_dictionaries({"from": moments}),
        st.fixed_dictionaries({"to": moments}),
        st.lists(moments, min_size=2, max_size=2, unique=True)
        .map(sorted)
        .map(lambda ends: {"from": ends[0], "to": ends[1]}),
    ),
    "purposes": names(Purpose),
    "channels": some(st.sampled_from(LABELS)),
    "languages": some(st.sampled_from(LANGUAGES)),
    "models": some(st.sampled_from(LABELS)),
    "content": st.dictionaries(
        st.sampled_from([str(axis) for axis in Axis]), st.sampled_from(LEVELS), min_size=1
    ),
    "forbidden_codes": names(ContentCode),
    "forbidden_words": some(st.sampled_from(PHRASES)),
    "co_appearance": st.fixed_dictionaries(
        {}, optional={"only_with": some(references, least=0), "never_with": some(references)}
    ).filter(bool),
    "viewer_age_min": st.integers(0, 150),
    "depicted_age_min": st.integers(0, 150),
    "duration_seconds_max": st.integers(0, 86_400),
    "resolution_max": st.integers(1, 65_536),
    "remix_depth_max": st.integers(0, 64),
    "quotas": st.lists(
        st.fixed_dictionaries(
            {
                "count": st.integers(1, 10**12),
                "per": st.sampled_from([str(per) for per in Interval]),
                "of": st.sampled_from([str(of) for of in QuotaOf]),
            }
        ),
        min_size=1,
        max_size=8,
        unique_by=lambda quota: (quota["per"], quota["of"]),
    ),
    "obligations": st.fixed_dictionaries(
        {},
        optional={
            "watermark": st.just(True),
            "c2pa": st.just(True),
            "attribution": lines,
            "report_within_hours": st.integers(1, 8760),
            "delete_on_revocation": st.just(True),
        },
    ).filter(bool),
    "revocation_notice_days": st.integers(1, 3650),
    "price": prices,
}


@st.composite
def full_bodies(draw: st.DrawFn) -> Json:
    """A body with any of its fields, often with all of them."""
    effect = draw(st.sampled_from(("allow", "deny", "needs_approval")))
    chosen = draw(
        st.one_of(st.just(sorted(FIELDS)), st.lists(st.sampled_from(sorted(FIELDS)), unique=True))
    )
    return {
        "effect": effect,
        **{
            field: draw(FIELDS[field])
            for field in chosen
            if not (field == "quotas" and effect == "deny")
        },
    }
