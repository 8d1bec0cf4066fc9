"""The doctor of who comes from another library, with applications that still have it.

Beside the tests of its answers, as these need the other libraries themselves.
"""

from __future__ import annotations

import ast
import json
import os
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.web.test_coming_from import KEY, SOURCE, asked, written

PEERS = {
    "flask": (
        "flask-session",
        "SESSION_TYPE='cachelib', SESSION_USE_SIGNER=True",
    ),
    "quart": (
        "quart-session",
        "SESSION_TYPE='redis', SESSION_URI='redis://:swordfish@127.0.0.1/1'",
    ),
}


def test_an_application_that_still_has_the_other_librarys(framework: str, tmp_path: Path) -> None:
    library, settings = PEERS[framework]
    module = library.replace("-", "_")
    assert find_spec(module) is not None, "install what the dependency group `peers` names"
    text = f"from {module} import Session\napp.config.update({settings})\nSession(app)\n"
    written(tmp_path, framework, text)
    done = asked(tmp_path, "--coming-from", library, "--app", "wsgi:app", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["diff"][:2] == [
        f"-from {module} import Session",
        "+from samesession import Session",
    ]
    found = {each["check"]: each for each in told["findings"]}
    assert "SESSION_TYPE" in found
    assert "pickle" not in found
    assert "interface" not in found
    assert "swordfish" not in done.stdout + done.stderr


# --- from the old application to the new one, by what the doctor prints --------------------

OLD = """
import sys
from flask import Flask, session
from {module} import Session
app = Flask(__name__)
app.config.update({settings})
Session(app)

@app.post("/login")
def login():
    session["user"] = "ann"
    return "welcome"

@app.get("/")
def show():
    return session.get("user", "nobody")
"""
LOG_IN = """
from wsgi import app
client = app.test_client()
client.post("/login")
print(client.get_cookie("session").value)
"""
COME_BACK = """
import sys
from wsgi import app
client = app.test_client()
client.set_cookie("session", sys.argv[1])
print(client.get("/").text, client.get_cookie("session"), client.get("/").text)
"""


def ran(place: Path, *args: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *args],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.needs("flask")
def test_who_does_what_the_doctor_prints_logs_nobody_out(tmp_path: Path) -> None:
    settings = {"SECRET_KEY": KEY, "SESSION_TYPE": "filesystem", "SESSION_FILE_DIR": "old files"}
    application, old = tmp_path / "wsgi.py", "flask_session"
    application.write_text(OLD.format(module=old, settings=settings))
    cookie = ran(tmp_path, "-c", LOG_IN)

    told = json.loads(asked(tmp_path, "--coming-from", "flask-session", "--json").stdout)
    after = {**settings, **diff_of(told["diff"])}
    application.write_text(OLD.format(module="samesession", settings=after))
    (command,) = [each["write"] for each in told["findings"] if each["check"] == "store"]
    program, *words = shlex.split(command)
    moved = ran(tmp_path, "-m", program, "--app", "wsgi", *words, "--json")
    assert json.loads(moved)["moved"] == 1

    assert ran(tmp_path, "-c", COME_BACK, cookie) == "ann None ann"
    again = json.loads(asked(tmp_path, "--coming-from", "flask-session", "--json").stdout)
    assert {line[0] for line in again["diff"]} == {" "}


def diff_of(lines: list[str]) -> dict[str, Any]:
    """Give the settings that come by a diff."""
    pairs = [line[1:].partition(" = ") for line in lines if line[0] == "+" and " = " in line]
    return {name: ast.literal_eval(text) for name, _, text in pairs}
