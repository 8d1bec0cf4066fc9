"""Disable one check at a time in a copy of the tree, and see whether the tests notice."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from .mutants import MUTANTS, Change, Mutant

ROOT = Path(__file__).parents[2]
_COPIED = ("src", "tests", "pyproject.toml", "hatch_build.py", "docs", "README.md", "CHANGELOG.md")
_TOKEN = re.compile(
    r'(?P<comment>\#[^\n]*)|[rbfRBF]{0,2}(?:"""(?:[^\\]|\\.)*?"""|"(?:[^"\\\n]|\\.)*")|\w+|[^\w\s]',
    re.DOTALL,
)
_PASSED, _FAILED = 0, 1  # pytest's; anything else is a run that said nothing


def main(wanted: Iterable[str]) -> int:
    """Run the mutants whose check holds one of the words, or all; give the exit status."""
    words = tuple(wanted)
    chosen = [each for each in MUTANTS if not words or any(word in each.check for word in words)]
    with tempfile.TemporaryDirectory() as place:
        tree = Path(place)
        _copy(tree)
        healthy = [_report(each, _run(tree, each), healthy=True) for each in chosen]
        noticed = [_notices(tree, each) for each in chosen]
    _say(f"{sum(noticed)} of {len(chosen)} disabled checks were noticed")
    return 0 if all((*healthy, *noticed)) else 1


def _notices(tree: Path, mutant: Mutant) -> bool:
    before = {change.file: source(tree, change).read_text() for change in mutant.changes}
    try:
        for change in mutant.changes:
            path = source(tree, change)
            path.write_text(changed(path.read_text(), change))
        return _report(mutant, _run(tree, mutant), healthy=False)
    finally:
        for change in mutant.changes:
            source(tree, change).write_text(before[change.file])


def source(tree: Path, change: Change) -> Path:
    """Say which file a change is made in."""
    return tree / "src" / "samesession" / change.file


def changed(text: str, change: Change) -> str:
    """Return a text with a change made; raise ValueError unless its old code is there once.

    Code is compared token by token: where lines break, and which comments stand between,
    does not matter. What stands inside of a string is compared as text.
    """
    if text.count(change.old) == 1:
        return text.replace(change.old, change.new)
    tokens = list(_tokens(text))
    wanted = [token for token, *_ in _tokens(change.old)]
    length = len(wanted)
    found = [
        at
        for at in range(len(tokens) - length + 1)
        if [token for token, *_ in tokens[at : at + length]] == wanted
    ]
    if length == 0 or len(found) != 1:
        raise ValueError(f"{change.file} has {len(found)} times: {change.old}")
    start, end = tokens[found[0]][1], tokens[found[0] + length - 1][2]
    return text[:start] + change.new.strip() + text[end:]


def _tokens(code: str) -> Iterator[tuple[str, int, int]]:
    """Yield each token with its place; no comma before a closing bracket, as lines decide that."""
    last: tuple[str, int, int] | None = None
    for found in _TOKEN.finditer(code):
        token = found[0], found.start(), found.end()
        if last is not None and not (last[0] == "," and token[0] in ")]}"):
            yield last
        last = None if found["comment"] else token
    if last is not None:
        yield last


def _copy(tree: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    for name in _COPIED:
        if (ROOT / name).is_dir():
            _ = shutil.copytree(ROOT / name, tree / name, ignore=ignored)
        elif (ROOT / name).exists():
            _ = shutil.copy(ROOT / name, tree / name)


def _run(tree: Path, mutant: Mutant) -> int:
    environ = {**os.environ, "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    found = [sys.executable, "-c", "import samesession; print(samesession.__file__)"]
    imported = subprocess.run(found, cwd=tree, env=environ, capture_output=True, check=True)
    # An installed package must not be what is tested.
    assert imported.stdout.decode().startswith(str(tree))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *mutant.tests]
    done = subprocess.run(
        command, cwd=tree, env=environ, capture_output=True, timeout=600, check=False
    )
    return done.returncode


def _report(mutant: Mutant, status: int, *, healthy: bool) -> bool:
    right = status == (_PASSED if healthy else _FAILED)
    if healthy:
        if not right:
            _say(f"BROKEN    {mutant.check}: its tests do not pass as things are ({status})")
    else:
        _say(f"{'noticed' if right else 'SURVIVED':9} {mutant.check}")
    return right


def _say(line: str) -> None:
    _ = sys.stdout.write(line + "\n")
    _ = sys.stdout.flush()
