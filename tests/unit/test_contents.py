"""What a record holds is told name by name, and shown by no repr."""

from __future__ import annotations

import pytest

from samesession.core import codec
from samesession.core.contents import entries
from samesession.core.record import Record
from samesession.errors import BadRecord


def record(payload: bytes) -> Record:
    return Record("A" * 22, bytes(24), 1, False, 1, 0, 0, 0, None, payload)


def test_names_have_types_and_sizes_in_their_order() -> None:
    found = entries(record(codec.encode({"user": "ann", "cart": [1, 2], "n": None})))
    assert [(each.name, each.kind, each.size) for each in found] == [
        ("user", "str", 4),
        ("cart", "list", 3),
        ("n", "NoneType", 1),
    ]
    assert [each.value for each in found] == ["ann", [1, 2], None]
    assert "ann" not in repr(found)


def test_no_data_has_no_names() -> None:
    assert entries(record(codec.encode({}))) == []


def test_what_is_no_data_is_refused() -> None:
    with pytest.raises(BadRecord):
        entries(record(b"\x00\x01x"))
