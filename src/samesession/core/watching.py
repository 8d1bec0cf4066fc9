"""Check sessions that are open for long: which of them still exist, and until when.

A session is suspect if its record is missing, expired or damaged, or has a secret that its request
does not know. Then `Reloader.confirm` checks more closely: the answer may belong to another
question, or a save of the same request may be running.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ..errors import BadRecord
from . import policy
from .batches import KeyWalk, load_dated
from .policy import Rules
from .record import Opens, lifetime_of
from .request_state import SessionState, state_of
from .session import ServerSession
from .steps import Steps, done
from .store import Clock, DatedRecord, KeyPage, Store


class Sight(NamedTuple):
    """The state of a session.

    `until`: when it expires, by the clock, as far as known; `lifetime`: its idle timeout.
    """

    suspected: bool
    until: float = math.inf
    lifetime: int = 0


_NOT_BEGUN = Sight(suspected=False)
_SUSPECTED = Sight(suspected=True)


class Lookout:
    """Checks open sessions."""

    def __init__(self, store: Store, *, rules: Rules, records: Opens, clock: Clock) -> None:
        self._store = store
        self._rules = rules
        self._records = records
        self._clock = clock

    def look(self, sessions: Sequence[ServerSession]) -> Steps[list[Sight]]:
        """Check sessions in batches, without restarting idle timeouts. Raises StoreUnavailable.

        Sessions that share a record cost one read.
        """
        states = [*map(state_of, sessions)]
        by_key: dict[str, list[int]] = {}
        for index, state in enumerate(states):
            if state.loaded is not None:
                key = self._rules.prefix + state.loaded.record.sid
                by_key.setdefault(key, []).append(index)
        sights = [_NOT_BEGUN] * len(states)
        walk = KeyWalk(lambda _: done(KeyPage([*by_key], None)), wanted=lambda _: True)
        while keys := (yield from walk.batch()):
            found = yield from load_dated(self._store, keys, self._rules.lifetimes)
            walk.weigh(sum(len(each.record) for each in found if each is not None))
            for key, each in zip(keys, found, strict=True):
                for index in by_key[key]:
                    sights[index] = self._sight(key, states[index], each)
        return sights

    def _sight(self, key: str, state: SessionState, found: DatedRecord | None) -> Sight:
        loaded, now = state.loaded, self._clock()
        if loaded is None or found is None:
            return _SUSPECTED
        try:
            record = self._records.open(key, found.record)
        except BadRecord:
            return _SUSPECTED
        if not loaded.is_of(record) or policy.is_over(record, now):
            return _SUSPECTED
        idle_end = math.inf if found.left is None else now + found.left
        until = min(idle_end, record.deadline or math.inf)
        lifetime = lifetime_of(found.record, self._rules.lifetimes)
        return Sight(suspected=False, until=until, lifetime=lifetime)
