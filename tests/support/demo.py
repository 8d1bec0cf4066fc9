"""The demo in a process of its own, as `nox -s demo` starts it."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Where the demo keeps sessions, and the options that say so.
STORES = {"files": (), "valkey": ("--redis",)}


@dataclass
class Demo:
    """The running demo."""

    process: subprocess.Popen[str]
    greeting: str

    @property
    def url(self) -> str:
        return self._find(r"(https?://127\.0\.0\.1:\d+)/ +overview")

    @property
    def command(self) -> list[str]:
        """The words that open it in a Chromium, of which the demo says how, over https."""
        return shlex.split(self._find(r"\n +(\S+ .*--user-data-dir=.*)\n"))

    @property
    def directory(self) -> Path:
        return Path(self._find(r"Sessions are kept in .*?(/[^/\s]+/samesession-[^/]+)/"))

    def _find(self, pattern: str) -> str:
        found = re.search(pattern, self.greeting)
        assert found is not None, self.greeting
        return found[1]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Give the exit status and what was written after the greeting."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        rest, errors = self.process.communicate(timeout=30)
        return self.process.returncode, rest + errors


def started(*options: str) -> Demo:
    """Start it at a free port, unless the options say where."""
    if "--port" not in options:
        options = ("--port", "0", *options)
    return run(*options)


def run(*options: str) -> Demo:
    process = subprocess.Popen(
        [sys.executable, "-m", "examples.devices", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            break
    return Demo(process, "".join(lines))
