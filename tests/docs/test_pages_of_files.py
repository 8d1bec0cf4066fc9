"""Blocks that say which file they are, `# shop.py`, are written beside each other and run.

Those of a page are one directory, or two: where a page has an `app.py` for Flask and another one
for Quart, each is tried with what names no framework. Modules are imported, suites pass.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import INSTALLED
from tests.support.pages import BLOCKS, OWN_TESTS, PAGES, ROOT, Block, blocks
from tests.support.server import Valkey
from tests.support.site import SECRET_KEY

REDIS = "redis://127.0.0.1:6379/0"
# What is read in another way than by running it. Code of another language needs a test here.
READ: dict[str, Callable[[str], Any]] = {
    "toml": tomllib.loads,
    "json": json.loads,
    "text": str,  # what a program answers
    "diff": str,  # see test_migrating.py
}


def directories() -> Iterator[Any]:
    for page in PAGES:
        files = [block for block in blocks(page) if block.file and block.language == "python"]
        if page in OWN_TESTS or not files:
            continue
        named = {name for block in files for name in block.frameworks} or {INSTALLED[0]}
        for framework in sorted(named):
            chosen = [each for each in files if framework in (each.frameworks or (framework,))]
            needed = {framework, *(name for each in chosen for name in each.frameworks)}
            marks = pytest.mark.needs(*sorted(needed))
            yield pytest.param(chosen, id=f"{page}-{framework}", marks=marks)


@pytest.mark.parametrize("files", [*directories()])
def test_the_files_of_a_page_run(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    valkey: Valkey,
    files: list[Block],
) -> None:
    valkey.flush()
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    names = [block.file or "" for block in files]
    assert len({*names}) == len(names)
    for name, block in zip(names, files, strict=True):
        path = pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _ = path.write_text(block.text.replace(REDIS, valkey.url))
    modules = [name.removesuffix(".py").replace("/", ".") for name in names]
    _ = (pytester.path / "test_imports.py").write_text(_IMPORTS.format(modules=modules))
    _ = pytester.makeini(
        "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"
        "pythonpath = .\n"
    )
    result = pytester.runpytest_subprocess("-p", "samesession.pytest_plugin")
    outcomes = result.parseoutcomes()
    assert {*outcomes} == {"passed"}
    assert outcomes["passed"] >= len(modules)


_IMPORTS = """
import importlib
import pytest

@pytest.mark.parametrize("name", {modules})
def test_it_is_imported(name):
    importlib.import_module(name)
"""


def test_blocks_are_of_languages_that_are_run_or_read() -> None:
    assert {block.language for block in BLOCKS} <= {"python", "sh", *READ}
    for block in BLOCKS:
        if block.language in READ:
            _ = READ[block.language](block.text)


@pytest.mark.parametrize(("page", "test"), [*OWN_TESTS.items()])
def test_a_page_with_a_test_of_its_own_is_read_by_it(page: str, test: str) -> None:
    assert any(block.language == "python" for block in blocks(page))
    text = (ROOT / test).read_text()
    directory, name = page.split("/")[-2:]
    assert f'"docs" / "{directory}" / "{name}"' in text
