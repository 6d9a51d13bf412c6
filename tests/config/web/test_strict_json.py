"""Bodies are read without forgiveness, and every document that is JSON is read as it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.web.strict_json import loads
from ledger.errors import Malformed

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(documents)
def test_what_is_json_is_read_as_it_is(document: object) -> None:
    assert loads(json.dumps(document).encode()) == document
    assert loads(json.dumps(document, ensure_ascii=False).encode()) == document


REFUSED = {
    "nothing": (b"", "not_json"),
    "only spaces": (b"  \n", "not_json"),
    "cut short": (b'{"a": 1', "not_json"),
    "a comment": (b'{"a": 1} // no', "not_json"),
    "two documents": (b"{} {}", "not_json"),
    "a trailing comma": (b'{"a": 1,}', "not_json"),
    "not UTF-8": (b'{"a": "\xff"}', "not_json"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "not_json"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "not_json"),
    "a key twice": (b'{"a": 1, "a": 1}', "duplicate_key"),
    "a key twice, deep down": (b'[{"b": {"a": 1, "a": 2}}]', "duplicate_key"),
    "NaN": (b'{"a": NaN}', "bad_number"),
    "Infinity": (b'{"a": -Infinity}', "bad_number"),
    "a number beyond any": (b'{"a": 1e999}', "bad_number"),
    "an integer of 5,000 digits": (b'{"a": ' + b"9" * 5000 + b"}", "bad_number"),
    "33 levels": (b"[" * 33 + b"]" * 33, "too_deep"),
    "100,000 levels": (b"[" * 100_000 + b"]" * 100_000, "too_deep"),
    "a NUL in a value": (b'{"a": "\\u0000"}', "bad_text"),
    "a NUL in a key": (b'{"\\u0000": 1}', "bad_text"),
    "half a surrogate pair": (b'{"a": "\\ud800"}', "bad_text"),
    "the other half, in a list": (b'["\\udc00"]', "bad_text"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_is_refused_with_a_code(name: str) -> None:
    body, code = REFUSED[name]
    with pytest.raises(Malformed) as caught:
        loads(body)
    assert caught.value.code == code


def test_32_levels_are_fine_and_a_whole_pair_is_a_character() -> None:
    assert loads(b"[" * 32 + b"]" * 32)
    assert loads(b'"\\ud83d\\ude00"') == "\U0001f600"
