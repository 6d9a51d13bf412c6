"""Ids: what is shown is what is read, and nothing else is."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import ids


@given(st.uuids())
def test_what_is_shown_is_read_back(value: UUID) -> None:
    assert ids.read("chr", ids.show("chr", value)) == value


@given(st.uuids(), st.uuids())
def test_shown_ids_sort_like_the_ids(one: UUID, other: UUID) -> None:
    assert (ids.show("x", one) < ids.show("x", other)) == (one < other)


@given(st.text(max_size=40))
def test_no_other_text_is_an_id(text: str) -> None:
    try:
        value = ids.read("chr", text)
    except ValueError:
        return
    assert ids.show("chr", value) == text


@pytest.mark.parametrize(
    "text",
    [
        "chr",
        "chr_",
        "rul_00000000000000000000000000",
        "chr_0000000000000000000000000",
        "chr_000000000000000000000000000",
        "chr_0000000000000000000000000U",
        "chr_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        "chr_0000000000000000000000000\n",
        "chr_٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠",
    ],
)
def test_near_misses_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        ids.read("chr", text)


def test_new_ids_come_in_order_of_time() -> None:
    made = [ids.new_id() for _ in range(1000)]
    assert [value.int >> 80 for value in made] == sorted(value.int >> 80 for value in made)
    assert len(set(made)) == 1000
    assert {value.version for value in made} == {7}
