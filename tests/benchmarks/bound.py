"""Compare requests of a session that is bound to its device with those of one that is not.

    python -m tests.benchmarks.bound             # CPU time, the two in turns, in short turns
    python -m tests.benchmarks.bound --counted   # instructions, by valgrind

Both are applications of ours in one process, each with its session of 2 kB; the bound one says
SESSION_DEVICE_BOUND = "require", and its requests bring the bound cookie besides. What is compared
is the whole request: of a view that touches no session ("none", though both cookies are read and
judged), one that reads a list, and one that writes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from itertools import repeat
from pathlib import Path
from statistics import median
from typing import Any

from samesession import Session
from samesession.core.device_notes import note_registration
from samesession.headers import unproxied

from .apps import flask_app, quart_app
from .calls import AsgiCaller, Caller, FlaskCaller
from .cases import FULL, Effort

PLAIN, BOUND = "not bound", "bound"
VIEWS = ("none", "cart", "write")
FRAMEWORKS = ("flask", "quart")
_REQUESTS = 100  # whose instructions are counted
# Requests in a turn: so few that what else the machine does slows two neighbours down alike.
_TURN = 24
_KEY = b"a public key of a hundred bytes or so, of which nobody has the private one" * 2


def application(framework: str, kind: str) -> Any:  # Any: a Flask, or a Quart
    """Make an application whose sessions are bound, or are not."""
    app = (flask_app if framework == "flask" else quart_app)(sessions=True)
    app.config.update(SESSION_TYPE="memory", SESSION_COOKIE_SECURE=True)
    # Longer than any run: no proof is due meanwhile.
    app.config.update(SESSION_DEVICE_FRESHNESS=24 * 3600)
    app.config["SESSION_DEVICE_BOUND"] = "require" if kind == BOUND else "off"
    Session(app)
    for view in (_offer, _register):
        app.add_url_rule(f"/{view.__name__}", view.__name__, _view(framework, view))
    return app


def _view(framework: str, act: Callable[[Any, Any], str]) -> Any:
    ours, theirs = import_module(f"samesession.{framework}"), import_module(framework)

    def view() -> str:
        return act(ours.session, theirs.request)

    async def awaited() -> str:
        return view()

    return view if framework == "flask" else awaited


def _offer(session: Any, _: Any) -> str:
    session.offer_device_binding()
    return ""


def _register(session: Any, request: Any) -> str:
    """Bind the session as an endpoint does, which has verified a proof before."""
    ours: Any = unproxied(session)
    if not note_registration(ours, "ES256", _KEY, request.args["challenge"]):
        raise RuntimeError("no session was bound")
    return ""


class _Visitor:
    """A browser in front of an application of either framework."""

    def __init__(self, app: Any, runner: asyncio.Runner) -> None:
        self._client = app.test_client(use_cookies=False)
        self._runner = runner
        self._jar: dict[str, str] = {}

    def get(self, path: str) -> Any:
        """Give the headers of what a path answers."""
        found = self._client.get(path, headers={"Cookie": self.cookie})
        if asyncio.iscoroutine(found):
            found = self._runner.run(found)
        if found.status_code != 200:
            raise RuntimeError(f"{path} gave {found.status_code}")
        for each in found.headers.getlist("Set-Cookie"):
            name, _, rest = each.partition("=")
            self._jar[name] = rest.partition(";")[0]
        return found.headers

    @property
    def cookie(self) -> str:
        """The Cookie header."""
        return "; ".join(f"{name}={value}" for name, value in self._jar.items())


def cookie_of(app: Any, kind: str, runner: asyncio.Runner) -> str:
    """Begin a session of 2 kB, bound or not, and give its Cookie header."""
    visitor = _Visitor(app, runner)
    _ = visitor.get("/login/2")
    if kind == BOUND:
        offer = visitor.get("/_offer")["Secure-Session-Registration"]
        challenge = offer.partition('challenge="')[2].rstrip('"')
        _ = visitor.get(f"/_register?challenge={challenge}")
    return visitor.cookie


def caller_of(framework: str, kind: str, runner: asyncio.Runner) -> tuple[Caller, str]:
    """Make an application, and give what calls it, and the Cookie header of a session in it."""
    app = application(framework, kind)
    caller: Caller = FlaskCaller(app) if framework == "flask" else AsgiCaller(app, runner)
    return caller, cookie_of(app, kind, runner)


def _path(view: str) -> str:
    return f"/{view}"


def compared(framework: str, effort: Effort) -> dict[str, float]:
    """Give CPU microseconds of each view, bound and not, and the median of the rounds' ratios."""
    found: dict[str, float] = {}
    with asyncio.Runner() as runner:
        callers = {kind: caller_of(framework, kind, runner) for kind in (PLAIN, BOUND)}
        for view in VIEWS:
            costs: dict[str, list[float]] = {kind: [] for kind in callers}
            turns = 3 * effort.rounds * effort.requests // _TURN
            for turn in range(-4, turns):
                # First one, then the other, so that what a turn leaves behind helps both.
                for kind in sorted(callers, reverse=bool(turn % 2)):
                    caller, cookie = callers[kind]
                    cost = caller.many(_path(view), [repeat(cookie)], _TURN)
                    if turn >= 0:
                        costs[kind].append(cost.cpu)
            for kind, each in costs.items():
                found[f"{framework}, {view}: {kind}, us"] = median(each)
            pairs = zip(costs[BOUND], costs[PLAIN], strict=True)
            found[f"{framework}, {view}: ratio"] = median(bound / plain for bound, plain in pairs)
        for caller, _ in callers.values():
            caller.close()
    return found


