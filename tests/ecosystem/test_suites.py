"""A suite is run for itself, in a process of its own, and what it says is taken down."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from .compare import STORES, read_expected
from .suites import HERE, PLAIN, Project, SuiteFailed, read_projects, run_suite

PROJECTS = read_projects((HERE / "projects.toml").read_text())
PINNED = {
    name.lower().replace("_", "-"): version
    for line in (HERE / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
    for name, _, version in [line.partition("==")]
}
SUITE = """
import os, flask, pytest

@pytest.fixture
def app():
    app = flask.Flask("suite")
    app.secret_key = "short"
    app.add_url_rule("/", "index", lambda: flask.session.setdefault("who", "nobody"))
    return app

def test_same_site(app):
    assert "SameSite" not in app.test_client().get("/").headers["Set-Cookie"]

def test_page(app):
    assert app.test_client().get("/").text == "nobody"

def test_red():
    assert 0

@pytest.mark.xfail
def test_known():
    assert 0

def test_skipped():
    pytest.skip("not here")

def test_what_the_caller_has_set_is_not_seen():
    assert not [name for name in os.environ if name.startswith(("FLASK_", "PYTEST_ADDOPTS"))]
"""
BROKEN_FIXTURE = """
import pytest

@pytest.fixture
def broken():
    yield
    raise RuntimeError("torn down")

def test_passes(broken):
    pass
"""


def made(place: Path, **files: str) -> Project:
    """Make an sdist whose tests are these files, by module."""
    place.mkdir()
    with tarfile.open(place / "Its_Suite-1.0.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"Its_Suite-1.0/tests/{name}.py")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return Project("its-suite", "1.0", (), ignore={"tests/test_ignored.py": "a test"})


@pytest.mark.needs("flask")
@pytest.mark.parametrize(("store", "same_site"), [("plain", "passed"), ("memory", "failed")])
def test_a_run_takes_down_each_test(
    store: str, same_site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    project = made(tmp_path / "sdists", test_it=SUITE, test_ignored="assert 0")
    found = run_suite(project, store, tmp_path / "sdists", tmp_path / "work", "")
    assert {name.partition("::")[2]: said for name, said in found.outcomes.items()} == {
        "test_same_site": same_site,
        "test_page": "passed",
        "test_red": "failed",
        "test_known": "xfailed",
        "test_skipped": "skipped",
        "test_what_the_caller_has_set_is_not_seen": "passed",
    }
    assert found.applications == (0 if store == PLAIN else 2)
    detail = found.details.get("tests/test_it.py::test_same_site", "")
    assert ("SameSite=Lax" in detail) is (store != PLAIN)


def test_what_breaks_beside_a_test_is_an_error(tmp_path: Path) -> None:
    project = made(tmp_path / "sdists", test_late=BROKEN_FIXTURE, test_unread="import nothing_")
    found = run_suite(project, PLAIN, tmp_path / "sdists", tmp_path / "work", "")
    assert found.outcomes == {
        "tests/test_late.py::test_passes": "error",
        "tests/test_unread.py": "error",
    }
    assert "torn down" in found.details["tests/test_late.py::test_passes"]


def test_a_suite_that_ends_early_is_no_run(tmp_path: Path) -> None:
    project = made(tmp_path / "sdists", test_it="import os\n\ndef test_it(): os._exit(0)")
    with pytest.raises(SuiteFailed, match=r"exit status 0, see .*log\.txt"):
        run_suite(project, PLAIN, tmp_path / "sdists", tmp_path / "work", "")


def test_a_suite_that_takes_too_long_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.ecosystem.suites.SUITE_TIMEOUT", 0.2)
    project = made(tmp_path / "sdists", test_it="import time; time.sleep(60)")
    with pytest.raises(SuiteFailed, match="exit status -9"):
        run_suite(project, PLAIN, tmp_path / "sdists", tmp_path / "work", "")


@pytest.mark.parametrize("project", PROJECTS, ids=lambda each: each.name)
def test_a_project_is_held_to_its_release(project: Project) -> None:
    assert PINNED[project.name] == project.version
    assert all(PINNED.values())


def test_differences_are_of_projects_that_are_run() -> None:
    listed = read_expected((HERE / "differences.toml").read_text())
    assert {one.project for one in listed} <= {each.name for each in PROJECTS}
    assert {store for one in listed for store in one.stores} <= {*STORES}


def test_a_suite_without_settings_takes_none_of_a_project_around_it(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = --no-such-option\npython_files = no_\n"
    )
    project = made(tmp_path / "sdists", test_it="def test_it(): pass")
    found = run_suite(project, PLAIN, tmp_path / "sdists", tmp_path / "work", "")
    assert found.outcomes == {"tests/test_it.py::test_it": "passed"}
