"""The source uses nothing that runs what it reads, and no clock but by one module."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import samesession

FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "yaml"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
SOURCES = sorted(Path(samesession.__file__).parent.rglob("*.py"))
CLOCKS = {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"}
MOMENTS = {"now", "utcnow", "today"}


def dangers(text: str) -> set[str]:
    """Name what of a module's text could run data."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names):
                found |= {name.name.partition(".")[0] for name in names} & FORBIDDEN_MODULES
            case ast.ImportFrom(module=str(module)):
                found |= {module.partition(".")[0]} & FORBIDDEN_MODULES
            case ast.Call(func=ast.Name(name)):
                found |= {name} & FORBIDDEN_CALLS
            case _:
                pass
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_nothing_that_is_read_can_run(path: Path) -> None:
    assert dangers(path.read_text()) == set()


def clocks(text: str) -> set[str]:
    """Name the clocks that a module's text reads, or hands on."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Attribute(value=ast.Name("time"), attr=str(name)):
                found |= {name} & CLOCKS
            case ast.Attribute(attr=str(name)):
                found |= {name} & MOMENTS
            case ast.ImportFrom(module="time", names=names):
                found |= {name.name for name in names} & CLOCKS
            case _:
                pass
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_one_module_alone_reads_clocks(path: Path) -> None:
    """A clock that is bound elsewhere is out of reach of who tests an application."""
    if path.parts[-2:] != ("run", "clocks.py") and path.parent.name != "testing":
        assert clocks(path.read_text()) == set()


def test_a_clock_is_seen() -> None:
    assert clocks("def f(clock=time.time): datetime.now(); from time import monotonic") == {
        "time",
        "now",
        "monotonic",
    }


def test_a_danger_is_seen() -> None:
    assert dangers("import pickle\nfrom marshal import loads\neval('1')") == {
        "pickle",
        "marshal",
        "eval",
    }
