"""When records expire, and how long they live."""

from __future__ import annotations

import time

import pytest

from ..core.steps import Steps
from ..core.store import Dated, DatedRecord, Lifetimes, Outcome, Store, capabilities_of
from .caller import Caller, Contract, ManualClock, make_record, revision

# How often to repeat a wait that a busy machine made too long to judge.
_ATTEMPTS = 3
LONGEST = 2**31 - 1  # the longest timeout that an application may set, in seconds
_DAY = 86_400
# By how much a clock may be wrong for a while, and with which timeouts, in seconds.
ERRORS = (10, 59, 61, 600, 3000, 3600, _DAY, 31 * _DAY, 365 * _DAY)
TIMEOUTS = (600, 3600, _DAY, 31 * _DAY)


class TimeContract(Contract):
    """Idle timeouts."""

    def test_an_expired_record_is_invisible_to_every_method(
        self, caller: Caller, store: Store, clock: ManualClock
    ) -> None:
        brief = Lifetimes(browser=1, permanent=1)
        names = ("load", "peek", "commit", "quiet commit", "remove", "stale remove", "create")
        for key in names:
            assert caller.do(store.create(key, make_record(1), lifetimes=brief)) is True
        self.let_pass(clock, 1 + self.resolution if self.own_clock else 1)
        long, newer = self.lifetimes, make_record(2)
        steps: dict[str, Steps[object]] = {
            "load": store.load("load", renew=long),
            "peek": store.load("peek", renew=None),
            "commit": store.commit("commit", newer, expected=revision(1), renew=long),
            "quiet commit": store.commit("quiet commit", newer, expected=revision(1), renew=None),
            "remove": store.remove("remove", expected=None),
            "stale remove": store.remove("stale remove", expected=revision(9)),
            "create": store.create("create", newer, lifetimes=long),
        }
        assert {key: caller.do(each) for key, each in steps.items()} == {
            "load": None,
            "peek": None,
            "commit": Outcome.GONE,
            "quiet commit": Outcome.GONE,
            "remove": Outcome.GONE,
            "stale remove": Outcome.GONE,
            "create": True,
        }
        left = {key: caller.do(store.load(key, renew=None)) for key in names}
        assert left == {**dict.fromkeys(names), "create": newer}

    def test_only_what_renews_restarts_the_idle_timeout(
        self, caller: Caller, store: Store, clock: ManualClock
    ) -> None:
        expected = {
            "left alone": False,
            "peeked at": False,
            "loaded": True,
            "committed": True,
            "committed quietly": False,
            "refused a commit": False,
            "created again": False,
            "refused a removal": False,
        }
        # A machine that is too busy to keep the time proves nothing: try again.
        attempt, in_time, found = 0, False, expected
        while not in_time and attempt < _ATTEMPTS:
            attempt += 1
            found, in_time = self._after_two_pauses(
                caller, store, clock, f"{attempt} ", [*expected]
            )
        assert found == expected
        assert in_time, "the machine is too busy to tell"

    def _after_two_pauses(
        self, caller: Caller, store: Store, clock: ManualClock, prefix: str, names: list[str]
    ) -> tuple[dict[str, bool], bool]:
        """Return which records are alive after two pauses that together exceed the timeout."""
        lifetime = self.own_lifetime if self.own_clock else 100
        pause = (lifetime + self.resolution) / 2 + 0.02 if self.own_clock else 60
        same = Lifetimes(browser=lifetime, permanent=lifetime)
        for name in names:
            steps = store.create(prefix + name, make_record(1), lifetimes=same)
            assert caller.do(steps) is True
        self.let_pass(clock, pause)
        renewed = time.monotonic()
        newer, current, stale = make_record(2), revision(1), revision(9)
        for each in (
            store.load(prefix + "peeked at", renew=None),
            store.load(prefix + "loaded", renew=same),
            store.commit(prefix + "committed", newer, expected=current, renew=same),
            store.commit(prefix + "committed quietly", newer, expected=current, renew=None),
            store.commit(prefix + "refused a commit", newer, expected=stale, renew=same),
            store.create(prefix + "created again", newer, lifetimes=same),
            store.remove(prefix + "refused a removal", expected=stale),
        ):
            _ = caller.do(each)
        self.let_pass(clock, pause)
        left = {name: caller.do(store.load(prefix + name, renew=None)) for name in names}
        in_time = time.monotonic() - renewed < lifetime - self.resolution
        return {name: record is not None for name, record in left.items()}, in_time

    def test_a_record_says_itself_which_idle_timeout_is_its(
        self, caller: Caller, store: Store, clock: ManualClock
    ) -> None:
        apart = Lifetimes(browser=1, permanent=10_000)
        turned = Lifetimes(browser=10_000, permanent=1)
        records = {False: make_record(1), True: make_record(1, permanent=True)}
        for permanent, record in records.items():
            other = make_record(2, permanent=not permanent)
            made = {"created": apart, "loaded": turned, "committed": turned}
            for name, lifetimes in made.items():
                key = f"{name} {permanent}"
                _ = caller.do(store.create(key, record, lifetimes=self.lifetimes))
                if name == "created":
                    _ = caller.do(store.remove(key, expected=None))
                    _ = caller.do(store.create(key, record, lifetimes=lifetimes))
            if capabilities_of(store).exact_renewal:
                _ = caller.do(store.load(f"loaded {permanent}", renew=turned))
            else:
                _ = caller.do(store.remove(f"loaded {permanent}", expected=None))
                _ = caller.do(store.create(f"loaded {permanent}", record, lifetimes=turned))
            # The new record's flag counts, not the old one's.
            steps = store.commit(f"committed {permanent}", other, expected=revision(1), renew=apart)
            assert caller.do(steps) is Outcome.WRITTEN
        self.let_pass(clock, 1 + self.resolution if self.own_clock else 1)
        names = [
            f"{name} {flag}" for name in ("created", "loaded", "committed") for flag in records
        ]
        assert {key: caller.do(store.load(key, renew=None)) is not None for key in names} == {
            "created False": False,
            "created True": True,
            "loaded False": True,
            "loaded True": False,
            "committed False": True,
            "committed True": False,
        }

    def test_a_record_may_have_an_idle_timeout_of_its_own(
        self, caller: Caller, store: Store, clock: ManualClock
    ) -> None:
        """It counts if `Lifetimes.own` is set, and replaces the other two."""
        short = self.own_lifetime if self.own_clock else 1
        long, without = Lifetimes(10_000, 10_000, own=True), Lifetimes(short, short)
        brief = Lifetimes(short, short, own=True)
        longer = make_record(1, lifetime=10_000, permanent=True)
        shorter, none = make_record(1, lifetime=short), make_record(2)
        for key, record, lifetimes in (
            ("created", longer, brief),
            ("created briefly", shorter, long),
            ("created without", longer, without),
            ("loaded briefly", shorter, self.lifetimes),
            ("committed", none, long),
            ("committed briefly", none, long),
            ("committed to none", longer, long),
        ):
            assert caller.do(store.create(key, record, lifetimes=lifetimes)) is True
        assert caller.do(store.load("loaded briefly", renew=long)) == shorter
        for key, record, lifetimes in (
            ("committed", longer, brief),
            ("committed briefly", shorter, long),
            ("committed to none", none, brief),
        ):
            expected = revision(1 if key == "committed to none" else 2)
            steps = store.commit(key, record, expected=expected, renew=lifetimes)
            assert caller.do(steps) is Outcome.WRITTEN
        self.let_pass(clock, short + self.resolution if self.own_clock else short)
        found = {
            key: caller.do(store.load(key, renew=None)) is not None
            for key in ("created", "committed", "created briefly", "created without")
        }
        assert found == {
            "created": True,
            "committed": True,
            "created briefly": False,
            "created without": False,
        }
        for key in ("loaded briefly", "committed briefly", "committed to none"):
            assert caller.do(store.load(key, renew=None)) is None, key

    @pytest.mark.parametrize("days", [30, 31, 400, LONGEST / 86_400])
    def test_idle_timeouts_may_be_long(
        self, caller: Caller, store: Store, clock: ManualClock, days: float
    ) -> None:
        """Some servers take large numbers of seconds for a date, or for nothing."""
        lifetime = int(days * 86_400)
        long = Lifetimes(browser=lifetime, permanent=lifetime)
        assert caller.do(store.create("key", make_record(1), lifetimes=long)) is True
        assert caller.do(store.load("key", renew=long)) == make_record(1)
        steps = store.commit("key", make_record(2), expected=revision(1), renew=long)
        assert caller.do(steps) is Outcome.WRITTEN
        assert caller.do(store.load("key", renew=None)) == make_record(2)
        if not self.own_clock:
            clock.advance(lifetime - 1)
            assert caller.do(store.load("key", renew=None)) == make_record(2)
            clock.advance(1 + self._lateness(store, lifetime))
            assert caller.do(store.load("key", renew=None)) is None

    def test_when_a_record_was_renewed_and_expires_is_told_by_a_store_that_can(
        self, caller: Caller, store: Store, clock: ManualClock
    ) -> None:
        if not isinstance(store, Dated):
            return
        lifetimes = Lifetimes(browser=600, permanent=6000, own=True)
        made = {
            "browser": (make_record(1), 600),
            "permanent": (make_record(1, permanent=True), 6000),
            "own": (make_record(1, lifetime=60_000), 60_000),
        }
        for key, (record, _) in made.items():
            assert caller.do(store.create(key, record, lifetimes=lifetimes)) is True
        keys = [*made, "none"]
        waited = 0 if self.own_clock else 100
        clock.advance(waited)
        for _ in range(2):  # loading dates renews nothing
            *found, none = caller.do(store.load_dated(keys, lifetimes=lifetimes))
            assert none is None
            for each, (record, lifetime) in zip(found, made.values(), strict=True):
                assert each is not None
                assert each.record == record
                self._check_dates(store, each, lifetime, waited)
        assert [*caller.do(store.load_dated([], lifetimes=lifetimes))] == []
        for key, (record, lifetime) in made.items():
            assert caller.do(store.load(key, renew=lifetimes)) == record
            (each,) = caller.do(store.load_dated([key], lifetimes=lifetimes))
            assert each is not None
            self._check_dates(store, each, lifetime, 0 if waited > lifetime // 10 else waited)

    def _check_dates(self, store: Store, each: DatedRecord, lifetime: int, waited: int) -> None:
        """Check that a record was renewed this many seconds ago, or since then."""
        assert each.idle is not None
        assert each.left is not None
        lateness = self._lateness(store, lifetime)
        slack = 1 + (10 if self.own_clock else 0)  # moments are whole seconds; a busy machine
        assert -slack <= each.idle <= waited + slack
        assert lifetime - waited - slack <= each.left <= lifetime + lateness + slack
        assert abs(each.idle + each.left - lifetime) <= lateness + slack

    @staticmethod
    def _lateness(store: Store, lifetime: int) -> int:
        """Return the seconds by which a record may expire too late; it never may too early."""
        return 0 if capabilities_of(store).exact_renewal else lifetime // 10

    def test_renewal_is_as_exact_as_the_store_says(
        self, caller: Caller, store: Store, clock: ManualClock
    ) -> None:
        """A store that is not exact ends a session too late rather than too early."""
        if self.own_clock:
            assert capabilities_of(store).exact_renewal, (
                "only a store with a clock can be throttled"
            )
            return
        hundred = Lifetimes(browser=100, permanent=100)
        _ = caller.do(store.create("key", make_record(1), lifetimes=hundred))
        for pause in (1, 3, 10, 40):
            clock.advance(pause)
            _ = caller.do(store.load("key", renew=hundred))
            clock.advance(99)
            assert caller.do(store.load("key", renew=hundred)) == make_record(1)
        clock.advance(100 + self._lateness(store, 100))
        assert caller.do(store.load("key", renew=None)) is None

    def test_what_one_clock_ended_no_later_one_shows(
        self, caller: Caller, store: Store, clock: ManualClock
    ) -> None:
        """A clock may be wrong for a while, and set right; a session that was refused stays so."""
        if self.own_clock:
            return
        brief, newer = Lifetimes(browser=100, permanent=100), make_record(2)
        current, stale = revision(1), revision(9)
        meets: dict[str, Steps[object]] = {
            "load": store.load("load", renew=brief),
            "peek": store.load("peek", renew=None),
            "commit": store.commit("commit", newer, expected=current, renew=brief),
            "quiet commit": store.commit("quiet commit", newer, expected=current, renew=None),
            "stale commit": store.commit("stale commit", newer, expected=stale, renew=brief),
            "remove": store.remove("remove", expected=None),
            "exact remove": store.remove("exact remove", expected=current),
            "stale remove": store.remove("stale remove", expected=stale),
        }
        for key in meets:
            assert caller.do(store.create(key, make_record(1), lifetimes=brief)) is True
        ahead = 100 + self._lateness(store, 100)
        clock.advance(ahead)
        met = {key: caller.do(steps) for key, steps in meets.items()}
        assert set(met.values()) == {None, Outcome.GONE}
        clock.advance(-ahead)
        assert {key: caller.do(store.load(key, renew=None)) for key in meets} == dict.fromkeys(
            meets
        )
        for key in meets:
            steps = store.commit(key, newer, expected=current, renew=brief)
            assert caller.do(steps) is Outcome.GONE
            assert caller.do(store.load(key, renew=brief)) is None
            assert caller.do(store.create(key, make_record(3), lifetimes=brief)) is True

    @pytest.mark.parametrize("lifetime", TIMEOUTS)
    def test_a_clock_that_was_wrong_leaves_no_longer_life_than_the_timeout(
        self, caller: Caller, store: Store, clock: ManualClock, lifetime: int
    ) -> None:
        if self.own_clock:
            return
        same = Lifetimes(browser=lifetime, permanent=lifetime)
        for wrong in (*ERRORS, *(-error for error in ERRORS)):
            key = f"key {wrong}"
            assert caller.do(store.create(key, make_record(1), lifetimes=same)) is True
            seen: list[bool] = []
            # Wrong for one read; right again, twice; then the timeout passes, and more.
            for pause in (wrong, -wrong, 1, lifetime + self._lateness(store, lifetime), lifetime):
                clock.advance(pause)
                renew = same if len(seen) < 3 else None
                seen.append(caller.do(store.load(key, renew=renew)) is not None)
            assert seen == sorted(seen, reverse=True), f"{wrong} s: it came back"
            assert not any(seen[3:]), f"{wrong} s: it lived too long"
            if abs(wrong) <= min(60, lifetime):
                assert all(seen[:3]), f"{wrong} s: it was lost"
