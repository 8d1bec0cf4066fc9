"""Only what could be looked up counts as audited."""

from __future__ import annotations

from typing import Any

import pytest

from tests.release.audit import NOT_AUDITED, VULNERABLE, Result, read, verdict

HOLE = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.0"]}


def entry(name: str, *vulns: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "1.0", "vulns": list(vulns)}


def test_a_hole_is_told_with_the_release_that_mends_it() -> None:
    result = read({"dependencies": [entry("flask", HOLE), entry("quart")]})
    assert result == Result(2, ["flask 1.0: PYSEC-1, CVE-1; mended in 2.0"], [])
    status, said = verdict([result])
    assert status == VULNERABLE
    assert "PYSEC-1" in said


def test_what_no_service_knows_is_not_audited() -> None:
    """pip-audit calls this "no known vulnerabilities found"."""
    skipped = {"name": "flask", "skip_reason": "Dependency not found"}
    result = read({"dependencies": [skipped, entry("quart")]})
    assert result == Result(1, [], ["flask: Dependency not found"])
    status, said = verdict([result])
    assert status == NOT_AUDITED
    assert said.startswith("NOT AUDITED: 1 packages; the others: 1\nflask: Dependency not found")


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([Result(3, [], [])], 0),
        ([], NOT_AUDITED),
        ([Result(0, [], [])], NOT_AUDITED),
        ([Result(3, [], []), Result(0, [], ["b.txt: no connection"])], NOT_AUDITED),
        ([Result(3, [], ["flask: unknown"]), Result(1, ["quart 1.0: CVE-1"], [])], VULNERABLE),
    ],
)
def test_nothing_found_is_a_success_only_where_all_was_asked(
    results: list[Result], status: int
) -> None:
    assert verdict(results)[0] == status
