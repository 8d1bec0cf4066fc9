"""Each guarantee in docs/security/evidence.md has a source, and a test that exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security" / "evidence.md").read_text()
_ROW = re.compile(r"^\| (?!Guarantee |---)(.+) \| (.+) \| (.+) \|$", re.MULTILINE)
ROWS: list[tuple[str, str, str]] = _ROW.findall(TEXT)
# Words and sentences beyond these are more than one guarantee.
LONGEST, MOST = 30, 2
NAMED = sorted(set(re.findall(r"`(tests/[^`]+)`", TEXT)))
ANSWERED = (
    "CVE-2019-16782",
    "CVE-2023-30861",
    "CVE-2026-27205",
    "CVE-2025-46336",
    "CVE-2021-33026",
    "CVE-2026-25480",
)


@cache
def named_in(path: Path) -> frozenset[str]:
    """Name the tests of a file, those in classes as `Class::test`."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{name}" for name in _functions(node.body)}
    return frozenset(found | set(_functions(ast.parse(path.read_text()).body)))


def _functions(body: list[ast.stmt]) -> list[str]:
    return [
        node.name
        for node in body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    ]


@pytest.mark.parametrize("name", NAMED)
def test_a_named_test_exists(name: str) -> None:
    path, _, test = name.partition("::")
    assert (ROOT / path).is_file(), f"docs/security/evidence.md names {path}, which does not exist"
    assert test in named_in(ROOT / path), (
        f"docs/security/evidence.md names {name}, which does not exist"
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0])[:50])
def test_a_guarantee_is_short_and_has_a_source_and_a_test(row: tuple[str, str, str]) -> None:
    guarantee, source, proof = row
    assert guarantee.endswith(".")
    sentences = re.split(r"(?<=[.;:])\s", guarantee)
    assert len([each for each in sentences if not each.endswith((";", ":"))]) <= MOST
    assert max(len(each.split()) for each in sentences) <= LONGEST
    assert re.search(r"ASVS|Cheat Sheet|6265bis|CVE-|own", source)
    assert re.fullmatch(r"`tests/\S+::test_\w+`(, `tests/\S+::test_\w+`)*", proof)


def test_each_hole_of_others_is_answered() -> None:
    sources = " ".join(source for _, source, _ in ROWS)
    assert [hole for hole in ANSWERED if hole not in sources] == []


def test_a_missing_test_would_be_noticed() -> None:
    assert len(ROWS) > 40
    assert "test_that_nobody_wrote" not in named_in(Path(__file__))
    assert "test_a_missing_test_would_be_noticed" in named_in(Path(__file__))
