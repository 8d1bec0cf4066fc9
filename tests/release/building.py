"""Build the sdist and the wheel twice, from copies in different places, and compare their bytes.

`python -m tests.release.building DIRECTORY` puts them there, or fails and says what differs. The
second copy has another path, other modification times and another umask, so that none of them
gets into an archive. SOURCE_DATE_EPOCH has the time of the last commit, unless it is set.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LONG_AGO = 1_000_000_000.0
# What is left out where no git says which files there are.
_MADE = (".git", ".nox", "dist", "build", "__pycache__", ".*_cache", ".venv", ".hypothesis")


def epoch(environment: Mapping[str, str] = os.environ, root: Path = ROOT) -> str:
    """Return what SOURCE_DATE_EPOCH is to be: as it is set, or when the last commit was made."""
    if "SOURCE_DATE_EPOCH" in environment:
        return environment["SOURCE_DATE_EPOCH"]
    asked = ("git", "-C", str(root), "log", "-1", "--format=%ct")
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "1580601600"  # what hatchling takes, too
    return done.stdout.strip()


def copied(root: Path, place: Path) -> Path:
    """Copy the project's own files, those that git has or would take, and return where to."""
    asked = ("git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return Path(shutil.copytree(root, place, ignore=shutil.ignore_patterns(*_MADE)))
    for name in filter(None, done.stdout.split("\0")):
        if (root / name).exists():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            _ = shutil.copy(root / name, place / name)
    return place


def made_old(place: Path) -> None:
    """Set all files' times back."""
    for path in place.rglob("*"):
        os.utime(path, (_LONG_AGO, _LONG_AGO))


def built(source: Path, destination: Path, *, umask: int, since: str) -> dict[str, Path]:
    """Build the sdist, and the wheel from it, and return the files by name."""
    _ = subprocess.run(
        [
            sys.executable,
            "-m",
            "build",
            "--no-isolation",
            "--outdir",
            str(destination),
            str(source),
        ],
        check=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": since},
        umask=umask,
        stdout=subprocess.DEVNULL,
    )
    return {path.name: path for path in sorted(destination.iterdir())}


def difference(first: Path, second: Path) -> str:
    """Say in which files two archives differ, or that it is in the archives themselves."""
    ours, theirs = _contents(first), _contents(second)
    names = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
    return ", ".join(names) or "the archive's own order, times or modes"


def _contents(archive: Path) -> dict[str, bytes]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}
    found: dict[str, bytes] = {}
    with tarfile.open(archive) as sdist:
        for member in sdist.getmembers():
            file = sdist.extractfile(member)
            found[member.name] = b"" if file is None else file.read()
    return found


def main(destination: Path) -> None:
    """Build twice, compare, and leave the one result in a directory, emptied before."""
    since = epoch()
    with tempfile.TemporaryDirectory(prefix="samesession-build-") as name:
        work = Path(name)
        source = copied(ROOT, work / "one")
        another = Path(shutil.copytree(source, work / "elsewhere" / "another"))
        made_old(another)
        first = built(source, work / "first", umask=0o022, since=since)
        second = built(another, work / "second", umask=0o077, since=since)
        if [*first] != [*second]:
            raise SystemExit(f"not reproducible: {[*first]} and {[*second]}")
        for each, path in first.items():
            if path.read_bytes() != second[each].read_bytes():
                raise SystemExit(f"not reproducible: {each}: {difference(path, second[each])}")
        shutil.rmtree(destination, ignore_errors=True)
        destination.mkdir(parents=True)
        for each, path in first.items():
            _ = shutil.copy(path, destination / each)
            digest = sha256(path.read_bytes()).hexdigest()
            sys.stdout.write(f"twice the same: {digest}  {each}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
