"""The linter of prose finds what it should, and where it is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.prose.passages import Kind, Passage, of_markdown, of_python

HERE = Path(__file__).parent
RULES = tomllib.loads((HERE / "rules.toml").read_text())["rule"]


def found(passages: list[Passage]) -> list[tuple[int, str]]:
    return [
        (passage.line_at(match.start()), match[0])
        for passage in passages
        for rule in RULES
        if rule.get("only") in (None, passage.kind.value)
        for match in re.finditer(rule["pattern"], passage.text, re.IGNORECASE)
    ]


def test_a_page_is_read_without_its_code() -> None:
    page = (
        "# It is no page\n\n```sh\nit is no sh\n```\n\nA line, `it is no code`,\nthis is no word.\n"
    )
    assert found(list(of_markdown(page))) == [(1, "is no "), (8, "is no ")]


def test_an_indented_block_is_code_and_a_list_item_is_not() -> None:
    page = (
        "A line\n    that is no code.\n\n    it is no page\n    it is no page\n\n"
        "- An item\n\n    that is no code.\n\nThe end, which is no code.\n"
    )
    assert [line for line, _ in found(list(of_markdown(page)))] == [2, 9, 11]


def test_a_list_of_names_is_not_read() -> None:
    page = ":::{api} samesession.flask\nis no\n:::\n\n:::{glossary}\nis no word\n:::\n"
    assert found(list(of_markdown(page))) == [(6, "is no ")]


def test_python_is_read_for_docstrings_comments_and_messages() -> None:
    source = (
        '"""Give what it is no name for."""\n\n'
        "# There is no such thing, and it is no comment.\n"
        'raise ValueError(f"{it} is no value of {ours}: whoever wrote it")\n'
        'NAME = "is no"\n'
    )
    kinds = [passage.kind for passage in of_python(source)]
    assert kinds == [Kind.DOCSTRING, Kind.COMMENT, Kind.MESSAGE]
    assert sorted(found(list(of_python(source)))) == [
        (1, "Give"),
        (1, "is no "),
        (3, "is no "),
        (4, "is no "),
        (4, "whoever"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "What is stored is encrypted.",
        "It goes on without a session.",
        "A store by others does it.",
        "Sessions of ours are read.",
        "It has a cookie of its own, which ends.",
        "The cookies of their own are sent.",
    ],
)
def test_a_riddle_is_found(text: str) -> None:
    assert found(list(of_markdown(text)))


@pytest.mark.parametrize(
    "text",
    [
        *("What is stored?", "There is no store.", "It is no longer there.", "Return a store."),
        "The server counts by its own clock.",
    ],
)
def test_plain_english_is_not(text: str) -> None:
    assert found(list(of_markdown(text))) == []
