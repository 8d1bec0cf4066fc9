"""Whoever runs an application or writes a store loads no test framework."""

from __future__ import annotations

import subprocess
import sys


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
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
