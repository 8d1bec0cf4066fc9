"""Two callers at once, at every point at which one of them may be held up.

Each pair ends as if one had come after the other: which one is up to the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ..core.record import revision_of
from ..core.steps import Steps
from ..core.store import Conflict, Outcome, Store
from .caller import Caller, Contract, Interleaved, make_record, revision

_MOST_WAITS = 50  # a store that waits more often for one operation is in a loop
_CALLERS = 8
_EACH = 5

Operation = Callable[[Store, str], Steps[object]]


def interleavings(
    caller: Caller,
    opened: Callable[[], Store],
    pair: tuple[Operation, Operation],
    *,
    prepare: Prepare,
) -> Iterator[tuple[Interleaved, str, Store]]:
    """Run the pair with the first held up at each of its waits, then the other way round."""
    one, other = opened(), opened()
    for turned in (False, True):
        first, second = reversed(pair) if turned else pair
        for after in range(_MOST_WAITS):
            key = f"key {turned} {after}"
            _ = prepare(one, key)
            ended = caller.interleave(first(one, key), second(other, key), after=after)
            held = ended.held
            if turned:
                ended = Interleaved(ended.second, ended.first, held=held)
            yield ended, key, one
            if not held:
                break
        else:
            pytest.fail(f"one operation waits more than {_MOST_WAITS} times")


Prepare = Callable[[Store, str], object]


class RaceContract(Contract):
    """No update is lost, nothing comes back, nothing is created twice."""

    def _commit(self, number: int, name: bytes) -> Operation:
        record = make_record(number, payload=name)
        return lambda store, key: store.commit(
            key, record, expected=revision(1), renew=self.lifetimes
        )

    def _remove(self, expected: bytes | None) -> Operation:
        return lambda store, key: store.remove(key, expected=expected)

    def _filed(self, caller: Caller) -> Prepare:
        return lambda store, key: caller.do(
            store.create(key, make_record(1), lifetimes=self.lifetimes)
        )

    def test_of_two_commits_one_is_written_and_the_other_gets_its_record(
        self, caller: Caller, opened: Callable[[], Store]
    ) -> None:
        pair = self._commit(2, b"one"), self._commit(3, b"other")
        records = make_record(2, payload=b"one"), make_record(3, payload=b"other")
        for ended, key, store in interleavings(caller, opened, pair, prepare=self._filed(caller)):
            winner = 0 if ended.first is Outcome.WRITTEN else 1
            assert (ended.first, ended.second)[winner] is Outcome.WRITTEN
            assert (ended.first, ended.second)[1 - winner] == Conflict(records[winner])
            assert caller.do(store.load(key, renew=None)) == records[winner]

    def test_of_two_creations_one_succeeds(
        self, caller: Caller, opened: Callable[[], Store]
    ) -> None:
        records = make_record(1, payload=b"one"), make_record(1, payload=b"other")

        def creates(record: bytes) -> Operation:
            return lambda store, key: store.create(key, record, lifetimes=self.lifetimes)

        pair = creates(records[0]), creates(records[1])
        for ended, key, store in interleavings(
            caller, opened, pair, prepare=lambda store, key: (store, key)
        ):
            assert [ended.first, ended.second] in ([True, False], [False, True])
            assert caller.do(store.load(key, renew=None)) == records[0 if ended.first else 1]

    def test_a_commit_beside_a_removal_brings_nothing_back(
        self, caller: Caller, opened: Callable[[], Store]
    ) -> None:
        pair = self._commit(2, b"late"), self._remove(None)
        for ended, key, store in interleavings(caller, opened, pair, prepare=self._filed(caller)):
            assert ended.first in (Outcome.WRITTEN, Outcome.GONE)
            assert ended.second is Outcome.WRITTEN
            assert caller.do(store.load(key, renew=None)) is None

    def test_of_a_commit_and_a_removal_of_one_revision_one_succeeds(
        self, caller: Caller, opened: Callable[[], Store]
    ) -> None:
        newer = make_record(2, payload=b"newer")
        pair = self._commit(2, b"newer"), self._remove(revision(1))
        for ended, key, store in interleavings(caller, opened, pair, prepare=self._filed(caller)):
            left = caller.do(store.load(key, renew=None))
            assert (ended.first, ended.second, left) in (
                (Outcome.WRITTEN, Conflict(newer), newer),
                (Outcome.GONE, Outcome.WRITTEN, None),
            )

    def test_of_two_removals_one_succeeds(
        self, caller: Caller, opened: Callable[[], Store]
    ) -> None:
        pair = self._remove(None), self._remove(revision(1))
        for ended, key, store in interleavings(caller, opened, pair, prepare=self._filed(caller)):
            assert {ended.first, ended.second} == {Outcome.WRITTEN, Outcome.GONE}
            assert caller.do(store.load(key, renew=None)) is None

    def test_a_renewal_beside_a_removal_brings_nothing_back(
        self, caller: Caller, opened: Callable[[], Store]
    ) -> None:
        pair: tuple[Operation, Operation] = (
            lambda store, key: store.load(key, renew=self.lifetimes),
            self._remove(None),
        )
        for ended, key, store in interleavings(caller, opened, pair, prepare=self._filed(caller)):
            assert ended.first in (make_record(1), None)
            assert ended.second is Outcome.WRITTEN
            assert caller.do(store.load(key, renew=None)) is None

    def test_a_renewal_beside_a_commit_takes_nothing_back(
        self, caller: Caller, opened: Callable[[], Store]
    ) -> None:
        newer = make_record(2, payload=b"newer")
        pair: tuple[Operation, Operation] = (
            lambda store, key: store.load(key, renew=self.lifetimes),
            self._commit(2, b"newer"),
        )
        for ended, key, store in interleavings(caller, opened, pair, prepare=self._filed(caller)):
            assert ended.first in (make_record(1), newer)
            assert ended.second is Outcome.WRITTEN
            assert caller.do(store.load(key, renew=None)) == newer

    def test_many_callers_at_once_lose_no_commit(
        self, caller: Caller, opened: Callable[[], Store]
    ) -> None:
        stores = [opened() for _ in range(_CALLERS)]
        _ = caller.do(stores[0].create("key", make_record(0), lifetimes=self.lifetimes))
        _ = caller.at_once(*(self._count_up(store) for store in stores))
        left = caller.do(stores[0].load("key", renew=None))
        assert left is not None
        assert int.from_bytes(revision_of(left), "big") == _CALLERS * _EACH

    def _count_up(self, store: Store) -> Steps[None]:
        """Commit the next revision several times, on any present record."""
        for _ in range(_EACH):
            current = yield from store.load("key", renew=None)
            outcome: Outcome | Conflict | None = None
            while outcome is not Outcome.WRITTEN:
                assert current is not None
                known = revision_of(current)
                newer = make_record(int.from_bytes(known, "big") + 1)
                outcome = yield from store.commit(
                    "key", newer, expected=known, renew=self.lifetimes
                )
                assert outcome is not Outcome.GONE
                current = outcome.record if isinstance(outcome, Conflict) else current
