"""examples/deploy as far as no container engine is needed: the same settings, and as strict.

The servers run as a user without rights of its own, in directories that it cannot write to.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.server import Valkey, free_port

pytestmark = pytest.mark.deployments

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "examples" / "deploy"
NOBODY = 65534
SERVICES = ("flask", "quart")


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what the image has, which cannot be written to."""
    place = tmp_path_factory.mktemp("image")
    shutil.copytree(ROOT / "examples", place / "examples", ignore=_no_caches)
    shutil.copytree(ROOT / "src", place / "src", ignore=_no_caches)
    for path in [place, *place.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return place


_no_caches = shutil.ignore_patterns("__pycache__", ".sessions", "*.pyc")


def services() -> dict[str, Any]:
    # Imported for these tests alone, which are deselected where it is not installed.
    import yaml

    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    return found


class Web:
    """A service of compose.yaml that runs without a container."""

    def __init__(self, name: str, site: Path, redis: str) -> None:
        service = services()[name]
        program, *rest = service["command"]
        self.port = free_port()
        bind = ("--bind", f"127.0.0.1:{self.port}")
        env = {
            key: value.replace("redis://redis:6379/0", redis)
            for key, value in service["environment"].items()
        }
        env = {key: "k" * 64 if "SECRET_KEY" in key else value for key, value in env.items()}
        self.process = subprocess.Popen(
            [*as_nobody(), sys.executable, "-m", program, *rest[:-1], *bind, rest[-1]],
            cwd=site,
            env={"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": f"{site}:{site / 'src'}", **env},
            start_new_session=True,
        )

    def get(self, path: str, **options: Any) -> httpx.Response:
        # The cookie is sent over https only, which the proxy in front would have ended.
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=10, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return httpx.post(f"http://127.0.0.1:{self.port}{path}", timeout=10, **options)

    def wait(self) -> None:
        until = time.monotonic() + 30
        while True:
            try:
                self.get("/health")
            except httpx.TransportError:
                assert self.process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(timeout=25) == 0


def as_nobody() -> list[str]:
    """Return what a command begins with that is to run as nobody, where the tests may do that.

    It may read everything, as the interpreter is perhaps in a directory of the tester's alone,
    and write nothing but what is nobody's.
    """
    if os.geteuid() != 0:
        return []
    program = shutil.which("setpriv")
    assert program is not None, "no setpriv is on this machine: on Debian it is in util-linux"
    rights = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search")
    return [program, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *rights]


@pytest.fixture
def webs(site: Path, own_valkey: Valkey) -> Iterator[dict[str, Web]]:
    with ExitStack() as stack:
        found = {}
        for name in SERVICES:
            found[name] = Web(name, site, own_valkey.url)
            stack.callback(found[name].stop)
        for web in found.values():
            web.wait()
        yield found


def test_both_halves_share_a_login_and_say_how_their_store_is(
    webs: dict[str, Web], own_valkey: Valkey
) -> None:
    for web in webs.values():
        assert web.get("/health").json()["sessions"] == "up"
    answer = webs["flask"].post("/login", data={"username": "ada"})
    assert answer.status_code == 303
    cookie = re.match(r"(__Host-session=[^;]+);.* Secure", answer.headers["Set-Cookie"])
    assert cookie is not None
    page = webs["quart"].get("/profile", headers={"Cookie": cookie[1]})
    assert "ada" in page.text

    own_valkey.stop()
    for web in webs.values():
        assert (web.get("/health").status_code, web.get("/").status_code) == (503, 200)
    own_valkey.start()
    page = webs["flask"].get("/profile", headers={"Cookie": cookie[1]})
    assert "ada" in page.text


@pytest.mark.parametrize("line", ["timer", "crontab"])
def test_what_has_expired_is_purged_as_the_timer_and_the_crontab_do_it(
    site: Path, tmp_path_factory: pytest.TempPathFactory, line: str
) -> None:
    kept = tmp_path_factory.mktemp("kept")
    if os.geteuid() == 0:
        os.chown(kept, NOBODY, NOBODY)
    program, *arguments = shlex.split(_timed() if line == "timer" else _crontab())
    assert program.endswith("venv/bin/flask")
    done = subprocess.run(
        [*as_nobody(), sys.executable, "-m", "flask", *arguments],
        cwd=site,
        env={
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": f"{site}:{site / 'src'}",
            "FLASK_SECRET_KEY": "k" * 64,
            "FLASK_SESSION_TYPE": "sqlite",
            "FLASK_SESSION_SQLITE_FILE": str(kept / "sessions.sqlite"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "0" in done.stdout + done.stderr


def _timed() -> str:
    unit = (DEPLOY / "systemd" / "site-purge.service").read_text()
    found = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert found is not None
    return found[1]


def _crontab() -> str:
    line = (DEPLOY / "crontab").read_text().splitlines()[-1]
    return line.rpartition("&& ")[2]


@pytest.mark.parametrize(
    "check",
    [
        ("hadolint", "examples/deploy/Dockerfile"),
        (
            *("check-jsonschema", "--builtin-schema", "vendor.compose-spec"),
            "examples/deploy/compose.yaml",
        ),
    ],
    ids=lambda check: check[0],
)
def test_the_image_and_the_services_pass_their_linters(check: tuple[str, ...]) -> None:
    program = Path(sys.executable).parent / check[0]
    command = [str(program), *check[1:]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_units_are_those_of_systemd(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    assert program is not None, "no systemd-analyze is on this machine: see `nox -s deployments`"
    for unit in (DEPLOY / "systemd").iterdir():
        text = unit.read_text().replace("/srv/venv/bin/flask", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    units = [str(tmp_path / name) for name in ("site-purge.service", "site-purge.timer")]
    done = subprocess.run([program, "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_each_service_is_as_strict_as_the_page_says() -> None:
    for name, service in services().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    assert "noeviction" in services()["redis"]["command"]
    assert re.search(r"^USER [1-9]", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
