"""Which suites there are, and how one is run: unpacked for itself, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any  # Any: settings, as an application takes them

from .compare import Run
from .plugin import VARIABLE

HERE = Path(__file__).parent
PLAIN = "plain"
PLUGIN = "samesession_ecosystem"  # what the plugin is imported as, beside a suite's own "tests"
TEST_TIMEOUT = 60  # seconds for one test of a suite
SUITE_TIMEOUT = 1800  # seconds for one run of a suite, on a busy machine
_FOREIGN = ("FLASK_", "QUART_", "PYTEST_", "SAMESESSION_", "COVERAGE_")


@dataclass(frozen=True, slots=True)
class Project:
    """One project, with the release whose suite is run."""

    name: str
    version: str
    install: tuple[str, ...]
    plugins: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    ignore: dict[str, str] = field(default_factory=dict[str, str])
    keyless: bool = False
    seconds: int = 10

    def sdist(self, directory: Path) -> Path:
        """Find its sdist in the directory that pip filled."""
        for path in directory.glob("*.tar.gz"):
            name = path.name.removesuffix(f"-{self.version}.tar.gz")
            if name.lower().replace("_", "-") == self.name:
                return path
        raise FileNotFoundError(f"{directory} has no sdist of {self.name} {self.version}")


class SuiteFailed(Exception):
    """A suite did not run to its end."""


def read_projects(text: str) -> list[Project]:
    """Read the table of projects; raises TypeError for a name that means nothing."""
    found = tomllib.loads(text)
    return [
        Project(
            name=name,
            install=tuple(entry.pop("install")),
            plugins=tuple(entry.pop("plugins", ())),
            options=tuple(entry.pop("options", ())),
            **entry,
        )
        for name, entry in found.items()
    ]


# Where pytest looks for settings, and by what it takes a file for its own.
_SETTINGS = (
    ("pytest.ini", ""),
    (".pytest.ini", ""),
    ("pyproject.toml", "[tool.pytest"),
    ("tox.ini", "[pytest]"),
    ("setup.cfg", "[tool:pytest]"),
)


def settings_of(store: str, place: Path, redis_url: str) -> dict[str, Any] | None:
    """Give the settings of sessions on a store; None for the run without ours."""
    if store == PLAIN:
        return None
    settings: dict[str, Any] = {"SESSION_TYPE": store}
    if store == "filesystem":
        settings["SESSION_FILE_DIR"] = str(place / "sessions")
    if store == "redis":
        settings["SESSION_REDIS"] = redis_url
    return settings


def run_suite(project: Project, store: str, sdists: Path, work: Path, redis_url: str) -> Run:
    """Run a project's suite once; raises SuiteFailed when it ends early or takes too long."""
    place = work / f"{project.name}-{store}"
    shutil.rmtree(place, ignore_errors=True)
    tree = _unpacked(project.sdist(sdists), place)
    report = place / "report.json"
    wanted = {
        "report": str(report),
        "keyless": project.keyless,
        "settings": settings_of(store, place, redis_url),
    }
    with (place / "log.txt").open("wb") as log:
        status = _wait(_command(project), tree, _environment(place, wanted), log.fileno())
    # pytest's: 0 is all passed, 1 some failed.
    if status not in (0, 1) or not report.is_file():
        raise SuiteFailed(f"{project.name} on {store}: exit status {status}, see {place}/log.txt")
    return Run(**json.loads(report.read_text()))


def _unpacked(sdist: Path, place: Path) -> Path:
    with tarfile.open(sdist) as archive:
        # As the documentation of tarfile has it: CPython before 3.11.4 has no filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        archive.extractall(place / "tree")  # of releases that are pinned
    (tree,) = (place / "tree").iterdir()
    if not _has_settings(tree):
        # Or pytest would look for some above, and find those of this project.
        _ = (tree / "pytest.ini").write_text("[pytest]\n")
    return tree


def _has_settings(tree: Path) -> bool:
    """Return whether a suite has settings of pytest's own."""
    return any(
        (tree / name).is_file() and section in (tree / name).read_text()
        for name, section in _SETTINGS
    )


def _command(project: Project) -> list[str]:
    named = [PLUGIN, "pytest_timeout", *project.plugins]
    return [
        *(sys.executable, "-m", "pytest", "-q", "--tb=short", "-o", "addopts="),
        *(part for name in named for part in ("-p", name)),
        f"--timeout={TEST_TIMEOUT}",
        "--continue-on-collection-errors",
        *project.options,
        *(f"--ignore-glob={pattern}" for pattern in project.ignore),
    ]


def _environment(place: Path, wanted: dict[str, Any]) -> dict[str, str]:
    modules = place / "plugin"
    modules.mkdir()
    shutil.copy(HERE / "plugin.py", modules / f"{PLUGIN}.py")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {
        **kept,
        "HOME": str(place),
        "PYTHONPATH": str(modules),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        VARIABLE: json.dumps(wanted),
    }


def _wait(command: list[str], tree: Path, env: dict[str, str], log: int) -> int:
    """Run a command in a group of its own, so that all of it can be stopped."""
    process = subprocess.Popen(
        command,
        cwd=tree,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        return process.wait(SUITE_TIMEOUT)
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL
    finally:
        with contextlib.suppress(ProcessLookupError):  # nothing of it is left
            os.killpg(process.pid, signal.SIGKILL)
        _ = process.wait()
