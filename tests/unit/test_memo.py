"""What is remembered within a bound, and forgotten."""

from __future__ import annotations

import gc
import os
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samesession import worker_processes
from samesession.core.memo import Memo
from tests.support.forks import FORKS


def test_what_was_put_is_there_until_it_is_dropped() -> None:
    memo: Memo[str, int] = Memo(100)
    memo.put("a", 1, 10)
    memo.put("b", 2, 10)
    assert (memo.get("a"), memo.get("b"), memo.get("c")) == (1, 2, None)
    memo.put("a", 3, 10)
    memo.drop("b")
    assert (memo.get("a"), memo.get("b")) == (3, None)
    memo.clear()
    assert memo.get("a") is None


@given(puts=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 40)), max_size=200))
def test_it_never_holds_more_than_its_bound(puts: list[tuple[int, int]]) -> None:
    memo: Memo[int, int] = Memo(100)
    sizes: dict[int, int] = {}
    for key, size in puts:
        memo.put(key, key, size)
        sizes[key] = size
        held = [each for each in range(31) if each in memo._young or each in memo._old]
        assert sum(sizes[each] for each in held) <= 100
        assert (memo.get(key) == key) == (size <= 50)


def test_what_is_used_outlives_what_is_not() -> None:
    memo: Memo[int, int] = Memo(100)
    memo.put(-1, -1, 10)
    memo.put(-2, -2, 10)
    for number in range(50):
        memo.put(number, number, 10)
        assert memo.get(-1) == -1
    assert memo.get(-2) is None


def test_none_of_what_is_too_large_is_held_nor_its_former_value() -> None:
    memo: Memo[str, int] = Memo(100)
    memo.put("a", 1, 10)
    memo.put("a", 2, 51)
    assert memo.get("a") is None


def test_a_bound_of_nothing_holds_nothing() -> None:
    memo: Memo[str, int] = Memo(0)
    memo.put("a", 1, 1)
    assert memo.get("a") is None


@FORKS
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_remembers_nothing() -> None:
    memo: Memo[str, int] = Memo(100)
    worker_processes.clear_in_children(memo)
    memo.put("a", 1, 10)
    child = os.fork()
    if child == 0:
        os._exit(0 if memo.get("a") is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert memo.get("a") == 1


def test_an_application_that_goes_takes_its_memory_along() -> None:
    memo: Memo[str, int] = Memo(100)
    worker_processes.clear_in_children(memo)
    gone = weakref.ref(memo)
    del memo
    _ = gc.collect()
    assert gone() is None
