"""Where an application's files are when no setting says so: with it, wherever it is started."""

from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import Clock
from tests.support.site import Site

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("filesystem", "sqlite")]


def new_site(framework: str, home: Path, **settings: Any) -> Site:
    made = getattr(import_module(framework), framework.capitalize())
    app = made("app", root_path=str(home), instance_path=str(home / "instance"))
    return Site(framework, settings, clock=Clock(), app=app)


async def log_in(site: Site) -> None:
    visitor = site.visitor()
    assert (await visitor.visit(lambda session: session.bind("ann"))).status == 200


def names_in(place: Path) -> list[str]:
    return [each.name for each in place.iterdir()]


async def run_command(site: Site, *args: str) -> Any:
    return await asyncio.to_thread(site.app.test_cli_runner().invoke, args=["sessions", *args])


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a directory that is not the application's."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def home(tmp_path: Path) -> Path:
    place = tmp_path / "home"
    place.mkdir()
    return place


@pytest.mark.parametrize("has_instance", [False, True])
async def test_files_are_in_the_instance_directory_or_else_beside_the_application(
    framework: str, store_name: str, home: Path, elsewhere: Path, has_instance: bool
) -> None:
    if has_instance:
        (home / "instance").mkdir()
    await log_in(new_site(framework, home, SESSION_TYPE=store_name))
    kept, other = home / "instance" / ".sessions", home / ".sessions"
    assert (kept.exists(), other.exists()) == (has_instance, not has_instance)
    assert names_in(elsewhere) == []


@pytest.mark.stores("filesystem")
async def test_a_directory_that_is_set_counts_and_a_relative_one_begins_where_one_is(
    framework: str, home: Path, elsewhere: Path, tmp_path: Path
) -> None:
    await log_in(new_site(framework, home, SESSION_FILE_DIR=str(tmp_path / "set")))
    await log_in(new_site(framework, home, SESSION_FILE_DIR="here"))
    assert (tmp_path / "set").is_dir()
    assert names_in(elsewhere) == ["here"]
    assert names_in(home) == []


async def test_a_command_from_another_directory_finds_the_applications_sessions(
    framework: str, store_name: str, home: Path, elsewhere: Path
) -> None:
    await log_in(new_site(framework, home, SESSION_TYPE=store_name))
    command = new_site(framework, home, SESSION_TYPE=store_name)
    done = await run_command(command, "revoke", "--owner", "ann")
    assert (done.exit_code, done.stdout) == (0, "1 session ended\n")
    assert str(home / ".sessions") in done.stderr
    assert names_in(elsewhere) == []


@pytest.mark.parametrize("args", [("list", "ann"), ("revoke", "--owner", "ann"), ("purge",)])
async def test_a_command_makes_no_directory(
    framework: str, store_name: str, home: Path, elsewhere: Path, args: tuple[str, ...]
) -> None:
    _ = await run_command(new_site(framework, home, SESSION_TYPE=store_name), *args)
    assert [*names_in(home), *names_in(elsewhere)] == []
