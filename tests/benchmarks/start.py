"""Time what a process takes to give an application its sessions: imports, settings, clients."""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median

from .cases import Effort
from .subjects import BARE, FLASK_SESSION, OURS

_APP = "from flask import Flask; app = Flask('x'); app.config.update(SECRET_KEY='k' * 40); "
_STARTS = {
    BARE: _APP,
    FLASK_SESSION: _APP + "import redis, flask_session; app.config.update(SESSION_TYPE='redis', "
    "SESSION_REDIS=redis.Redis.from_url({url!r})); flask_session.Session(app)",
    OURS: _APP + "from samesession import Session; app.config.update(SESSION_TYPE='redis', "
    "SESSION_REDIS={url!r}); Session(app)",
}


def starts(url: str, effort: Effort) -> dict[str, float]:
    """Give the CPU milliseconds that each start takes more than the bare application's."""
    for code in _STARTS.values():
        _ = _cpu(code.format(url=url))  # compiles what was never imported before
    found: dict[str, list[float]] = {name: [] for name in _STARTS}
    for _ in range(effort.rounds):
        for name, code in _STARTS.items():
            found[name].append(_cpu(code.format(url=url)))
    bare = median(found.pop(BARE))
    return {name: median(each) - bare for name, each in found.items()}


def _cpu(code: str) -> float:
    env = {name: each for name, each in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], env=env) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"an application did not start: {code}")
    return (usage.ru_utime + usage.ru_stime) * 1000
