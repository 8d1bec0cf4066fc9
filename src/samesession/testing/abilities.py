"""The optional abilities of a store: an owner index, a list of all keys, and purging."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from ..core.batches import KeyWalk, delist_many, owned_by
from ..core.steps import Steps
from ..core.store import KeyPage, Lifetimes, Listable, OwnerIndex, Purgeable, Rereading, Store
from ..core.token import SID_BYTES, text
from .caller import Caller, Contract, ManualClock, make_record
from .races import interleavings
from .time import LONGEST

# Owners that a careless store mistakes for one another, or for something else.
OWNERS = (
    "ann",
    "Ann",
    "ann ",
    " ann",
    "ann\n",
    "ann\0",
    "an",
    "a%",
    "a_n",
    "1",
    "01",
    "ann:session:1",
    "../ann",
    "'; DROP TABLE sessions; --",
    "\u00fc",
    "u\u0308",
    "\U0001f36a",
    "o" * 1024,
    "\u00fc" * 512,
)
_EXPIRED = 600  # more than a store deletes in one batch, so that it needs several


# Prefixes that start alike, or have a meaning for a store that matches patterns.
PREFIXES = (
    "app:",
    "app",
    "app:two:",
    "App:",
    "ap?:",
    "a*",
    "[ap]p:",
    "a%",
    "a_p:",
    "a\\p:",
    "\u00e4:",
)


def every_key(caller: Caller, page: Callable[[str | None], Steps[KeyPage]]) -> list[str]:
    """List the keys of all pages, walking through them like core.batches."""
    walk = KeyWalk(page, wanted=lambda _: True)
    keys: list[str] = []
    while found := caller.do(walk.batch()):
        keys += found
    return keys


class OwnerIndexContract(Contract):
    """For a store with `enlist`, `delist` and `owned`."""

    def _owned(self, caller: Caller, store: Store, owner: str) -> set[str]:
        return set(caller.do(cast("OwnerIndex", store).owned(owner)))

    def test_an_owner_has_the_keys_that_were_noted(self, caller: Caller, store: Store) -> None:
        index = cast("OwnerIndex", store)
        assert self._owned(caller, store, "ann") == set()
        for key in ("one", "two", "two"):
            caller.do(index.enlist("ann", key, lifetime=100))
        caller.do(index.enlist("ben", "three", lifetime=100))
        assert self._owned(caller, store, "ann") == {"one", "two"}
        assert len([*caller.do(index.owned("ann"))]) == 2
        caller.do(index.delist("ann", "one"))
        caller.do(index.delist("ann", "one"))
        caller.do(index.delist("nobody", "one"))
        assert self._owned(caller, store, "ann") == {"two"}
        assert self._owned(caller, store, "ben") == {"three"}

    def test_owners_that_look_alike_are_different(self, caller: Caller, store: Store) -> None:
        index = cast("OwnerIndex", store)
        for number, owner in enumerate(OWNERS):
            caller.do(index.enlist(owner, f"key {number}", lifetime=100))
        found = {owner: self._owned(caller, store, owner) for owner in OWNERS}
        assert found == {owner: {f"key {number}"} for number, owner in enumerate(OWNERS)}
        for owner in OWNERS:
            caller.do(index.delist(owner, f"key {OWNERS.index(owner)}"))
            assert self._owned(caller, store, owner) == set()

    def test_an_owner_may_have_many_keys_and_a_store_many_owners(
        self, caller: Caller, store: Store
    ) -> None:
        index = cast("OwnerIndex", store)
        keys = {f"session:{number}" for number in range(200)}
        for number, key in enumerate(sorted(keys)):
            caller.do(index.enlist("busy", key, lifetime=100))
            caller.do(index.enlist(f"owner {number}", key, lifetime=100))
        assert self._owned(caller, store, "busy") == keys
        # All at once or page by page, as the store can.
        assert {*every_key(caller, owned_by(index, "busy"))} == keys
        gone = sorted(keys)[50:]
        caller.do(delist_many(index, "busy", gone))
        caller.do(delist_many(index, "busy", []))
        caller.do(delist_many(index, "nobody", gone))
        assert {*every_key(caller, owned_by(index, "busy"))} == {*sorted(keys)[:50]}
        assert self._owned(caller, store, "owner 7") == {sorted(keys)[7]}

    def test_noting_an_owner_makes_and_changes_no_record(
        self, caller: Caller, store: Store
    ) -> None:
        index = cast("OwnerIndex", store)
        caller.do(index.enlist("ann", "key", lifetime=100))
        assert caller.do(store.load("key", renew=None)) is None
        assert caller.do(store.create("key", make_record(1), lifetimes=self.lifetimes)) is True
        assert self._owned(caller, store, "ann") == {"key"}
        caller.do(index.delist("ann", "key"))
        assert caller.do(store.load("key", renew=None)) == make_record(1)

    def test_a_note_lives_as_long_as_it_was_asked_to(
        self, caller: Caller, store: Store, clock: ManualClock
    ) -> None:
        index = cast("OwnerIndex", store)
        # As long as the flow requests: two of the longest timeouts, and some more.
        caller.do(index.enlist("ann", "long", lifetime=2 * LONGEST + 60))
        for key in ("brief", "again"):
            caller.do(index.enlist("ann", key, lifetime=1))
        caller.do(index.enlist("ben", "brief", lifetime=1))
        caller.do(index.enlist("ann", "again", lifetime=100))
        assert {"long", "again"} <= self._owned(caller, store, "ann")
        # At least: a store may keep a note for longer, because a note is not a session.
        self.let_pass(clock, 1 + self.resolution if self.own_clock else 99)
        assert {"long", "again"} <= self._owned(caller, store, "ann")

    def test_two_callers_note_keys_of_one_owner_and_lose_none(
        self, caller: Caller, opened: Callable[[], Store]
    ) -> None:
        def enlists(name: str) -> Callable[[Store, str], Steps[object]]:
            return lambda store, key: cast("OwnerIndex", store).enlist(
                key, f"{key} {name}", lifetime=100
            )

        def delists(store: Store, key: str) -> Steps[object]:
            return cast("OwnerIndex", store).delist(key, f"{key} old")

        for pair, left in (
            ((enlists("one"), enlists("other")), ("old", "one", "other")),
            ((enlists("one"), delists), ("one",)),
        ):
            for _, key, store in interleavings(
                caller,
                opened,
                pair,
                prepare=lambda store, key: caller.do(enlists("old")(store, key)),
            ):
                assert self._owned(caller, store, key) == {f"{key} {name}" for name in left}
                for name in left:
                    caller.do(cast("OwnerIndex", store).delist(key, f"{key} {name}"))


class ListContract(Contract):
    """For a store with `keys_page`.

    A store may find a key by the sid that a record holds: see core.record.sid_of.
    """

    def _fill(self, caller: Caller, store: Store, prefix: str, count: int) -> set[str]:
        keys: set[str] = set()
        for number in range(count):
            sid = number.to_bytes(SID_BYTES, "big")
            key, record = prefix + text(sid), make_record(1, payload=sid)
            assert caller.do(store.create(key, record, lifetimes=self.lifetimes)) is True
            keys.add(key)
        return keys

    def _keys(self, caller: Caller, store: Store, prefix: str) -> list[str]:
        """List the keys that are a prefix and a sid; a store may list other keys, too."""
        listed = cast("Listable", store)
        found = every_key(caller, lambda after: listed.keys_page(prefix, after=after))
        return [key for key in found if len(key) == len(prefix) + len(text(bytes(SID_BYTES)))]

    def test_the_keys_of_a_prefix_are_listed_and_no_others(
        self, caller: Caller, store: Store
    ) -> None:
        keys = {prefix: self._fill(caller, store, prefix, 3) for prefix in PREFIXES}
        for prefix, theirs in keys.items():
            assert sorted(self._keys(caller, store, prefix)) == sorted(theirs), prefix
        assert self._keys(caller, store, "none:") == []

    def test_many_keys_are_listed_and_none_is_left_out(self, caller: Caller, store: Store) -> None:
        keys = self._fill(caller, store, "session:", 300)
        assert {*self._keys(caller, store, "session:")} == keys

    def test_so_few_keys_at_a_time_are_all_of_them_too(self, caller: Caller, store: Store) -> None:
        keys = self._fill(caller, store, "session:", 60)
        _ = self._fill(caller, store, "another:", 60)
        listed = cast("Listable", store)
        for limit in (1, 7):
            found: set[str] = set()
            page = caller.do(listed.keys_page("session:", after=None, limit=limit))
            while page.after is not None:
                # Approximately this many: a store may be unable to separate some keys.
                assert len(page.keys) < limit + 20
                found |= {*page.keys}
                page = caller.do(listed.keys_page("session:", after=page.after, limit=limit))
            assert {*found, *page.keys} == keys

    def test_notes_of_owners_are_no_records(self, caller: Caller, store: Store) -> None:
        keys = self._fill(caller, store, "session:", 2)
        if isinstance(store, OwnerIndex):
            for key in (*keys, "session:" + text(bytes([1] * SID_BYTES))):
                caller.do(store.enlist("ann", key, lifetime=100))
        assert {*self._keys(caller, store, "session:")} == keys


class RereadContract(Contract):
    """For a store with `load_again`."""

    def test_what_is_read_again_is_what_is_stored_whatever_was_doubted(
        self, caller: Caller, store: Store
    ) -> None:
        doubted, record = make_record(1, payload=b"another's"), make_record(2, payload=b"its own")
        assert caller.do(store.create("key", record, lifetimes=self.lifetimes)) is True
        again = cast("Rereading", store).load_again
        for answer in (None, b"", doubted, record, None):
            assert caller.do(again("key", doubted=answer)) == record
        for answer in (doubted, None):
            assert caller.do(again("none", doubted=answer)) is None
        assert caller.do(store.load("key", renew=self.lifetimes)) == record


class PurgeContract(Contract):
    """For a store with `purge`, which uses the test's clock."""

    def test_purge_deletes_what_has_expired_and_nothing_else(
        self, caller: Caller, store: Store, clock: ManualClock
    ) -> None:
        purgeable = cast("Purgeable", store)
        assert caller.do(purgeable.purge()) == 0
        brief, long = Lifetimes(10, 10), Lifetimes(11, 11)
        for number in range(_EXPIRED):
            _ = caller.do(store.create(f"dead {number}", make_record(1), lifetimes=brief))
        for number in range(3):
            _ = caller.do(store.create(f"live {number}", make_record(1), lifetimes=long))
        clock.advance(9)
        assert caller.do(purgeable.purge()) == 0
        clock.advance(1)
        assert caller.do(purgeable.purge()) == _EXPIRED
        assert caller.do(purgeable.purge()) == 0
        for number in range(3):
            assert caller.do(store.load(f"live {number}", renew=None)) == make_record(1)
        assert caller.do(store.create("dead 0", make_record(2), lifetimes=long)) is True

    def test_purge_keeps_the_notes_of_live_sessions(
        self, caller: Caller, store: Store, clock: ManualClock
    ) -> None:
        if not isinstance(store, OwnerIndex):
            return
        caller.do(store.enlist("ann", "brief", lifetime=10))
        caller.do(store.enlist("ann", "long", lifetime=100))
        clock.advance(99)
        _ = caller.do(cast("Purgeable", store).purge())
        assert "long" in set(caller.do(store.owned("ann")))

    def test_a_session_made_beside_a_purge_survives_it(
        self, caller: Caller, opened: Callable[[], Store], clock: ManualClock
    ) -> None:
        def prepare(store: Store, key: str) -> None:
            _ = caller.do(store.create(key, make_record(1), lifetimes=Lifetimes(10, 10)))
            clock.advance(10)

        def creates(store: Store, key: str) -> Steps[object]:
            return store.create(key, make_record(2), lifetimes=self.lifetimes)

        def purges(store: Store, key: str) -> Steps[object]:
            del key
            return cast("Purgeable", store).purge()

        for ended, key, store in interleavings(caller, opened, (purges, creates), prepare=prepare):
            assert ended.first in (0, 1)
            assert ended.second is True
            assert caller.do(store.load(key, renew=None)) == make_record(2)
