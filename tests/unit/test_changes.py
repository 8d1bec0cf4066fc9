"""A request's changes, and the same done to a newer record."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from samesession.core import changes, codec
from samesession.core.changes import Change, Drop, Put, Redo, Wipe

from .strategies import DATA, EACH_KIND, spelled


def replayed(done: list[Change], data: dict[str, Any]) -> dict[str, Any]:
    """Do changes to an image of data, as to data itself; give what both come to."""
    again = codec.decode(codec.join(changes.replay(done, codec.image(data))))
    assert spelled(changes.replay_on(done, data)) == spelled(again)
    return again


@given(DATA, DATA)
def test_changes_turn_the_one_into_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    done = changes.changes(codec.image(before), codec.image(after))
    assert changes.replay(done, codec.image(before)) == codec.image(after)
    again = changes.replay_on(done, dict(before))
    assert {key: spelled(item) for key, item in again.items()} == {
        key: spelled(item) for key, item in after.items()
    }


@given(DATA)
def test_nothing_done_is_no_change(data: dict[str, Any]) -> None:
    assert changes.changes(codec.image(data), codec.image(dict(data))) == []


def test_two_requests_that_change_different_keys_both_win() -> None:
    base = {"a": [1], "b": 1, "c": 1}
    mine = {"a": [1, 2], "b": 1}  # changed a within, deleted c
    newer = {"a": [1], "b": 2, "c": 1, "d": 1}
    done = changes.changes(codec.image(base), codec.image(mine))
    assert replayed(done, newer) == {"a": [1, 2], "b": 2, "d": 1}


def test_a_key_assigned_to_an_equal_value_is_put() -> None:
    before = codec.image({"a": 1})
    assert changes.changes(before, before, assigned={"a"}) == [Put("a", before["a"], assigned=True)]


def test_a_value_is_kept_as_it_was() -> None:
    value = [1]
    done = changes.changes({}, codec.image({"a": value}))
    value.append(2)
    assert replayed(done, {}) == {"a": [1]}


def test_a_deleted_key_that_is_gone_already_is_no_error() -> None:
    assert replayed([Drop("a")], {"b": 1}) == {"b": 1}


def test_clearing_wipes_what_came_between() -> None:
    put = Put("a", codec.image({"a": 1})["a"])
    assert replayed([Wipe(), put], {"a": 2, "b": 1}) == {"a": 1}


def test_a_function_is_run_on_the_newer_data() -> None:
    def add(data: dict[str, Any]) -> None:
        data["n"] = data.get("n", 0) + 1

    assert replayed([Redo(add), Redo(add)], {"n": 40}) == {"n": 42}


def test_changes_are_replayed_in_their_order() -> None:
    one, two = (codec.image({"a": n})["a"] for n in (1, 2))
    assert replayed([Put("a", one), Put("a", two)], {}) == {"a": 2}
    assert replayed([Put("a", one), Drop("a")], {}) == {}


def test_each_kind_of_value_survives_a_replay() -> None:
    again = replayed(changes.changes({}, codec.image(EACH_KIND)), {})
    assert spelled(again) == spelled(EACH_KIND)


def test_an_image_names_what_it_cannot_take() -> None:
    with pytest.raises(TypeError, match=r"^session\['a'\]\['b'\] cannot"):
        codec.image({"a": {"b": print}})
