"""docs/reference/command-line.md names every command, option, exit code and field that there is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest

from samesession.cli.coming_from.former import Fate
from samesession.cli.output import ExitCode
from samesession.core.findings import Level
from tests.conftest import NewSite
from tests.support.old_files import old_file
from tests.support.pages import PAGES
from tests.support.site import Site
from tests.web.test_cli import document, invoke
from tests.web.test_cli_listing import lines, logged_in

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "command-line.md").read_text()
SECTIONS = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
NOW = 1_800_000_000


def commands(site: Site) -> Mapping[str, click.Command]:
    group = site.app.cli.commands["sessions"]
    assert isinstance(group, click.Group)
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def documented(command: str) -> Any:
    (block,) = re.findall(r"\n\n((?:    .*\n)+)", SECTIONS[command])[-1:]
    return json.loads("".join(re.findall(r"^    ( *[{\"].*)\n", block, re.MULTILINE)))


def shape(value: Any) -> Any:
    """Give the names and types of what JSON holds; of a list that of what is in it."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(value[0])] if isinstance(value, list) else type(value).__name__


@pytest.mark.stores("filesystem")
def test_every_command_and_option_is_documented(site: Site) -> None:
    found = commands(site)
    assert {*SECTIONS} == {*found}
    for name, command in found.items():
        options = {
            option
            for each in command.params
            if isinstance(each, click.Option)
            for option in each.opts
        }
        assert "--json" in options
        told = set(re.findall(r"^\| `(--[a-z-]+)", SECTIONS[name], re.MULTILINE))
        assert told == options - {"--json"}, name


@pytest.mark.stores("filesystem")
@pytest.mark.asyncio
async def test_what_programs_are_told_is_documented(
    site: Site, new_site: NewSite, tmp_path: Path
) -> None:
    site.clock.now = NOW
    old = tmp_path / "flask_session"
    _ = old_file(old, "session:expired", {"n": 1}, expires=NOW - 1)
    migrating = new_site(SESSION_MIGRATE_FROM=["flask-session"], SESSION_COOKIE_NAME="sid")
    sid = await logged_in(site, "ann", "Firefox on Linux", cart=[1, 2])
    found = {
        "list": (await lines(site, "list"))[0],
        "show": await document(site, "show", sid),
        "stats": await document(site, "stats"),
        "doctor": await document(site, "doctor"),
        "purge": await document(site, "purge"),
        "init": await document(site, "init"),
        "migrate": await document(
            migrating, "migrate", "--from", "flask-session", "--source", str(old)
        ),
        "revoke": await document(site, "revoke", sid),
    }
    assert {*found} == {*commands(site)}
    for name, told in found.items():
        assert shape(told) == shape(documented(name)), name


@pytest.mark.stores("filesystem")
@pytest.mark.asyncio
async def test_what_is_told_of_another_library_is_documented(site: Site) -> None:
    section = PAGE.partition("## Coming from another library\n")[2]
    site.app.config["SESSION_USE_SIGNER"] = False
    told = (await invoke(site, "doctor", "--coming-from", "flask-session")).stdout.splitlines()
    lines = re.findall(r"^    ((?:warning|notice) .*)$", section, re.MULTILINE)
    assert len(lines) == 2
    assert {*lines} <= {*told}
    found = await document(site, "doctor", "--coming-from", "flask-session")
    (block,) = re.findall(r"\n\n((?:    .*\n)+)", section)[-1:]
    assert shape(found) == shape(json.loads(block))
    assert {each.value for each in Fate} == {*re.findall(r"`(\w+ed|kept)`", section)}


def test_every_exit_code_and_level_is_documented() -> None:
    codes = re.findall(r"^\| (\d) \| \w", PAGE, re.MULTILINE)
    assert [*map(int, codes)] == [*ExitCode]
    levels = re.findall(r"^\| `(\w+)` \| [A-Z][^|]+\. \|$", SECTIONS["doctor"], re.MULTILINE)
    assert levels == [each.name.lower() for each in Level]


@pytest.mark.stores("filesystem", "redis", "sqlalchemy-sqlite", "sqlite", "memory", "cookie")
@pytest.mark.asyncio
async def test_every_check_is_documented(site: Site) -> None:
    found = {each["check"] for each in (await document(site, "doctor"))["findings"]}
    told = set(re.findall(r"`([a-z]+(?:\.[a-z]+)?)`", SECTIONS["doctor"]))
    assert found <= told


def test_the_page_is_a_page_of_tested_blocks() -> None:
    assert "docs/reference/command-line.md" in PAGES
