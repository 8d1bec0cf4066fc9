"""A pytest plugin that puts samesession under every application of a suite of others.

SAMESESSION_ECOSYSTEM holds, as JSON, where the report goes (`report`), whether an application
without a key is given one (`keyless`), and the settings of the sessions (`settings`), null for a
run without ours. It runs in the suite's environment: it imports nothing of these tests.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any  # Any: applications and interfaces of either framework

import pytest

from samesession import framework_settings as ours

VARIABLE = "SAMESESSION_ECOSYSTEM"
KEY = "a key for applications that have none"
# The worst of what becomes of a test's phases counts.
_RANK = ("passed", "xfailed", "xpassed", "skipped", "failed", "error")


class Underneath:
    """The session interface that applications have by their class: ours from its first use on.

    One that an application sets itself takes its place, as it takes the framework's.
    """

    def __init__(self, own: Any, place: Callable[[Any], None], *, keyless: bool = False) -> None:
        self._own = own
        self._place = place
        self._keyless = keyless
        self.applications = 0

    def __get__(self, app: Any, owner: type | None = None) -> Any:
        if app is None:
            return self._own
        if not app.secret_key and self._keyless:
            app.secret_key = KEY
        if not app.secret_key:
            # It has no session, and the framework's interface says what it says then.
            return self._own
        self._place(app)
        found = app.__dict__.get("session_interface")
        if found is None:  # a run without ours
            return self._own
        self.applications += 1
        return found


class Recorder:
    """Writes what became of each test, and of how many applications the sessions were tried."""

    def __init__(self, report: Path, placed: list[Underneath]) -> None:
        self._report = report
        self._placed = placed
        self._outcomes: dict[str, str] = {}
        self._details: dict[str, str] = {}

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        before = self._outcomes.get(report.nodeid, "passed")
        self._outcomes[report.nodeid] = max(before, _outcome(report), key=_RANK.index)
        self._keep(report)

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._outcomes[report.nodeid] = "error"
            self._keep(report)

    @pytest.hookimpl
    def pytest_sessionfinish(self) -> None:
        found = {
            "outcomes": self._outcomes,
            "details": self._details,
            "applications": sum(each.applications for each in self._placed),
        }
        self._report.write_text(json.dumps(found, indent=1))

    def _keep(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.failed:
            self._details[report.nodeid] = report.longreprtext


def _outcome(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return "xpassed" if report.passed else "xfailed"
    return "error" if report.failed and report.when != "call" else report.outcome


def pytest_configure(config: pytest.Config) -> None:
    wanted = json.loads(os.environ[VARIABLE])
    placed = _under_all(wanted["settings"], keyless=wanted["keyless"])
    recorder = Recorder(Path(wanted["report"]), placed)
    config.pluginmanager.register(recorder, "samesession-ecosystem-recorder")


def _under_all(settings: dict[str, Any] | None, *, keyless: bool) -> list[Underneath]:
    """Put sessions of ours under the applications of each framework that is installed."""
    if settings is not None:
        # Keys in suites are "secret" or "123456": how strong they are is not what is tried.
        for name, value in (("MIN_SECRET_BYTES", 1), ("is_published", lambda _: False)):
            setattr(ours, name, value)
    return [
        _under(name, settings, keyless=keyless)
        for name in ("Flask", "Quart")
        if find_spec(name.lower())
    ]


def _under(name: str, settings: dict[str, Any] | None, *, keyless: bool) -> Underneath:
    application = getattr(import_module(name.lower()), name)
    shim = import_module(f"samesession.{name.lower()}")

    def place(app: Any) -> None:
        if settings is not None:
            for key, value in settings.items():
                app.config.setdefault(key, value)
            # Session(app) would rightly say that a request which has begun is too late for it.
            shim.init_app(app)

    underneath = Underneath(application.session_interface, place, keyless=keyless)
    application.session_interface = underneath
    return underneath
