"""The tables in docs/move/results.md: made from a run, and compared with the list of cases."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from .cases import CASES, Case

BEGIN, END = "<!-- results -->\n", "<!-- /results -->\n"
_HEAD = (
    "| Store | Format | Cookie | At the next request | By the command | Equal values |\n"
    "| --- | --- | --- | --- | --- | --- |\n"
)


class Row(NamedTuple):
    """What was seen of one case."""

    release: str
    store: str
    format: str
    cookie: str
    online: str
    command: str
    values: int | str

    @classmethod
    def of(cls, case: Case) -> Row:
        """Return the row of a case that passed."""
        start = (case.peer.name, _store(case), case.format, case.cookie)
        if case.fails:
            return cls(*start, "the old library fails (500)", "", "")
        online, command = "not logged in", "logged in"
        if case.ahead:
            online = "the command ran first"
        elif case.is_read_online:
            online, command = "logged in", "not needed"
        elif not case.is_moved:
            return cls(*start, online, "cannot be listed", "")
        return cls(*start, online, command, len(case.names))

    def __str__(self) -> str:
        """Return the line of the release's table."""
        return "".join(f"| {cell} " if cell != "" else "| " for cell in self[1:]) + "|"


def _store(case: Case) -> str:
    parts = [f"`{case.place}`"]
    if case.prefix != "session:":
        parts.append(f"prefix `{case.prefix}`" if case.prefix else "no prefix")
    if case.integrated:
        parts.append("with `integrate(app)`")
    if case.among:
        parts.append("all readers on")
    return ", ".join(parts)


def expected() -> list[Row]:
    """Return the rows of a run in which every case passes."""
    return [Row.of(case) for case in CASES]


def text(rows: Iterable[Row]) -> str:
    """Return a section with a table for each release."""
    sections: list[str] = []
    for release, found in groupby(rows, key=lambda row: row.release):
        lines = "".join(f"{each}\n" for each in found)
        sections.append(f"### {release}\n\n{_HEAD}{lines}\n")
    return "".join(sections)


def part(document: str) -> str:
    """Return the tables in a document; raises ValueError without them."""
    _, begin, rest = document.partition(BEGIN)
    found, end, _ = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document lacks {BEGIN!r} or {END!r}")
    return found


def with_part(document: str, new: str) -> str:
    """Return the document with other tables."""
    return document.replace(BEGIN + part(document) + END, BEGIN + new + END)
