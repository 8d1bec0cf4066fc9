"""The lines that samesession writes to its log, found in its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parents[2] / "src" / "samesession"
LEVELS = ("critical", "exception", "error", "warning", "info", "debug")


class Line(NamedTuple):
    """A line of the log: its level, its text as the code has it, and the module that writes it."""

    level: str
    text: str
    module: str


def lines() -> list[Line]:
    """Return each line that the source writes by a literal text, the gravest first."""
    found = {line for path in sorted(SOURCE.rglob("*.py")) for line in _lines_of(path)}
    return sorted(found, key=lambda line: (LEVELS.index(line.level), line.text))


def _lines_of(path: Path) -> Iterator[Line]:
    module = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="log" | "_log" | "logger"), attr=level),
                args=[ast.Constant(value=str(text)), *_],
            ) if level in LEVELS:
                yield Line(level, text, module.removesuffix(".__init__"))
            case _:
                continue


def table() -> str:
    """Return the table of them, in Markdown."""
    rows = [
        f"| {'ERROR, with a traceback' if level == 'exception' else level.upper()} "
        f"| {_shown(text)} | `{module}` |"
        for level, text, module in lines()
    ]
    return "\n".join(("| Level | Line | Written by |", "| --- | --- | --- |", *rows))


def _shown(text: str) -> str:
    """Return a format's text with an ellipsis where a value stands."""
    for mark in ("%s", "%r", "%d"):
        text = text.replace(mark, "...")
    return text.replace("|", r"\|").replace("_", r"\_").replace("*", r"\*").replace("<", "&lt;")
