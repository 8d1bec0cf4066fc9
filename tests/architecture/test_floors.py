"""The oldest releases that are allowed are tested, and have no known hole."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from samesession.cli.lowest_releases import LOWEST

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Packages of stores that are tested over servers, which no extra installs.
DRIVERS = ("asyncmy", "psycopg", "pymysql")


def _lowest() -> dict[str, Version]:
    for node in ast.parse((ROOT / "noxfile.py").read_text()).body:
        match node:
            case ast.Assign(targets=[ast.Name("LOWEST")], value=value):
                pins = (Requirement(pin) for pin in ast.literal_eval(value))
                return {pin.name: Version(_bound(pin, "==")) for pin in pins}
            case _:
                continue
    raise AssertionError("noxfile.py has no LOWEST")


def _bound(requirement: Requirement, operator: str) -> str:
    (found,) = [each.version for each in requirement.specifier if each.operator == operator]
    return found


def _required() -> list[Requirement]:
    extras: dict[str, list[str]] = dict(PROJECT["optional-dependencies"])
    del extras["testing"]  # tools of whoever writes a store
    texts = [*PROJECT["dependencies"], *(text for extra in extras.values() for text in extra)]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("requirement", _required(), ids=str)
def test_the_lowest_release_that_is_allowed_is_tested(requirement: Requirement) -> None:
    assert _lowest()[requirement.name] == Version(_bound(requirement, ">="))


def test_nothing_else_is_pinned() -> None:
    assert set(_lowest()) == {requirement.name for requirement in _required()}


def test_what_doctor_takes_for_too_old_is_what_is_not_allowed() -> None:
    """And holes are those that a reason in pyproject.toml names."""
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    allowed: dict[str, tuple[str, str]] = {}
    for line in lines:
        for text in re.findall(r'"([^"]+>=[^"]+)"', line.partition("#")[0]):
            requirement = Requirement(text)
            if requirement.name in {*DRIVERS, *(each.name for each in _required())}:
                hole = re.search(r"#.*?(CVE-[0-9-]+)", line)
                _, known = allowed.get(requirement.name, ("", ""))
                allowed[requirement.name] = _bound(requirement, ">="), hole[1] if hole else known
    table = {name: tuple(lowest) for name, lowest in LOWEST.items()}
    assert {name: allowed[name] for name in LOWEST} == table
    assert [name for name, (_, hole) in allowed.items() if hole and name not in LOWEST] == []


@pytest.mark.parametrize("name", [name for name, lowest in LOWEST.items() if lowest.hole])
def test_no_release_with_a_known_hole_is_allowed(name: str) -> None:
    floors = [Version(_bound(each, ">=")) for each in _required() if each.name == name]
    assert floors or name in DRIVERS
    assert all(floor >= Version(LOWEST[name].release) for floor in floors)


def test_each_framework_brings_a_flask_without_one() -> None:
    """Quart makes its sessions of Flask's, and allows an older one."""
    for extra in ("flask", "quart"):
        named = {Requirement(text).name for text in PROJECT["optional-dependencies"][extra]}
        assert "flask" in named
