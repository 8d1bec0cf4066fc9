"""Docstrings as autodoc reads them: an indented block in them is code, without a mark of it."""

from __future__ import annotations

from itertools import pairwise


def in_rst(lines: list[str]) -> list[str]:
    """Return a docstring's lines, with a mark before each block of code."""
    made = lines[:1]
    for before, line in pairwise(lines):
        begins = not before.strip() and line.startswith("    ")
        if begins and not _in_block(made):
            made += ["::", ""]
        made.append(line)
    return made


def _in_block(lines: list[str]) -> bool:
    """Return whether the last line with something in it belongs to a block, or announces one."""
    last = next((line for line in reversed(lines) if line.strip()), "")
    return last.startswith((" ", "..")) or last.rstrip().endswith("::")
