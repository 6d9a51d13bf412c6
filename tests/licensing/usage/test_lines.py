"""What a line comes to does not depend on what was read before it, nor change with the years."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ledger.ids import show
from licensing.usage.examining import LineRefused
from licensing.usage.lines import Reader
from licensing.usage.reports import ROW, Report
from tests.licensing.usage.builders import NOW, jws

FIRST = 1 << 100
SUBJECTS = [show("chr", UUID(int=number)) for number in (7, 8, 9)]
RECEIPTS = [jws({"jti": show("chk", UUID(int=number))}) for number in (1, 2)]

# A few values of each, so that they come again, good ones and bad ones.
reports = st.fixed_dictionaries(
    {
        "external_id": st.sampled_from(["a", "b:c", 'd"e', "f\\g", "h i"]),
        "occurred_at": st.sampled_from(
            [
                "2026-10-01T12:00:00Z",
                "2026-10-01T14:00:00+02:00",
                "2026-10-01",
                "2026-12-01T00:00:00Z",
            ]
        ),
        "medium": st.sampled_from(["image", "video"]),
        "subjects": st.lists(
            st.fixed_dictionaries(
                {"id": st.sampled_from([*SUBJECTS, "chr_x"])},
                optional={"weight": st.sampled_from([1, 2])},
            ),
            min_size=1,
            max_size=2,
        ),
    },
    optional={
        "seconds": st.sampled_from([8, 9, None]),
        "territory": st.sampled_from(["US", "DE", "UK", None]),
        "purpose": st.sampled_from(["personal", "fun", None]),
        "resolution": st.sampled_from(["1920x1080", "big", None]),
        "model": st.sampled_from(["x-2", "tab\t", "", None]),
        "receipt": st.sampled_from([*RECEIPTS, "a.b.c", "a:b", None]),
        "parents": st.sampled_from([["p"], ['q"', "r\\"], ["a"], [], None]),
        "metadata": st.sampled_from([{"b": 1, "a": ":"}, {"prompt": "x"}, {}, None]),
    },
)


def read(reader: Reader, number: int, raw: bytes) -> Any:
    """The report, but for the generation's id; or why there is none."""
    try:
        found = reader.read(number, raw)
    except LineRefused as refused:
        return refused.fault
    assert found.row.startswith(f"{found.id:032x}\t")
    return msgspec.structs.replace(found, id=0, row=found.row[32:])


@given(said=st.lists(reports, min_size=2, max_size=12), room=st.integers(1, 3))
def test_a_line_is_read_as_if_it_were_the_first(said: list[dict[str, Any]], room: int) -> None:
    seasoned = Reader(now=NOW, first_id=FIRST, room=room)
    content = hashlib.sha256()
    for number, one in enumerate(said):
        raw = json.dumps(one).encode()
        fresh = Reader(now=NOW, first_id=FIRST)
        found = read(seasoned, number, raw)
        assert found == read(fresh, number, raw)
        if isinstance(found, Report):
            content.update(bytes.fromhex(found.digest))
    assert seasoned.digest.digest() == content.digest()


def test_the_content_of_a_line_is_what_it_always_was() -> None:
    """The digest decides for ever whether a report repeats an earlier one."""
    said = {
        "external_id": 'e"1\\',
        "occurred_at": "2026-10-01T14:00:00.5+02:00",
        "medium": "video",
        "seconds": 8,
        "territory": "FR",
        "purpose": "personal",
        "resolution": "1920x1080",
        "model": "x\t2",
        "receipt": RECEIPTS[0],
        "subjects": [{"id": SUBJECTS[1], "weight": 2}, {"id": SUBJECTS[0]}],
        "parents": ['p"1', "p\\2"],
        "metadata": {"b": [1.5, None], "a": "é"},
    }
    found = Reader(now=NOW, first_id=FIRST).read(3, json.dumps(said).encode())
    assert found.digest == "b23b1bdb8e739226c141290a1b32c0ab68019dff815e30e130d4114c019da3b6"
    columns = dict(zip(ROW, found.row.split("\t"), strict=True))
    assert columns["content_digest"] == f"\\\\x{found.digest}"
