"""`flask sessions doctor --coming-from ...`, and the same before an application is switched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import samesession
from samesession.migration_settings import LIBRARIES
from tests.support.site import Site
from tests.web.test_cli import command, document, invoke

KEY = "9d1f0b1d1e3a4c5b8a7f6e2d3c4b5a69"
SOURCE = Path(samesession.__file__).parents[1]


@pytest.mark.stores("memory")
@pytest.mark.asyncio
@pytest.mark.parametrize("library", LIBRARIES)
async def test_an_application_with_sessions_of_ours_is_told_what_is_missing(
    site: Site, library: str
) -> None:
    site.clock.now = 1_800_000_000
    done = await invoke(site, "doctor", "--coming-from", library)
    assert done.exit_code == 0
    diff, _, why = done.stdout.partition("\n\n")
    assert f'+SESSION_MIGRATE_FROM = ["{library}"]' in diff.splitlines()
    assert '+SESSION_MIGRATE_UNTIL = "2027-02-17T00:00:00Z"' in diff.splitlines()
    assert "import Session" not in diff
    assert "warning  SESSION_MIGRATE_FROM             added: " in why
    assert str(site.app.config["SECRET_KEY"]) not in done.output
    assert (await command(site, "doctor", "--coming-from", library, "--strict"))[0] == 1


@pytest.mark.stores("memory")
@pytest.mark.asyncio
async def test_programs_are_told_the_same(site: Site) -> None:
    told = await document(site, "doctor", "--coming-from=flask-session", "--strict", code=1)
    assert {*told} == {"coming_from", "worst", "diff", "findings"}
    assert (told["coming_from"], told["worst"]) == ("flask-session", "warning")
    assert all({*each} == {"check", "level", "what", "write", "fate"} for each in told["findings"])
    found = {each["check"]: each for each in told["findings"]}
    assert found["SESSION_COOKIE_NAME"]["write"] == 'SESSION_COOKIE_NAME = "session_id"'
    assert found["SESSION_COOKIE_NAME"]["fate"] == "replaced"
    assert {line[0] for line in told["diff"]} <= {"-", "+", " "}


@pytest.mark.stores("memory")
@pytest.mark.asyncio
async def test_another_library_is_called_wrongly(site: Site) -> None:
    code, said = await command(site, "doctor", "--coming-from", "django")
    assert code == 2
    assert "flask-session" in said


# --- before Session(app) is ours -----------------------------------------------------------


def asked(place: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Ask about an application of a directory, as its developer does."""
    environ = {name: text for name, text in os.environ.items() if not name.endswith("_APP")}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "samesession", "doctor", *args],
        cwd=place,
        env={**environ, "PYTHONPATH": str(SOURCE), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def written(place: Path, framework: str, text: str, *, name: str = "wsgi") -> None:
    kind = framework.capitalize()
    begin = f"from {framework} import {kind}\napp = {kind}(__name__)\n"
    (place / f"{name}.py").write_text(f"{begin}app.config['SECRET_KEY'] = '{KEY}'\n{text}")


def test_an_application_without_any_sessions_of_its_own(framework: str, tmp_path: Path) -> None:
    written(tmp_path, framework, "")
    done = asked(tmp_path, "--coming-from", "signed-cookie", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["diff"][:2] == ["+from samesession import Session", "+Session(app)"]
    assert asked(tmp_path, "--coming-from", "signed-cookie", "--strict").returncode == 1


def test_an_application_whose_settings_ours_refuses(framework: str, tmp_path: Path) -> None:
    """Who has changed the import alone is told what is left, though nothing starts."""
    text = (
        "from samesession import Session\n"
        "app.config.update(SESSION_TYPE='cachelib', SESSION_FILE_THRESHOLD=10)\nSession(app)\n"
    )
    written(tmp_path, framework, text)
    done = asked(tmp_path, "--coming-from", "flask-session", "--json")
    assert done.returncode == 0, done.stderr
    found = {each["check"]: each for each in json.loads(done.stdout)["findings"]}
    assert found["SESSION_TYPE"]["write"] == 'SESSION_TYPE = "filesystem"'
    assert found["SESSION_FILE_THRESHOLD"]["fate"] == "dropped"


@pytest.mark.parametrize(
    ("args", "environment"),
    [
        (["--app", "shop"], {}),
        (["--app", "shop.py"], {}),
        (["--app", "shop:create_app"], {}),
        (["--app", "shop:create_app()"], {}),
        ([], {"FLASK_APP": "shop:create_app"}),
        ([], {"QUART_APP": "shop"}),
    ],
)
def test_an_application_is_named_in_many_ways(
    args: list[str], environment: dict[str, str], framework: str, tmp_path: Path
) -> None:
    kind = framework.capitalize()
    text = f"from {framework} import {kind}\ndef create_app():\n    return {kind}(__name__)\n"
    (tmp_path / "shop.py").write_text(text)
    done = asked(tmp_path, "--coming-from", "signed-cookie", *args, **environment)
    assert done.returncode == 0, done.stderr
    assert '+SECRET_KEY = os.environ["SECRET_KEY"]' in done.stdout


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--app", "nothing"], "there is no module 'nothing' here"),
        (["--app", "shop:nothing"], "is neither a Flask nor a Quart"),
        (["--app", "shop:NUMBER"], "is neither a Flask nor a Quart"),
        (["--app", "empty"], "is neither a Flask nor a Quart"),
    ],
)
def test_what_is_no_application_is_told(args: list[str], told: str, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("NUMBER = 1\n")
    (tmp_path / "empty.py").write_text("")
    done = asked(tmp_path, "--coming-from", "signed-cookie", *args)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_what_the_application_itself_misses_is_shown_whole(tmp_path: Path) -> None:
    (tmp_path / "wsgi.py").write_text("import shop_of_nobody\n")
    done = asked(tmp_path, "--coming-from", "signed-cookie")
    assert done.returncode == 1
    assert "No module named 'shop_of_nobody'" in done.stderr
    assert "Traceback" in done.stderr
