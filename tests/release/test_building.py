"""A build that is not reproducible is noticed, and nothing but the project's files is built."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.release.building import copied, difference, epoch, made_old


def wheel(path: Path, **files: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def sdist(path: Path, **files: str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize(("make", "suffix"), [(wheel, ".whl"), (sdist, ".tar.gz")])
def test_the_files_that_differ_are_named(make: object, suffix: str, tmp_path: Path) -> None:
    assert callable(make)
    first = make(tmp_path / f"one{suffix}", same="1", other="2", ours="3")
    second = make(tmp_path / f"two{suffix}", same="1", other="9")
    assert difference(first, second) == "other, ours"
    assert "own order, times or modes" in difference(first, first)


def test_the_time_is_that_of_the_last_commit_unless_it_is_given(tmp_path: Path) -> None:
    assert epoch({"SOURCE_DATE_EPOCH": "7"}, tmp_path) == "7"
    assert epoch({}, tmp_path) == "1580601600"  # no repository
    git = ("git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org")
    _ = subprocess.run([*git, "init", "-q"], check=True)
    dated = {**os.environ, "GIT_COMMITTER_DATE": "1700000000 +0000"}
    _ = subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "a"], check=True, env=dated)
    assert epoch({}, tmp_path) == "1700000000"


def test_what_git_ignores_is_not_copied_and_times_are_set_back(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "src").mkdir(parents=True)
    (root / ".gitignore").write_text("secret.env\n")
    (root / "secret.env").write_text("SECRET_KEY=1")
    (root / "src" / "new.py").write_text("")
    _ = subprocess.run(["git", "-C", str(root), "init", "-q"], check=True)
    place = copied(root, tmp_path / "copy")
    assert {str(p.relative_to(place)) for p in place.rglob("*") if p.is_file()} == {
        ".gitignore",
        "src/new.py",
    }
    made_old(place)
    assert (place / "src" / "new.py").stat().st_mtime == 1_000_000_000


def test_without_git_what_was_made_is_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    root = tmp_path / "root"
    for name in ("src/a.py", "dist/old.whl", ".nox/x/b.py"):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text("")
    place = copied(root, tmp_path / "copy")
    assert [p.name for p in place.rglob("*") if p.is_file()] == ["a.py"]
