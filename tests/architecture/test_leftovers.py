"""What a test leaves open is told of where it was left, however the tests are divided."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Without what a run of the suite has, and this one has no settings for.
ALONE = ("-p", "no:asyncio", "-p", "no:xdist", "-p", "no:cacheprovider")
PLUGIN = "from tests.support.leftovers import *"
# A cycle of objects, which is freed when garbage is collected and not before.
LEAVING = """
import gc, socket

def leave(failing=False):
    cycle = [socket.socket()]
    cycle.append(cycle)
    assert not failing
"""


@pytest.fixture
def run(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini(f"[pytest]\npythonpath = {ROOT} .\nfilterwarnings = error\n")
    pytester.makeconftest(PLUGIN)
    pytester.makepyfile(leaving=LEAVING)
    return pytester


def test_a_test_that_failed_is_the_only_one_that_fails(run: pytest.Pytester) -> None:
    run.makepyfile(
        "import gc\nfrom leaving import leave\n"
        "def test_first():\n    leave(failing=True)\n"
        "def test_second():\n    gc.collect()\n"
    )
    result = run.runpytest_subprocess(*ALONE)
    result.assert_outcomes(failed=1, passed=1)
    assert "unclosed" not in result.stdout.str()


def test_what_a_module_leaves_is_told_of_in_it(run: pytest.Pytester) -> None:
    run.makepyfile(
        test_a="from leaving import leave\ndef test_leaves():\n    leave()\n",
        test_b="import gc\ndef test_leaves_nothing():\n    gc.collect()\n",
    )
    result = run.runpytest_subprocess(*ALONE)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["ERROR test_a.py::test_leaves - *Unraisable*"])
