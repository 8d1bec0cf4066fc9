"""Structured fields are read as RFC 9651 has them; what breaks the grammar counts as absent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samesession.structured_fields import Item, items, string, text

PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("unreachable", [("unreachable", {})]),
        (
            'server_error;session_identifier="a b"',
            [("server_error", {"session_identifier": "a b"})],
        ),
        ('"a", b;c , "d\\"\\\\"', [("a", {}), ("b", {"c": None}), ('d"\\', {})]),
        ("a;b=1;c=?0;d=:AA==:;e=@1;f=1.5;g=*t", [("a", {**dict.fromkeys("bcdef"), "g": "*t"})]),
        ("a; b=c", [("a", {"b": "c"})]),
        ("  a  ", [("a", {})]),
        ("a;b=1;b=c", [("a", {"b": "c"})]),
        ("", []),
        ("a,", []),
        (",a", []),
        ("a b", []),
        ("a;", []),
        ("a;B=c", []),
        ("a;b=", []),
        ("a ;b=c", []),
        ('"a', []),
        ('"a\\b"', []),
        ('"\x7f"', []),
        ('"é"', []),
        ("1", []),
        ("?1", []),
        ("(a b)", []),
        ("a=b", []),
        ("٣", []),
        ("a;b=٣", []),
    ],
)
def test_a_list(field: str, found: list[tuple[str, dict[str, str | None]]]) -> None:
    assert items(field) == [Item(*each) for each in found]


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ('"a"', "a"),
        ('"3-a_b";x=y', "3-a_b"),
        ("eyJ0.eyJq.A-_9", "eyJ0.eyJq.A-_9"),
        ("-3ab", "-3ab"),  # no token, but what Chromium sends for a name that begins so
        (" 3ab;x=1 ", "3ab"),
        ('""', ""),
        ("", None),
        ('"a", "b"', None),
        ("3ab, 4", None),
        ("3 ab", None),
        ('"a"b', None),
    ],
)
def test_a_text_may_stand_bare(field: str, found: str | None) -> None:
    assert text(field) == found


@given(PRINTABLE)
def test_a_string_is_read_as_it_was_written(value: str) -> None:
    assert text(string(value)) == value
    assert items(f"a;b={string(value)}, c") == [Item("a", {"b": value}), Item("c", {})]


@given(st.text(st.sampled_from('ab"\\;=, *?:@1.(é\t')))
def test_any_text_is_read_or_counts_as_absent(field: str) -> None:
    assert isinstance(items(field), list)
    assert text(field) is None or isinstance(text(field), str)


@pytest.mark.parametrize("value", ["é", "a\n", "\x7f", "\0"])
def test_what_no_string_holds_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        string(value)
