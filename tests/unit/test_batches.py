"""Many records a batch at a time, by hand: what is asked for, and when others get their turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import pytest

from samesession import BadRecord, NotSupported
from samesession.core.batches import KeyWalk, load_many, remove_many
from samesession.core.steps import Checkpoint, Steps
from samesession.core.store import KeyPage, Outcome
from samesession.core.token import text
from tests.support.infos import moment
from tests.unit.parts import NOW, Asked, IndexingStore, administration, feed, record, sealer, signer

T = TypeVar("T")

PASS = Checkpoint(bounded=True)


class BatchingStore(IndexingStore):
    """Asks for many at once, too."""

    def load_many(self, keys: Sequence[str]) -> Steps[Any]:
        return (yield Asked("load_many", (keys,)))

    def remove_many(self, keys: Sequence[str]) -> Steps[Any]:
        return (yield Asked("remove_many", (keys,)))

    def owned_page(self, owner: str, *, after: str | None) -> Steps[Any]:
        return (yield Asked("owned_page", (owner, after)))

    def delist_many(self, owner: str, keys: Sequence[str]) -> Steps[Any]:
        return (yield Asked("delist_many", (owner, keys)))

    def keys_page(self, prefix: str, *, after: str | None, limit: int | None = None) -> Steps[Any]:
        return (yield Asked("keys_page", (prefix, after), {"limit": limit}))


class Held:
    """Answers what a batching store asks, from records in a dict; pages have so many keys."""

    def __init__(self, records: dict[str, bytes], *, page: int = 1000) -> None:
        self.records = records
        self.page = page
        self.asked: list[Asked] = []
        self.since_checkpoint = 0
        self.most_at_once = 0

    def drive(self, steps: Steps[T]) -> T:
        try:
            question = next(steps)
            while True:
                question = steps.send(self._answer(question))
        except StopIteration as end:
            result: T = end.value
            return result

    def _answer(self, question: Any) -> Any:
        if isinstance(question, Checkpoint):
            self.since_checkpoint = 0
            return None
        self.asked.append(question)
        keys: Sequence[str] = question.args[-1] or ()
        match question.method:
            case "load_many":
                self._count(len(keys))
                return [self.records.get(key) for key in keys]
            case "load":
                self._count(1)
                return self.records.get(question.args[0])
            case "remove_many":
                return [self.records.pop(key, None) is not None for key in keys]
            case "remove":
                gone = self.records.pop(question.args[0], None) is None
                return Outcome.GONE if gone else Outcome.WRITTEN
            case "owned_page" | "keys_page":
                after = question.args[1] or ""
                found = sorted(key for key in self.records if key > after)[: self.page]
                return KeyPage(found, found[-1] if len(found) == self.page else None)
            case "owned":
                return [*self.records]
            case _:
                return None

    def _count(self, keys: int) -> None:
        self.since_checkpoint += keys
        self.most_at_once = max(self.most_at_once, self.since_checkpoint)

    def named(self, method: str) -> list[Asked]:
        return [each for each in self.asked if each.method == method]


def filed(count: int, *, owner: str | None = "ann", size: int = 1, **changes: Any) -> Held:
    """File records of an owner, the later ones younger."""
    minted = signer()
    records: dict[str, bytes] = {}
    for number in range(count):
        token = minted.mint(text(number.to_bytes(16, "big"))).token
        made = record(token, created=NOW + number, owner=owner, **changes)
        key = "session:" + token.sid
        records[key] = sealer().seal(key, made._replace(payload=b"\x80" * size))
    return Held(records)


# --- how many at once ----------------------------------------------------------------------


@pytest.mark.parametrize("store", [BatchingStore(), IndexingStore()], ids=["many", "single"])
def test_others_get_their_turn_before_many_records_are_read(store: Any) -> None:
    held = filed(1500)
    admin = administration(store, clock=lambda: NOW + 1500.0)
    assert len(held.drive(admin.sessions_of("ann"))) == 1500
    assert 0 < held.most_at_once <= 200
    held.most_at_once = 0
    assert len(held.drive(admin.sessions_page("ann", after=None, limit=700)).sessions) == 700
    assert 0 < held.most_at_once <= 200
    held.most_at_once = 0
    assert held.drive(admin.revoke_all("ann")) == 1500
    assert 0 < held.most_at_once <= 200
    assert held.records == {}


def test_a_batch_begins_small_and_grows() -> None:
    held = filed(1500)
    held.drive(administration(BatchingStore()).sessions_of("ann"))
    sizes = [len(each.args[0]) for each in held.named("load_many")]
    assert sizes[:6] == [8, 16, 32, 64, 128, 200]
    assert sum(sizes) == 1500 + 0
    assert len(sizes) < 20  # and not one trip for each of them


def test_a_batch_of_large_records_is_small() -> None:
    """Or the requests of others would wait behind megabytes."""
    walk = KeyWalk(lambda _: _page([f"{n:04}" for n in range(2000)]), wanted=lambda _: True)
    held = Held({})
    sizes: list[int] = []
    for _ in range(8):
        keys = held.drive(walk.batch())
        sizes.append(len(keys))
        walk.weigh(len(keys) * 1024 * 1024)
    assert sizes == [8, 1, 1, 1, 1, 1, 1, 1]
    for _ in range(9):
        keys = held.drive(walk.batch())
        sizes.append(len(keys))
        walk.weigh(len(keys) * 1024)
    assert sizes[8:] == [1, 2, 4, 8, 16, 32, 64, 128, 200]


def _page(keys: list[str]) -> Steps[KeyPage]:
    yield from ()
    return KeyPage(keys, None)


# --- what is asked for ---------------------------------------------------------------------


def test_each_page_of_keys_is_asked_for_once_and_empty_ones_are_no_end() -> None:
    pages = {None: KeyPage([], "1"), "1": KeyPage(["a"], "2"), "2": KeyPage(["b", "a"], None)}
    seen: list[str | None] = []

    def page(after: str | None) -> Steps[KeyPage]:
        yield from ()
        seen.append(after)
        return pages[after]

    walk = KeyWalk(page, wanted=lambda key: True)
    held = Held({})
    found = [key for _ in range(4) for key in held.drive(walk.batch())]
    assert found == ["a", "b", "a"]
    assert seen == [None, "1", "2"]


@pytest.mark.parametrize("store", [BatchingStore(), IndexingStore()], ids=["many", "single"])
def test_others_get_their_turn_before_many_keys_of_others_are_looked_at(store: Any) -> None:
    held = filed(300)
    for number in range(20_000):
        held.records[f"other:{number:022}"] = b""
    held.page = 1_000_000
    looked, most = 0, 0
    admin = administration(store, clock=lambda: NOW + 300.0)
    records = admin._records
    ours = records.is_key

    def counted(key: object) -> bool:
        nonlocal looked
        looked += 1
        return ours(key)

    records.is_key = counted  # type: ignore[method-assign]
    found: list[Any] = []
    steps = admin.sessions_of("ann")
    try:
        question = next(steps)
        while True:
            if isinstance(question, Checkpoint):
                most, looked = max(most, looked), 0
            question = steps.send(held._answer(question))
    except StopIteration as end:
        found = end.value
    assert len(found) == 300
    assert 0 < most <= 2000


def test_a_key_that_a_store_lists_twice_is_one_session() -> None:
    held = filed(3)
    one, two, three = held.records
    pages = {None: KeyPage([one, one, two], "1"), "1": KeyPage([three, one], None)}

    class Repeating(BatchingStore):
        def owned_page(self, owner: str, *, after: str | None) -> Steps[Any]:
            yield from ()
            return pages[after]

    admin = administration(Repeating())
    assert [each.created for each in held.drive(admin.sessions_of("ann"))] == [
        moment(NOW),
        moment(NOW + 1),
        moment(NOW + 2),
    ]
    assert [each.args[0] for each in held.named("load_many")] == [[one, two], [three, one]]
    page = held.drive(admin.sessions_page("ann", after=None, limit=3))
    assert [each.created for each in page.sessions] == [*map(moment, (NOW, NOW + 1, NOW + 2))]
    assert page.after is None
    assert held.drive(admin.revoke_all("ann")) == 3


@pytest.mark.parametrize(
    "foreign",
    [
        "other:" + "A" * 22,
        "session:two:" + "A" * 22,
        "session:",
        "session:" + "A" * 21,
        "session:" + "A" * 22 + "\n",
        "session:owner:" + "a" * 64,
        "session:\udcff",
        "A" * 22,
        5,
        None,
        b"session:" + b"A" * 22,
    ],
    ids=repr,
)
def test_keys_that_are_not_this_applications_are_never_read(foreign: Any) -> None:
    for store, page in (
        (BatchingStore(), KeyPage([foreign], None)),
        (IndexingStore(), [foreign]),
    ):
        for steps, nothing in (
            (administration(store).sessions_of("ann"), []),
            (administration(store).revoke_all("ann"), 0),
        ):
            found, asked = feed(steps, [None, page])
            assert found == nothing
            assert [each.method for each in asked if isinstance(each, Asked)] in (
                ["owned_page"],
                ["owned"],
            )


def test_a_store_without_batches_is_asked_for_one_key_after_another() -> None:
    damaged = BadRecord("damaged")
    store: Any = IndexingStore()
    loaded, asked = feed(load_many(store, ["a", "b"]), [None, damaged, None, b"b"])
    assert loaded == [None, b"b"]
    one = Asked("load", ("a",), {"renew": None})
    assert asked == [PASS, one, PASS, Asked("load", ("b",), {"renew": None})]
    answers = [None, Outcome.WRITTEN, None, damaged, None, Outcome.GONE]
    removed, asked = feed(remove_many(store, ["a", "b", "c"]), answers)
    assert removed == [True, False, False]
    assert asked[1] == Asked("remove", ("a",), {"expected": None})


def test_a_record_that_cannot_be_read_is_not_deleted_with_the_others() -> None:
    """It is another application's, or nobody's session here."""
    held = filed(2)
    theirs, ours = [*held.records]
    sealed = sealer(name="another").seal(
        theirs, record(signer().mint(theirs[8:]).token, owner="ann")
    )
    held.records[theirs] = sealed
    admin = administration(BatchingStore(), notify=_never)
    assert [each.sid for each in held.drive(admin.sessions_of("ann"))] == [ours[8:]]
    admin = administration(BatchingStore())
    assert held.drive(admin.revoke_all("ann")) == 1
    assert held.records == {theirs: sealed}
    assert held.named("delist_many")[0].args == ("ann", [ours])
    held = filed(2)
    held.records[theirs] = sealed
    assert held.drive(admin.revoke_everyone()) == 1
    assert held.records == {theirs: sealed}


def _never(*_: object) -> None:
    raise AssertionError("a list tells nobody of what is not this application's")


def test_a_session_that_is_over_is_ended_and_not_counted() -> None:
    """By the clock of another node it may still live."""
    held = filed(3, deadline=NOW)
    admin = administration(BatchingStore(), notify=_never)
    assert held.drive(admin.sessions_of("ann")) == []
    assert held.drive(admin.revoke_all("ann")) == 0
    assert held.records == {}


def test_a_session_that_another_owner_has_by_now_is_left_alone() -> None:
    held = filed(3, owner="ben")
    admin = administration(BatchingStore())
    assert held.drive(admin.sessions_of("ann")) == []
    assert held.drive(admin.revoke_all("ann")) == 0
    assert len(held.records) == 3
    # A note may be of a login that is about to be written: it stays.
    assert not held.named("delist_many")


def test_a_store_that_cannot_list_says_what_to_do_instead() -> None:
    with pytest.raises(NotSupported, match="new SECRET_KEY, and no SECRET_KEY_FALLBACKS"):
        feed(administration(IndexingStore()).revoke_everyone())
