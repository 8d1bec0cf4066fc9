"""The behaviour of a store with records, at any time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ..core.batches import load_many, remove_many
from ..core.health import ping
from ..core.store import Conflict, Lifetimes, Listable, Outcome, Store
from .caller import Caller, Contract, ManualClock, make_record, revision

# Keys that a careless store mistakes for one another, or for something else.
KEYS = (
    "session:AbCdEfGhIjKlMnOpQrStUv",
    "session:abcdefghijklmnopqrstuv",
    "session:ABCDEFGHIJKLMNOPQRSTUV",
    "session:AbCdEfGhIjKlMnOpQrStUv ",
    "session:AbCdEfGhIjKlMnOpQrStU",
    "session:AbCdEfGhIjKlMnOpQrStU_",
    "session:AbCdEfGhIjKlMnOpQrStU%",
    "Sitzung-\u00fc",  # composed
    "Sitzung-u\u0308",  # decomposed
    "Sitzung-ue",
    "stra\u00dfe",
    "strasse",
    "\u212a",  # Kelvin sign, folds to k
    "k",
    "\U0001f36a",
    "../../etc/passwd",
    "a/b",
    "a\\b",
    "'; DROP TABLE sessions; --",
    "{slot}a",
    "{slot}b",
    "owner:1",
    "*",
    "k" * 200,
)
# Bytes that are not text, look like numbers or terminators, or would be transformed on the way.
PAYLOADS = (
    b"",
    bytes(range(256)),
    b"\0" * 20,
    b"\xff" * 20,
    b"\r\n\r\n",
    b"12",
    b"\x80\x04.",
    b"%s",
)


class RecordContract(Contract):
    """Create, load, commit, remove, close."""

    def test_an_unknown_key_has_no_record(self, caller: Caller, store: Store) -> None:
        assert caller.do(store.load("none", renew=self.lifetimes)) is None
        assert caller.do(store.load("none", renew=None)) is None

    def test_a_record_is_loaded_as_it_was_created(self, caller: Caller, store: Store) -> None:
        record = make_record()
        assert caller.do(store.create("key", record, lifetimes=self.lifetimes)) is True
        assert caller.do(store.load("key", renew=None)) == record
        assert caller.do(store.load("key", renew=self.lifetimes)) == record

    def test_create_never_replaces(self, caller: Caller, store: Store) -> None:
        record = make_record()
        assert caller.do(store.create("key", record, lifetimes=self.lifetimes)) is True
        other = make_record(payload=b"other")
        assert caller.do(store.create("key", other, lifetimes=self.lifetimes)) is False
        assert caller.do(store.load("key", renew=None)) == record

    @pytest.mark.parametrize("renewing", [True, False])
    def test_commit_replaces_the_expected_revision(
        self, caller: Caller, store: Store, *, renewing: bool
    ) -> None:
        _ = caller.do(store.create("key", make_record(1), lifetimes=self.lifetimes))
        newer = make_record(2, payload=b"newer")
        renew = self.lifetimes if renewing else None
        steps = store.commit("key", newer, expected=revision(1), renew=renew)
        assert caller.do(steps) is Outcome.WRITTEN
        assert caller.do(store.load("key", renew=None)) == newer

    @pytest.mark.parametrize("renewing", [True, False])
    def test_a_stale_commit_gets_the_current_record_and_writes_nothing(
        self, caller: Caller, store: Store, *, renewing: bool
    ) -> None:
        current = make_record(7, payload=b"current")
        _ = caller.do(store.create("key", current, lifetimes=self.lifetimes))
        renew = self.lifetimes if renewing else None
        steps = store.commit("key", make_record(2), expected=revision(1), renew=renew)
        assert caller.do(steps) == Conflict(current)
        assert caller.do(store.load("key", renew=None)) == current

    def test_every_byte_of_a_revision_counts(self, caller: Caller, store: Store) -> None:
        """A store that compares text, or signed or rounded numbers, finds some of them equal."""
        numbers = (2**64 - 1, 2**63, 2**63 - 1, 2**53 + 1, 2**53, 256, 0)
        for number in numbers:
            key = f"key {number}"
            current = make_record(number)
            _ = caller.do(store.create(key, current, lifetimes=self.lifetimes))
            for other in {*numbers} - {number}:
                steps = store.commit(
                    key, make_record(5), expected=revision(other), renew=self.lifetimes
                )
                assert caller.do(steps) == Conflict(current)
            steps = store.commit(
                key, make_record(5), expected=revision(number), renew=self.lifetimes
            )
            assert caller.do(steps) is Outcome.WRITTEN

    @pytest.mark.parametrize("renewing", [True, False])
    def test_commit_never_recreates(self, caller: Caller, store: Store, *, renewing: bool) -> None:
        renew = self.lifetimes if renewing else None
        steps = store.commit("never", make_record(2), expected=revision(1), renew=renew)
        assert caller.do(steps) is Outcome.GONE
        _ = caller.do(store.create("key", make_record(1), lifetimes=self.lifetimes))
        _ = caller.do(store.remove("key", expected=None))
        steps = store.commit("key", make_record(2), expected=revision(1), renew=renew)
        assert caller.do(steps) is Outcome.GONE
        for key in ("never", "key"):
            assert caller.do(store.load(key, renew=None)) is None

    @pytest.mark.parametrize("expected", [None, revision(1)])
    def test_remove_deletes_and_the_key_is_free_again(
        self, caller: Caller, store: Store, expected: bytes | None
    ) -> None:
        _ = caller.do(store.create("key", make_record(1), lifetimes=self.lifetimes))
        assert caller.do(store.remove("key", expected=expected)) is Outcome.WRITTEN
        assert caller.do(store.load("key", renew=self.lifetimes)) is None
        assert caller.do(store.remove("key", expected=expected)) is Outcome.GONE
        again = make_record(3, payload=b"again")
        assert caller.do(store.create("key", again, lifetimes=self.lifetimes)) is True
        assert caller.do(store.load("key", renew=None)) == again

    def test_a_stale_remove_gets_the_current_record_and_deletes_nothing(
        self, caller: Caller, store: Store
    ) -> None:
        current = make_record(7)
        _ = caller.do(store.create("key", current, lifetimes=self.lifetimes))
        assert caller.do(store.remove("key", expected=revision(1))) == Conflict(current)
        assert caller.do(store.load("key", renew=None)) == current

    def test_removing_what_never_was_is_gone(self, caller: Caller, store: Store) -> None:
        assert caller.do(store.remove("none", expected=None)) is Outcome.GONE
        assert caller.do(store.remove("none", expected=revision(1))) is Outcome.GONE

    def test_records_are_any_bytes(self, caller: Caller, store: Store) -> None:
        for number, payload in enumerate(PAYLOADS):
            key = f"key {number}"
            created = make_record(1, payload=payload)
            _ = caller.do(store.create(key, created, lifetimes=self.lifetimes))
            assert caller.do(store.load(key, renew=None)) == created
            committed = make_record(2, payload=payload * 2)
            steps = store.commit(key, committed, expected=revision(1), renew=None)
            assert caller.do(steps) is Outcome.WRITTEN
            assert caller.do(store.load(key, renew=None)) == committed

    def test_a_record_may_be_as_large_as_the_limit(self, caller: Caller, store: Store) -> None:
        filler = bytes(range(256)) * (self.largest // 256)
        large = make_record(1, payload=filler)[: self.largest]
        assert len(large) == self.largest
        assert caller.do(store.create("key", large, lifetimes=self.lifetimes)) is True
        assert caller.do(store.load("key", renew=self.lifetimes)) == large
        larger = make_record(2, payload=filler[::-1])[: self.largest]
        steps = store.commit("key", larger, expected=revision(1), renew=self.lifetimes)
        assert caller.do(steps) is Outcome.WRITTEN
        steps = store.commit("key", large, expected=revision(1), renew=self.lifetimes)
        assert caller.do(steps) == Conflict(larger)

    def test_keys_that_look_alike_are_different(self, caller: Caller, store: Store) -> None:
        filed = {key: make_record(payload=key.encode()) for key in KEYS}
        for key, record in filed.items():
            assert caller.do(store.load(key, renew=None)) is None, key
            assert caller.do(store.create(key, record, lifetimes=self.lifetimes)) is True, key
        assert {key: caller.do(store.load(key, renew=None)) for key in KEYS} == filed
        for key in KEYS:
            assert caller.do(store.remove(key, expected=None)) is Outcome.WRITTEN, key
            assert caller.do(store.load(key, renew=None)) is None, key

    def test_many_records_are_loaded_and_removed_as_one_is(
        self, caller: Caller, store: Store
    ) -> None:
        """The store may do so at once, or be asked for each."""
        for key in KEYS[::2]:
            record = make_record(payload=key.encode())
            assert caller.do(store.create(key, record, lifetimes=self.lifetimes)) is True
        records = [make_record(payload=key.encode()) if key in KEYS[::2] else None for key in KEYS]
        assert [*caller.do(load_many(store, KEYS))] == records
        assert [*caller.do(load_many(store, KEYS[::-1]))] == records[::-1]
        assert [*caller.do(load_many(store, []))] == []
        assert [*caller.do(remove_many(store, []))] == []
        assert [*caller.do(remove_many(store, KEYS[1:]))] == [key in KEYS[::2] for key in KEYS[1:]]
        assert [*caller.do(remove_many(store, KEYS[1:]))] == [False] * len(KEYS[1:])
        assert [*caller.do(load_many(store, KEYS))] == [records[0]] + [None] * len(KEYS[1:])

    def test_loading_many_records_renews_none(
        self, caller: Caller, store: Store, clock: ManualClock
    ) -> None:
        brief = Lifetimes(browser=self.own_lifetime, permanent=self.own_lifetime)
        assert caller.do(store.create("brief", make_record(1), lifetimes=brief)) is True
        assert caller.do(store.create("long", make_record(1), lifetimes=self.lifetimes)) is True
        assert None not in caller.do(load_many(store, ["brief", "long"]))
        self.let_pass(clock, self.own_lifetime + self.resolution)
        assert [*caller.do(load_many(store, ["brief", "long"]))] == [None, make_record(1)]
        assert [*caller.do(remove_many(store, ["brief", "long"]))] == [False, True]

    def test_two_objects_at_the_same_data_see_each_other(
        self, caller: Caller, opened: Callable[[], Store]
    ) -> None:
        one, other = opened(), opened()
        assert caller.do(one.create("key", make_record(1), lifetimes=self.lifetimes)) is True
        assert caller.do(other.create("key", make_record(1), lifetimes=self.lifetimes)) is False
        newer = make_record(2)
        steps = other.commit("key", newer, expected=revision(1), renew=self.lifetimes)
        assert caller.do(steps) is Outcome.WRITTEN
        steps = one.commit("key", make_record(2), expected=revision(1), renew=self.lifetimes)
        assert caller.do(steps) == Conflict(newer)
        assert caller.do(one.remove("key", expected=None)) is Outcome.WRITTEN
        assert caller.do(other.load("key", renew=None)) is None

    def test_asking_whether_it_answers_leaves_nothing(self, caller: Caller, store: Store) -> None:
        caller.do(ping(store, "session:"))
        assert caller.do(store.load("session:ping", renew=None)) is None
        assert caller.do(store.create("key", make_record(1), lifetimes=self.lifetimes)) is True
        caller.do(ping(store, "session:"))
        if isinstance(store, Listable):
            assert [*caller.do(store.keys_page("session:", after=None)).keys] == []
        assert caller.do(store.load("key", renew=None)) == make_record(1)
        caller.do(store.close())
        caller.do(ping(store, "session:"))

    def test_closing_loses_nothing_and_a_later_use_opens_anew(
        self, caller: Caller, store: Store
    ) -> None:
        caller.do(store.close())
        assert caller.do(store.create("key", make_record(1), lifetimes=self.lifetimes)) is True
        caller.do(store.close())
        caller.do(store.close())
        assert caller.do(store.load("key", renew=self.lifetimes)) == make_record(1)
