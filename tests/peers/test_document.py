"""docs/move/results.md has a row for each case; `nox -s migrate` shows that they are so."""

from __future__ import annotations

import pytest

from . import table
from .applications.samples import SAMPLES, described
from .cases import CASES, PEERS, UNABLE
from .runner import DOCUMENT


def test_the_table_is_that_of_the_cases() -> None:
    assert table.part(DOCUMENT.read_text()) == table.text(table.expected())


def test_each_release_is_tried() -> None:
    assert {case.peer.name for case in CASES} == {*PEERS}


def test_each_case_is_there_once() -> None:
    assert len({*map(str, CASES)}) == len(CASES)


@pytest.mark.parametrize("format_", UNABLE)
def test_what_a_format_cannot_keep_is_a_sample(format_: str) -> None:
    assert UNABLE[format_] <= {*SAMPLES}


@pytest.mark.parametrize(
    ("one", "other"), [((1,), [1]), (1, True), (1, 1.0), ({1: 2}, {"1": 2}), ("a", b"a")]
)
def test_values_of_other_types_are_described_differently(one: object, other: object) -> None:
    assert described(one) != described(other)
    assert described([one]) != described([other])


def test_a_document_without_a_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="lacks"):
        table.part("no marks")
    assert table.part(table.with_part(table.BEGIN + table.END, "new\n")) == "new\n"
