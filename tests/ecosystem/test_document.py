"""docs/explanation/ecosystem.md says what the lists say, and is compared with a run."""

from __future__ import annotations

import pytest

from . import table
from .compare import STORES, Difference, Expected
from .runner import DOCUMENT, EXPECTED, PROJECTS, unwritten

TEXT = DOCUMENT.read_text()
DOCUMENTED = table.part(TEXT, table.BEGIN, table.END)


def test_the_reasons_are_those_of_the_list() -> None:
    assert table.part(TEXT, table.REASONS_BEGIN, table.REASONS_END) == table.reasons_text(EXPECTED)


def test_each_project_has_its_line_and_release() -> None:
    lines = DOCUMENTED.splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == [
        f"| {each.name} {each.version}" for each in PROJECTS
    ]


@pytest.mark.parametrize("project", [each.name for each in PROJECTS])
def test_the_counts_are_those_of_the_list(project: str) -> None:
    (line,) = (line for line in DOCUMENTED.splitlines() if line.startswith(f"| {project} "))
    listed = [
        sum(one.project == project and store in one.stores for one in EXPECTED) for store in STORES
    ]
    assert [int(cell) for cell in line.strip("| ").split(" | ")[3:]] == listed


def test_a_row_counts_by_project_and_store() -> None:
    found = [
        Difference(project, store, f"test_{turn}", "passed", "failed", "")
        for turn, (project, store) in enumerate(
            [("login", "redis"), ("login", "redis"), ("login", "cookie"), ("other", "redis")]
        )
    ]
    made = table.row("login", "1.0", 1234, 7, found)
    assert str(made) == "| login 1.0 | 1,234 | 7 | 1 | 0 | 0 | 2 |"
    assert table.rows_text([made]).splitlines()[-1] == str(made)


def test_a_reason_is_one_line_with_its_tests() -> None:
    listed = [
        Expected("login", f"a.py::{test}", ("redis",), shows="x", reason="It is\nright.")
        for test in ("test[a|b]", "test_c")
    ]
    assert table.reasons_text(listed).splitlines()[2:] == [
        "| login | `redis` | It is right. | `a.py::test[a\\|b]`, `a.py::test_c` |"
    ]


def test_a_part_is_replaced_and_the_rest_stays() -> None:
    text = f"before\n{table.BEGIN}old\n{table.END}after\n"
    changed = table.with_part(text, table.BEGIN, table.END, "new\n")
    assert changed == f"before\n{table.BEGIN}new\n{table.END}after\n"
    with pytest.raises(ValueError, match="lacks"):
        table.part("no marks", table.BEGIN, table.END)


def test_a_run_that_saw_something_else_is_told() -> None:
    (problem,) = unwritten([table.row("login", "9.9", 1, 1, [])])
    assert "| login 9.9 | 1 | 1 |" in problem
