"""The oldest safe releases of other packages, with the vulnerability that each of them fixed.

A test compares the table with the requirements in pyproject.toml and the reasons there. An
environment may still have an older release, because pip installs one if it is told to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import NamedTuple

from ..core.findings import Finding, Level


class Lowest(NamedTuple):
    """A release, and the vulnerability that it fixed; empty if none is known."""

    release: str
    hole: str = ""


LOWEST: Mapping[str, Lowest] = MappingProxyType(
    {
        "aiobotocore": Lowest("2.15"),
        "aiosqlite": Lowest("0.21"),
        "asyncmy": Lowest("0.2.11", "CVE-2025-65896"),
        "blinker": Lowest("1.9"),
        "botocore": Lowest("1.35.16"),
        "cryptography": Lowest("50.0", "CVE-2026-69247"),
        "flask": Lowest("3.1.3", "CVE-2026-27205"),
        "hiredis": Lowest("3.0"),
        "itsdangerous": Lowest("2.2"),
        "markupsafe": Lowest("3.0"),
        "ormsgpack": Lowest("1.13.1"),
        "psycopg": Lowest("3.2"),
        "pymongo": Lowest("4.16"),
        "pymysql": Lowest("1.1.1", "CVE-2024-36039"),
        "quart": Lowest("0.20"),
        "redis": Lowest("5.3"),
        "sqlalchemy": Lowest("2.0.44"),
        "werkzeug": Lowest("3.1.6", "CVE-2026-27199"),
    }
)


def installed() -> dict[str, str]:
    """Return the installed releases of the packages in the table."""
    found: dict[str, str] = {}
    for name in LOWEST:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def release_findings(releases: Mapping[str, str]) -> Iterator[Finding]:
    """Check releases, given by package name."""
    older = [name for name in releases if _is_older(releases[name], LOWEST[name].release)]
    if not older:
        yield Finding("releases", Level.OK, "no package is older than the oldest supported release")
    for name in older:
        lowest = LOWEST[name]
        what = f"{name} {releases[name]} is older than the oldest supported release"
        if lowest.hole:
            what = f"{name} {releases[name]} has a known vulnerability, {lowest.hole}"
        level = Level.ERROR if lowest.hole else Level.WARNING
        yield Finding("releases", level, what, f"pip install '{name}>={lowest.release}'")


def _is_older(release: str, lowest: str) -> bool:
    """Compare the numbers that releases start with: 3.1.3rc1 counts as 3.1.3."""
    return _numbers(release) < _numbers(lowest)


def _numbers(release: str) -> list[int]:
    found = re.match(r"\d+(\.\d+)*", release)
    numbers = [] if found is None else [int(each) for each in found[0].split(".")]
    while numbers and not numbers[-1]:
        del numbers[-1]
    return numbers
