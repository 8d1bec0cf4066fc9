"""Say what pip-audit found, and count what it could not look up as not audited.

`python -m tests.release.audit REQUIREMENTS...` audits each file of pinned requirements. pip-audit
by itself passes over a package that its service does not know, or that cannot be asked about: on a
network without that data it finds nothing, and exits with 0.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, NamedTuple

VULNERABLE, NOT_AUDITED = 1, 2
_ANSWERED = (0, 1)  # pip-audit's: nothing found, or something


class Result(NamedTuple):
    """What was found of one file; a line for each hole and each package without an answer."""

    audited: int
    holes: list[str]
    unknown: list[str]


def read(report: dict[str, Any]) -> Result:
    """Read pip-audit's report in JSON."""
    holes: list[str] = []
    unknown: list[str] = []
    audited = 0
    for each in report["dependencies"]:
        if "skip_reason" in each:
            unknown.append(f"{each['name']}: {each['skip_reason']}")
            continue
        audited += 1
        for hole in each["vulns"]:
            names = ", ".join([hole["id"], *hole.get("aliases", ())])
            mended = ", ".join(hole.get("fix_versions", ())) or "no release yet"
            holes.append(f"{each['name']} {each['version']}: {names}; mended in {mended}")
    return Result(audited, holes, unknown)


def verdict(results: list[Result]) -> tuple[int, str]:
    """Return the exit status and what to say: only what was looked up counts as audited."""
    audited = sum(each.audited for each in results)
    holes = [line for each in results for line in each.holes]
    unknown = [line for each in results for line in each.unknown]
    if holes:
        return VULNERABLE, "\n".join([f"known vulnerabilities: {len(holes)}", *holes])
    if unknown or not audited:
        said = f"NOT AUDITED: {len(unknown)} packages; the others: {audited}"
        why = "The data about vulnerabilities cannot be had from here, or not all of it."
        return NOT_AUDITED, "\n".join([said, *unknown[:5], why])
    return 0, f"no known vulnerability in {audited} packages"


def audited(requirements: str) -> Result:
    """Ask pip-audit about a file of pinned requirements."""
    command = ("pip-audit", "--format", "json", "--no-deps", "--disable-pip", "-r", requirements)
    done = subprocess.run(
        [sys.executable, "-m", command[0].replace("-", "_"), *command[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode in _ANSWERED and done.stdout.strip():
        return read(json.loads(done.stdout))
    said = (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
    return Result(0, [], [f"{requirements}: {said}"])


if __name__ == "__main__":
    status, said = verdict([audited(path) for path in sys.argv[1:]])
    print(said)
    sys.exit(status)
