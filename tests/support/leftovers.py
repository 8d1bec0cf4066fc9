"""A pytest plugin: what a test leaves open is told of there, and not in a test that runs later.

A socket or a store that nobody closed warns when it is freed, which for a cycle of objects is
whenever Python collects garbage next: in any test. So garbage is collected, and warned of, at
the end of each module. Of a test that failed it is collected quietly: its traceback kept alive
what it had no more time to close, and its failure is what has to be read.
"""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Generator, Iterator

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave a million objects, which are the tests themselves, out of every collection."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def garbage_of_a_module() -> Iterator[None]:
    yield
    gc.collect()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    failed = item.session.testsfailed
    result = yield
    if item.session.testsfailed > failed:
        _free_quietly()
    return result


def _free_quietly() -> None:
    # Python keeps the last exception, with its frames and all that they hold, for a debugger.
    for name in ("last_exc", "last_type", "last_value", "last_traceback"):
        vars(sys).pop(name, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