# --- counted -------------------------------------------------------------------------------


def counted(framework: str, view: str) -> dict[str, float]:
    """Give the instructions of a request, bound and not, and their ratio."""
    found = {kind: _instructions(framework, view, kind) for kind in (PLAIN, BOUND)}
    told = {f"{framework}, {view}: {kind}, instructions": each for kind, each in found.items()}
    return {**told, f"{framework}, {view}: ratio": found[BOUND] / found[PLAIN]}


def _instructions(framework: str, view: str, kind: str) -> float:
    """Take what a process with some requests executes less than one with as many more."""
    few, many = (_executed(framework, view, kind, count) for count in (_REQUESTS, 2 * _REQUESTS))
    return (many - few) / _REQUESTS


def _executed(framework: str, view: str, kind: str, count: int) -> int:
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            [
                *("valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/out"),
                *(sys.executable, "-W", "ignore", "-m", __spec__.name),
                *("--send", framework, view, kind, str(count)),
            ],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        told = Path(directory, "out").read_text(encoding="utf-8")
    total = re.search(r"^(?:summary|totals): (\d+)", told, re.MULTILINE)
    assert total is not None
    return int(total[1])


def _send(framework: str, view: str, kind: str, count: int) -> None:
    with asyncio.Runner() as runner:
        caller, cookie = caller_of(framework, kind, runner)
        answer = caller.once(_path(view), cookie)
        assert answer.status == 200, answer
        _ = caller.many(_path(view), [repeat(cookie)], count)
        caller.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bound")
    parser.add_argument("--counted", action="store_true", help="count instructions, by valgrind")
    parser.add_argument("--send", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.send:
        framework, view, kind, count = options.send
        _send(framework, view, kind, int(count))
        return
    for framework in FRAMEWORKS:
        if options.counted:
            _show(*(counted(framework, view) for view in VIEWS))
        else:
            _show(compared(framework, FULL))


def _show(*tables: Mapping[str, float]) -> None:
    for table in tables:
        for name, value in table.items():
            print(f"{name:40}{value:14,.3f}")


if __name__ == "__main__":
    main()
