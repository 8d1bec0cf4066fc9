"""The contract notices what stores get wrong: each of these fails it, by the test named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from samesession.core.record import revision_of
from samesession.core.steps import Steps, call
from samesession.core.store import Colour, Conflict, Lifetimes, Outcome
from samesession.run.sync import run
from samesession.stores.memory import MemoryStore
from samesession.testing import Caller, ManualClock, OwnerIndexContract, PurgeContract
from samesession.testing import StoreContract as _StoreContract


class Contract(_StoreContract, OwnerIndexContract, PurgeContract):
    """Not collected here: its tests are called by those below."""

    __test__ = False


class Upserting(MemoryStore):
    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Steps[Outcome | Conflict]:
        outcome = yield from super().commit(key, record, expected=expected, renew=renew)
        if outcome is Outcome.GONE:
            yield from super().create(key, record, lifetimes=renew or Lifetimes(9, 9))
            return Outcome.WRITTEN
        return outcome


class FoldingCase(MemoryStore):
    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        return (yield from super().load(key.casefold(), renew=renew))

    def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> Steps[bool]:
        return (yield from super().create(key.casefold(), record, lifetimes=lifetimes))


class Renewing(MemoryStore):
    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        return (yield from super().load(key, renew=renew or Lifetimes(100, 100)))


class NeverRenewing(MemoryStore):
    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        return (yield from super().load(key, renew=None))


class Everlasting(MemoryStore):
    def _live(self, key: str) -> bytes | None:
        found = self._records.get(key)
        return None if found is None else found[0]


class Hiding(MemoryStore):
    """Shows no expired record, and keeps it."""

    def _live(self, key: str) -> bytes | None:
        found = self._records.get(key)
        return None if found is None or found[1] <= self._clock() else found[0]


class Lengthening(MemoryStore):
    """Moves the end of a record only ever to a later time."""

    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        before = self._records.get(key, (b"", 0.0))[1]
        record = yield from super().load(key, renew=renew)
        if record is not None:
            self._records[key] = (record, max(before, self._records[key][1]))
        return record


class Checking(MemoryStore):
    """Compares the revision in one round trip and writes in the next."""

    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Steps[Outcome | Conflict]:
        found = yield from call(lambda: self._live(key))
        if found is None:
            return Outcome.GONE
        if revision_of(found) != expected:
            return Conflict(found)
        yield from call(lambda: self._file(key, record, renew or Lifetimes(100, 100)))
        return Outcome.WRITTEN


class Overwriting(MemoryStore):
    """Reads an owner's keys in one round trip and writes them in the next."""

    def enlist(self, owner: str, key: str, *, lifetime: int) -> Steps[None]:
        keys = yield from call(lambda: dict(self._owned.get(owner, {})))
        keys[key] = self._clock() + lifetime
        yield from call(lambda: self._owned.__setitem__(owner, keys))


class PurgingAll(MemoryStore):
    def purge(self) -> Steps[int]:
        yield from ()
        count = len(self._records)
        self._records.clear()
        return count


def _commits_never_recreate(contract: Contract, given: dict[str, Any]) -> None:
    contract.test_commit_never_recreates(given["caller"], given["store"], renewing=True)


def _wrongly_timed(contract: Contract, given: dict[str, Any]) -> None:
    contract.test_a_clock_that_was_wrong_leaves_no_longer_life_than_the_timeout(
        given["caller"], given["store"], given["clock"], 3600
    )


def _alone(name: str) -> Callable[[Contract, dict[str, Any]], None]:
    return lambda contract, given: getattr(contract, name)(given["caller"], given["store"])


def _timed(name: str) -> Callable[[Contract, dict[str, Any]], None]:
    return lambda contract, given: getattr(contract, name)(
        given["caller"], given["store"], given["clock"]
    )


def _raced(name: str) -> Callable[[Contract, dict[str, Any]], None]:
    return lambda contract, given: getattr(contract, name)(given["caller"], lambda: given["store"])


@pytest.mark.parametrize("colour", [Colour.SYNC, Colour.ASYNC])
@pytest.mark.parametrize(
    ("wrong", "notices"),
    [
        (Upserting, _commits_never_recreate),
        (Upserting, _raced("test_a_commit_beside_a_removal_brings_nothing_back")),
        (FoldingCase, _alone("test_keys_that_look_alike_are_different")),
        (Renewing, _timed("test_only_what_renews_restarts_the_idle_timeout")),
        (NeverRenewing, _timed("test_only_what_renews_restarts_the_idle_timeout")),
        (NeverRenewing, _timed("test_renewal_is_as_exact_as_the_store_says")),
        (Everlasting, _timed("test_an_expired_record_is_invisible_to_every_method")),
        (Hiding, _timed("test_what_one_clock_ended_no_later_one_shows")),
        (Hiding, _wrongly_timed),
        (Lengthening, _wrongly_timed),
        (Checking, _raced("test_of_two_commits_one_is_written_and_the_other_gets_its_record")),
        (Checking, _raced("test_a_commit_beside_a_removal_brings_nothing_back")),
        (Overwriting, _raced("test_two_callers_note_keys_of_one_owner_and_lose_none")),
        (PurgingAll, _timed("test_purge_deletes_what_has_expired_and_nothing_else")),
    ],
)
def test_a_store_that_is_wrong_fails(
    colour: Colour,
    wrong: type[MemoryStore],
    notices: Callable[[Contract, dict[str, Any]], None],
) -> None:
    caller, clock = Caller(colour), ManualClock()
    given: dict[str, Any] = {"caller": caller, "clock": clock, "store": MemoryStore(clock=clock)}
    try:
        notices(Contract(), given)  # as it is, it passes
        given["store"] = wrong(clock=clock)
        with pytest.raises(AssertionError):
            notices(Contract(), given)
        run(given["store"].close())
    finally:
        caller.close()
