"""The tutorial on writing a store: its code passes the contract, and serves an application."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.clock import Clock
from tests.support.site import Site

PAGE = (Path(__file__).parents[2] / "docs" / "stores" / "write-your-own.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
GROUP = "samesession.stores"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Give a directory with the tutorial's files, installed as far as metadata goes."""
    place = tmp_path / "package"
    metadata = place / "sqlite_sessions-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sqlite-sessions\nVersion: 1\n")
    for language, text in BLOCKS:
        named = re.match(r"# (\w+\.py)\n", text)
        if language == "python" and named:
            (place / named[1]).write_text(text)
        if language == "toml":
            points = tomllib.loads(text)["project"]["entry-points"][GROUP]
            lines = [f"{name} = {value}" for name, value in points.items()]
            (metadata / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]))
    return place


def test_the_tutorials_store_passes_the_contract_on_both_faces(package: Path) -> None:
    """Without any plugin, as the contract needs none for the async colour."""
    (package / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(package)]
    done = subprocess.run(
        command,
        cwd=package,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.search(r"^(\d+) passed", done.stdout, re.MULTILINE)
    assert told is not None
    assert int(told[1]) > 70


@pytest.mark.asyncio
async def test_an_application_names_the_tutorials_store(
    framework: str, package: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(package))
    settings = dict(re.findall(r'^app\.config\["(\w+)"\] = "([^"]*)"$', PAGE, re.MULTILINE))
    database = package / settings["SESSION_SIMPLE_PATH"]
    site = Site(framework, {**settings, "SESSION_SIMPLE_PATH": str(database)}, clock=clock)
    try:
        visitor = site.visitor()
        await visitor.value(lambda session: session.update(user="ann"))
        assert await visitor.value(lambda session: session["user"]) == "ann"
        assert database.stat().st_size > 0
    finally:
        await site.close()
        sys.modules.pop("sqlite_sessions", None)
