"""Releases that are too old are told, with the hole that is known of them."""

from __future__ import annotations

import pytest

from samesession.cli.lowest_releases import LOWEST, installed, release_findings
from samesession.core.findings import Finding, Level


def found(**releases: str) -> list[Finding]:
    return list(release_findings(releases))


@pytest.mark.parametrize("release", ["3.1.3", "3.1.10", "3.2", "4", "3.1.3rc1", "3.1.3.post1"])
def test_a_release_that_is_new_enough_is_well(release: str) -> None:
    assert [each.level for each in found(flask=release)] == [Level.OK]


@pytest.mark.parametrize("release", ["3.1.2", "3.1", "3.0.9", "2", "", "unknown"])
def test_a_release_with_a_known_hole_is_an_error(release: str) -> None:
    (finding,) = found(flask=release, quart="0.20")
    assert finding.level is Level.ERROR
    assert "CVE-2026-27205" in finding.what
    assert finding.write == "pip install 'flask>=3.1.3'"


def test_a_release_that_is_older_than_what_is_tested_is_a_warning() -> None:
    (finding,) = found(redis="5.2.9")
    assert finding.level is Level.WARNING
    assert finding.write == "pip install 'redis>=5.3'"


def test_what_is_installed_is_looked_up() -> None:
    releases = installed()
    assert {*releases} <= {*LOWEST}
    assert releases["werkzeug"]
