"""A request's changes, and the same done to a newer record."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from samesession.core import changes
from samesession.core.changes import Drop, Put, Redo, Wipe

from .strategies import DATA, EACH_KIND, spelled


@given(DATA, DATA)
def test_changes_turn_the_one_into_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    done = changes.changes(changes.image(before), changes.image(after))
    again = changes.replay(done, dict(before))
    assert {key: spelled(item) for key, item in again.items()} == {
        key: spelled(item) for key, item in after.items()
    }


@given(DATA)
def test_nothing_done_is_no_change(data: dict[str, Any]) -> None:
    assert changes.changes(changes.image(data), changes.image(dict(data))) == []


def test_two_requests_that_change_different_keys_both_win() -> None:
    base = {"a": [1], "b": 1, "c": 1}
    mine = {"a": [1, 2], "b": 1}  # changed a within, deleted c
    newer = {"a": [1], "b": 2, "c": 1, "d": 1}
    done = changes.changes(changes.image(base), changes.image(mine))
    assert changes.replay(done, newer) == {"a": [1, 2], "b": 2, "d": 1}


def test_a_key_assigned_to_an_equal_value_is_put() -> None:
    before = changes.image({"a": 1})
    assert changes.changes(before, before, assigned={"a"}) == [Put("a", before["a"], assigned=True)]


def test_a_value_is_kept_as_it_was() -> None:
    value = [1]
    done = changes.changes({}, changes.image({"a": value}))
    value.append(2)
    assert changes.replay(done, {}) == {"a": [1]}


def test_a_deleted_key_that_is_gone_already_is_no_error() -> None:
    assert changes.replay([Drop("a")], {"b": 1}) == {"b": 1}


def test_clearing_wipes_what_came_between() -> None:
    put = Put("a", changes.image({"a": 1})["a"])
    assert changes.replay([Wipe(), put], {"a": 2, "b": 1}) == {"a": 1}


def test_a_function_is_run_on_the_newer_data() -> None:
    def add(data: dict[str, Any]) -> None:
        data["n"] = data.get("n", 0) + 1

    assert changes.replay([Redo(add), Redo(add)], {"n": 40}) == {"n": 42}


def test_changes_are_replayed_in_their_order() -> None:
    one, two = (changes.image({"a": n})["a"] for n in (1, 2))
    assert changes.replay([Put("a", one), Put("a", two)], {}) == {"a": 2}
    assert changes.replay([Put("a", one), Drop("a")], {}) == {}


def test_each_kind_of_value_survives_a_replay() -> None:
    again = changes.replay(changes.changes({}, changes.image(EACH_KIND)), {})
    assert spelled(again) == spelled(EACH_KIND)


def test_an_image_names_what_it_cannot_take() -> None:
    with pytest.raises(TypeError, match=r"^session\['a'\]\['b'\] cannot"):
        changes.image({"a": {"b": print}})
