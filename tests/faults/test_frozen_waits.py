"""Waits end, though a test lets the time stand still: freezegun freezes `monotonic` as well."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from unittest import mock

import pytest
from freezegun import freeze_time

from samesession import StoreUnavailable
from samesession._deadline import Deadline
from samesession.core.record import revision_of
from samesession.core.store import Lifetimes
from samesession.drive import run
from samesession.stores._meta import Deadline as MemcachedDeadline
from samesession.stores.filesystem import FileStore
from samesession.testing import make_record

SECONDS = 0.05
LIFETIMES = Lifetimes(browser=60, permanent=60)


@contextmanager
def _mocked() -> Iterator[None]:
    with mock.patch("time.time", return_value=5.0), mock.patch("time.monotonic", return_value=5.0):
        yield


def _frozen() -> AbstractContextManager[object]:
    return freeze_time("2030-01-01")


FREEZERS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "freezegun": _frozen,
    "mock": _mocked,
}


@pytest.fixture(params=FREEZERS)
def frozen(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the time stand still."""
    with FREEZERS[request.param]():
        before = time.time(), time.monotonic()
        yield
        assert (time.time(), time.monotonic()) == before


def test_a_file_that_is_locked_is_given_up(frozen: None, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "sessions", timeout=SECONDS)
    assert run(store.create("key", make_record(1), lifetimes=LIFETIMES))
    (shard,) = (path for path in (tmp_path / "sessions").iterdir() if path.is_dir())
    held = os.open(shard, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreUnavailable, match="locked"):
            run(
                store.commit(
                    "key", make_record(2), expected=revision_of(make_record(1)), renew=None
                )
            )
    finally:
        os.close(held)


def test_an_operation_of_a_thread_is_over_in_time(frozen: None) -> None:
    deadline = Deadline()
    deadline.begin(SECONDS)
    assert 0 < deadline.left() <= SECONDS
    time.sleep(SECONDS)
    with pytest.raises(TimeoutError):
        deadline.left()


def test_an_operation_on_memcached_is_over_in_time(frozen: None) -> None:
    deadline = MemcachedDeadline(SECONDS)
    assert 0 < deadline.left() <= SECONDS
    time.sleep(SECONDS)
    with pytest.raises(StoreUnavailable):
        deadline.left()
