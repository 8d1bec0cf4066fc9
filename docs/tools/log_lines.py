"""The lines that samesession writes to its log, found in its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parents[2] / "src" / "samesession"
LEVELS = ("critical", "exception", "error", "warning", "info", "debug")


class Line(NamedTuple):
    """A line of the log: its level, its text with `...` for values, and the module it is from."""

    level: str
    text: str
    module: str


def lines() -> list[Line]:
    """Return each line that the source can write, the gravest first."""
    found: set[Line] = set()
    for path in sorted(SOURCE.rglob("*.py")):
        name = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
        found |= {*lines_of(path.read_text(), name.removesuffix(".__init__"))}
    return sorted(found, key=lambda line: (LEVELS.index(line.level), line.text))


def lines_of(source: str, module: str) -> Iterator[Line]:
    """Find the lines of a module; raise ValueError for a call whose text is not found."""
    tree = ast.parse(source)
    texts = {
        node.targets[0].id: text
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        if (text := _literal(node.value, {})) is not None
    }
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for level, call in _calls(function):
                text = _literal(call.args[0], texts)
                if text in ("%s", "..."):  # the line is an argument
                    text = _literal(call.args[1], texts)
                if text is not None:
                    yield Line(level, text, module)
                    continue
                relayed = [*_relayed(tree, function.name, texts)]
                if not relayed:
                    raise ValueError(f"{module}.{function.name} logs what cannot be read here")
                yield from (Line(level, each, module) for each in relayed)


def _calls(function: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Find what a function logs by one of the levels' names."""
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Attribute(value=to, attr=level)) if level in LEVELS:
                if ast.unparse(to).rpartition(".")[2] in ("log", "logger"):
                    yield level, node
            case _:
                continue


def _relayed(tree: ast.AST, name: str, texts: dict[str, str]) -> Iterator[str]:
    """Find the texts with which a module calls a function that logs its last argument."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=called), args=[*_, last]) if called == name:
                if (text := _literal(last, texts)) is not None:
                    yield text
            case _:
                continue


def _literal(node: ast.expr, texts: dict[str, str]) -> str | None:
    """Return a text that the source has, with `...` where values stand in it."""
    match node:
        case ast.Constant(value=str(text)):
            for mark in ("%s", "%r", "%d"):
                text = text.replace(mark, "...")
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_literal(part, texts) or "..." for part in parts)
        case ast.Name(id=name):
            return texts.get(name)
        case _:
            return None


def table() -> str:
    """Return the table of them, in Markdown."""
    rows = [
        f"| {'ERROR' if level == 'exception' else level.upper()} | {_shown(text)} | `{module}` |"
        for level, text, module in lines()
    ]
    return "\n".join(("| Level | Line | Written by |", "| --- | --- | --- |", *rows))


def _shown(text: str) -> str:
    """Return a text as Markdown shows it."""
    for mark in "\\|_*<`":
        text = text.replace(mark, f"\\{mark}")
    return text
