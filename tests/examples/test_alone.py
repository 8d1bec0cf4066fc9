"""Each framework is served without the other one's package, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

APP = """
import sys
from {module} import {name}
app = {name}("site")
before = set(sys.modules)
from samesession import Session
app.config["SECRET_KEY"] = "a secret key of the tests, long enough"
Session(app)
print(*sorted(set(sys.modules) - before))
print(*sorted(sys.modules))
"""


def modules(framework: str) -> tuple[set[str], set[str]]:
    """Give what samesession loaded in a framework's application, and all that is loaded."""
    script = APP.format(module=framework, name=framework.capitalize())
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    ours, everything = done.stdout.splitlines()
    return set(ours.split()), set(everything.split())


def of(package: str, loaded: set[str]) -> set[str]:
    return {name for name in loaded if name == package or name.startswith(f"{package}.")}


@pytest.mark.needs("flask")
def test_flask_is_served_without_quart() -> None:
    ours, everything = modules("flask")
    assert "samesession.flask" in ours
    assert not of("quart", everything)
    assert "samesession.quart" not in everything
    assert "asyncio" not in ours


@pytest.mark.needs("quart")
def test_quart_is_served_with_no_more_of_flask_than_it_loads_itself() -> None:
    ours, everything = modules("quart")
    assert "samesession.quart" in ours
    assert not of("flask", ours)
    assert "samesession.flask" not in everything


@pytest.mark.parametrize(
    "package", ["flask", "quart", "werkzeug.serving", "redis", "asyncio", "click", "jinja2"]
)
def test_importing_samesession_loads_little(package: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys, samesession; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not of(package, set(done.stdout.split()))
