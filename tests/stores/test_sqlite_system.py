"""The SQLite store on a system that has nothing of POSIX's, as far as one can be had here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# What Windows lacks is taken away once the frameworks, which have their own ways around it, are
# imported. asyncio's loop is the system's own, and needs some of it.
_WITHOUT = """
import asyncio, importlib, os, sys
import werkzeug
framework, path = sys.argv[1:]
web = importlib.import_module(framework)
importlib.import_module(f"{framework}.testing")
lacks = ["fork", "geteuid", "getuid", "getpgid", "register_at_fork", "fchmod", "chown", "major",
    "minor", "statvfs", "preadv", "O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK"]
for name in lacks:
    if hasattr(os, name):
        delattr(os, name)
for name in ("fcntl", "pwd", "grp", "resource", "termios"):
    sys.modules[name] = None

import samesession
app = getattr(web, framework.capitalize())("app")
app.config.update(SECRET_KEY="k" * 32, SESSION_TYPE="sqlite", SESSION_SQLITE_FILE=path)
samesession.Session(app)

@app.get("/")
def count():
    web.session["n"] = web.session.get("n", 0) + 1
    return str(web.session["n"])

@app.get("/end")
def end():
    web.session.clear()
    return ""

def texts_in_flask():
    client = app.test_client()
    return [client.get(path).get_data(as_text=True) for path in ("/", "/", "/end", "/")]

async def texts_in_quart():
    client = app.test_client()
    answers = [await client.get(path) for path in ("/", "/", "/end", "/")]
    return [await each.get_data(as_text=True) for each in answers]

print(texts_in_flask() if framework == "flask" else asyncio.run(texts_in_quart()))
assert "samesession.stores.filesystem.store" not in sys.modules
"""


@pytest.mark.stores("sqlite")
def test_it_needs_nothing_that_only_posix_has(framework: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WITHOUT, framework, str(tmp_path / "new" / "sessions.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("['1', '2', '', '1']\n", "")
