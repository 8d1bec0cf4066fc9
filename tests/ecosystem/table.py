"""The table in docs/explanation/ecosystem.md: made from a run, and compared with one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .compare import STORES, Difference, Expected

BEGIN, END = "<!-- suites -->\n", "<!-- /suites -->\n"
REASONS_BEGIN, REASONS_END = "<!-- differences -->\n", "<!-- /differences -->\n"


@dataclass(frozen=True, slots=True)
class Row:
    """What was seen of one project."""

    name: str
    version: str
    tests: int
    applications: int
    differing: dict[str, int]  # tests, by store

    def __str__(self) -> str:
        """Return the line of the table."""
        counts = " | ".join(str(self.differing.get(store, 0)) for store in STORES)
        return f"| {self.name} {self.version} | {self.tests:,} | {self.applications:,} | {counts} |"


def row(name: str, version: str, tests: int, applications: int, found: Iterable[Difference]) -> Row:
    """Count what differs, by store."""
    stores = [each.store for each in found if each.project == name]
    return Row(name, version, tests, applications, {each: stores.count(each) for each in STORES})


def rows_text(rows: Iterable[Row]) -> str:
    """Return the table of projects."""
    head = (
        f"| Suite | Tests | Applications | {' | '.join(f'`{store}`' for store in STORES)} |\n"
        f"| --- | --- | --- | {' | '.join('---' for _ in STORES)} |\n"
    )
    return head + "".join(f"{each}\n" for each in rows)


def reasons_text(listed: Iterable[Expected]) -> str:
    """Return the table of differences, a line for each reason."""
    tests: dict[tuple[str, str, str], list[str]] = {}
    for one in listed:
        reason = " ".join(one.reason.split())
        tests.setdefault((one.project, _named(one.stores), reason), []).append(_code(one.test))
    head = "| Suite | Stores | Why it differs | Tests |\n| --- | --- | --- | --- |\n"
    return head + "".join(
        f"| {project} | {stores} | {reason} | {', '.join(names)} |\n"
        for (project, stores, reason), names in tests.items()
    )


def _code(test: str) -> str:
    return f"`{test.replace('|', chr(92) + '|')}`"


def _named(stores: tuple[str, ...]) -> str:
    return "all" if {*stores} == {*STORES} else ", ".join(f"`{store}`" for store in stores)


def part(text: str, begin: str, end: str) -> str:
    """Return what a document has between two marks; raises ValueError without them."""
    before, _, rest = text.partition(begin)
    found, mark, _ = rest.partition(end)
    if not mark:
        raise ValueError(f"the document lacks {begin!r} or {end!r} after {before[-40:]!r}")
    return found


def with_part(text: str, begin: str, end: str, new: str) -> str:
    """Return the document with something else between two marks."""
    return text.replace(begin + part(text, begin, end) + end, begin + new + end)
