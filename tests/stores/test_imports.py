"""Whoever runs an application or writes a store loads no test framework."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.site import SECRET_KEY


def run_by_itself(code: str) -> None:
    """Run code in a process of its own, which must end well."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_only_the_contract_imports_pytest_and_no_store_module_a_framework() -> None:
    code = (
        "import sys, samesession, samesession.stores, samesession.stores.base\n"
        "for name in ('pytest', 'flask', 'quart', 'redis', 'asyncio'):\n"
        "    assert name not in sys.modules, name\n"
        "import samesession.testing\n"
        "for name in ('pytest', 'asyncio'):\n"
        "    assert name in sys.modules, name\n"
        "for name in ('flask', 'quart', 'redis'):\n"
        "    assert name not in sys.modules, name\n"
    )
    run_by_itself(code)


@pytest.mark.parametrize(
    "slow",
    [
        "redis.exceptions",
        "redis.asyncio.connection",
        "samesession.stores.redis.multiplexed",
        "samesession.stores.redis.pooled",
    ],
)
def test_an_application_starts_without_redis_py_which_its_first_request_loads(
    framework: str, redis_url: str, slow: str
) -> None:
    """And whose loading, however long it takes, is no time that a server took."""
    code = (
        "import asyncio, importlib.machinery, sys, time\n"
        f"from {framework} import {framework.title()}\n"
        "from samesession import Session\n"
        f"from samesession.{framework} import session\n"
        "class Slow:\n"
        "    def find_spec(name, path, target=None):\n"
        f"        if name == {slow!r}:\n"
        "            time.sleep(1.2)\n"
        f"app = {framework.title()}('start')\n"
        f"app.config.update(SECRET_KEY={SECRET_KEY!r}, SESSION_TYPE='redis', "
        f"SESSION_REDIS={redis_url!r}, SESSION_STORE_TIMEOUT=1.0)\n"
        "Session(app)\n"
        "for name in ('redis', 'hiredis', 'cryptography'):\n"
        "    assert name not in sys.modules, name\n"
        "sys.meta_path.insert(0, Slow)\n"
        "@app.get('/')\n"
        "def write():\n"
        "    session['n'] = 1\n"
        "    return 'written'\n"
        "answer = app.test_client().get('/')\n"
        "answer = asyncio.run(answer) if asyncio.iscoroutine(answer) else answer\n"
        "assert answer.status_code == 200, answer\n"
        "assert 'redis' in sys.modules\n"
    )
    run_by_itself(code)


def test_threads_start_without_asyncio(redis_url: str) -> None:
    code = (
        "import sys, flask, samesession\n"
        "app = flask.Flask('start')\n"
        f"app.config.update(SECRET_KEY={SECRET_KEY!r}, SESSION_TYPE='redis', "
        f"SESSION_REDIS={redis_url!r})\n"
        "samesession.Session(app)\n"
        "assert 'asyncio' not in sys.modules\n"
    )
    run_by_itself(code)


def test_an_application_starts_without_what_its_settings_do_not_ask_for(
    framework: str,
) -> None:
    code = (
        "import sys\n"
        f"from {framework} import {framework.title()}\n"
        "from samesession import Session\n"
        f"app = {framework.title()}('start')\n"
        f"app.config.update(SECRET_KEY={SECRET_KEY!r}, SESSION_TYPE='memory')\n"
        "Session(app)\n"
        "for name in ('cli.doctor', 'cli.running', 'migration', 'device'):\n"
        "    assert f'samesession.{name}' not in sys.modules, name\n"
        "assert 'cryptography' not in sys.modules\n"
        "found = app.test_cli_runner().invoke(args=['sessions', '--help'])\n"
        "assert found.exit_code == 0, found.output\n"
        "assert 'Examine settings' in found.output, found.output\n"
        "assert 'samesession.cli.doctor' in sys.modules\n"
    )
    run_by_itself(code)
