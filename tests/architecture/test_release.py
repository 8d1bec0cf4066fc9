"""What a release says of itself is true, and the same wherever it stands."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

import samesession

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SECURITY = (ROOT / "SECURITY.md").read_text()
VERSIONS_PAGE = (ROOT / "docs" / "reference" / "versions.md").read_text()
VERSION = Version(samesession.__version__)
# An address of mail or of the web.
ADDRESS = re.compile(r"https?://|\S+@\S+\.\S+")


def of_noxfile(name: str) -> Any:  # Any: what it assigns
    """Return a constant of noxfile.py without running it, as nox need not be installed."""
    for node in ast.parse((ROOT / "noxfile.py").read_text()).body:
        match node:
            case ast.Assign(targets=[ast.Name(found)], value=value) if found == name:
                return ast.literal_eval(value)
            case _:
                continue
    raise AssertionError(f"noxfile.py has no {name}")


PYTHONS: tuple[str, ...] = of_noxfile("VERSIONS")
QUARTS: dict[str, str] = of_noxfile("QUARTS")


def test_the_project_names_no_address_that_nobody_answers_at() -> None:
    """No repository is known yet: once there is one, it belongs in [project.urls]."""
    assert PROJECT["authors"] == [{"name": "The samesession developers"}]
    assert "urls" not in PROJECT
    assert not ADDRESS.search(SECURITY)


def test_each_python_that_is_tested_is_a_classifier_and_no_other() -> None:
    prefix = "Programming Language :: Python :: "
    named = [text.removeprefix(prefix) for text in PROJECT["classifiers"] if prefix in text]
    assert tuple(name for name in named if re.fullmatch(r"3\.\d+", name)) == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


def test_the_page_names_each_python_with_the_quarts_that_are_tested_on_it() -> None:
    rows = re.findall(r"^\| (3[\d., ]+) \| ([\d.]+) \| ([\d., ]+) \|$", VERSIONS_PAGE, re.MULTILINE)
    told = {
        (python, quart)
        for pythons, _, quarts in rows
        for python in pythons.split(", ")
        for quart in quarts.split(", ")
    }
    tested = {
        (python, quart)
        for quart, oldest in QUARTS.items()
        for python in PYTHONS[PYTHONS.index(oldest) :]
    }
    assert told == tested


def test_the_oldest_quart_that_is_tested_is_the_oldest_that_is_allowed() -> None:
    (requirement,) = [
        text for text in PROJECT["optional-dependencies"]["quart"] if text.startswith("quart")
    ]
    allowed = SpecifierSet(requirement.removeprefix("quart"))
    assert all(allowed.contains(f"{quart}.0") for quart in QUARTS)
    assert f">={next(iter(QUARTS))}" == requirement.removeprefix("quart")


def test_the_release_that_gets_fixes_is_this_one() -> None:
    assert f"the newest {VERSION.major}.x" in SECURITY
    assert f"When {VERSION.major + 1}.0 is released" in SECURITY


def test_a_stable_release_calls_itself_stable() -> None:
    stable = "Development Status :: 5 - Production/Stable" in PROJECT["classifiers"]
    assert stable is not VERSION.is_prerelease


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/reference/versions.md"])
def test_a_page_leads_nowhere_that_is_not_there(page: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text())
    places = [((ROOT / page).parent / target).resolve() for target in targets]
    assert [place for place in places if not place.exists()] == []
    assert places
