"""Measure applications under hypercorn, with the load coming from another process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from tests.support.server import free_port

from .cases import Effort
from .subjects import Place, Subject, installed

ROOT = Path(__file__).parents[2]
_AT_ONCE = 32
_TICKS = os.sysconf("SC_CLK_TCK")


def served(place: Place, effort: Effort) -> dict[str, float]:
    """Give each subject's requests a second, and its server's CPU microseconds a request."""
    subjects = [each for each in installed() if each.framework == "quart"]
    seconds = 0.5 if effort.all_sizes else 0.25
    rows: dict[str, list[tuple[float, float]]] = {}
    with ExitStack() as stack:
        servers = {each.name: stack.enter_context(_server(each, place)) for each in subjects}
        for _ in range(effort.rounds):
            for name, (port, pid) in servers.items():
                for view in ("read", "write"):
                    before = _cpu_ticks(pid)
                    count, took = _load(port, view, seconds)
                    cpu = (_cpu_ticks(pid) - before) / _TICKS / count * 1e6
                    rows.setdefault(f"{name}, {view}", []).append((count / took, cpu))
    found: dict[str, float] = {}
    for name, row in rows.items():
        found[f"{name}: requests a second"] = median(rate for rate, _ in row)
        found[f"{name}: CPU us a request"] = median(cpu for _, cpu in row)
    return found


@contextmanager
def _server(subject: Subject, place: Place) -> Iterator[tuple[int, int]]:
    """Serve a subject in a process of its own; give the port and the pid."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "tests.benchmarks.serve"),
        *(subject.name, subject.framework, place.redis_url, place.directory, str(port)),
    ]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        _wait_for(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        _ = process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    import socket

    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError("the server did not start")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the server does not answer")


def _load(port: int, view: str, seconds: float) -> tuple[int, float]:
    """Have another process send requests; give how many were answered, and in what time."""
    command = [
        *(sys.executable, "-m", "tests.benchmarks.load"),
        *(str(port), view, str(_AT_ONCE), str(seconds)),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    count, took = done.stdout.split()
    return int(count), float(took)


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
