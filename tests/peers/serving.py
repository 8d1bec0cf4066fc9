"""Runs the applications as processes of their own, each in its own environment."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OWN = Path(sys.executable)  # has samesession
_PATIENCE = 60.0  # seconds that an application may take to start
_SHOWN = 3000  # characters of a log


class Failed(AssertionError):
    """An application or a command that did not do what it should."""


def application(framework: str) -> str:
    """Return the module that is run, or that a command loads."""
    return f"tests.peers.applications.{framework}_app"


@contextmanager
def served(python: Path, framework: str, setup: Mapping[str, Any], log: Path) -> Iterator[str]:
    """Serve an application for the length of a block, which gets its URL."""
    command = [str(python), "-m", application(framework), json.dumps(setup)]
    with log.open("ab") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, env=_environment(python), stdout=subprocess.PIPE, stderr=errors
        )
    try:
        yield f"http://127.0.0.1:{_port(process, log)}"
    finally:
        _stop(process)


def _environment(python: Path) -> dict[str, str]:
    if python == OWN:
        return {**os.environ}
    # What this process sees of samesession, the environment of another library must not.
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], _PATIENCE)
    line = process.stdout.readline() if ready else b""
    if not line:
        raise Failed(f"the application does not start:\n{log.read_text()[-_SHOWN:]}")
    return int(json.loads(line)["port"])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def command(framework: str, setup: Mapping[str, Any], *words: str) -> str:
    """Run `flask sessions ...`, or Quart's, on an application; return what it printed."""
    factory = f"{application(framework)}:from_environment"
    done = subprocess.run(
        [str(OWN), "-m", framework, "--app", factory, "sessions", *words],
        cwd=ROOT,
        env={**os.environ, "MIGRATION_SETUP": json.dumps(setup)},
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode:
        raise Failed(f"sessions {' '.join(words)}: {done.stdout}{done.stderr[-_SHOWN:]}")
    return done.stdout + done.stderr
