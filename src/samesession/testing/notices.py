"""The ability to report at once which sessions have ended, for open sockets."""

from __future__ import annotations

from typing import cast

from ..core.record import SID_END
from ..core.store import Colour, Notifies, Store
from .caller import Caller, Contract, make_record, revision

_MOST = 10  # answers, of which one must contain the expected key


def _record(number: int, secret: bytes) -> bytes:
    sid_end = len(make_record(number, payload=b""))
    return make_record(number, payload=bytes(SID_END - sid_end) + secret * 32 + b"data")


class NoticesContract(Contract):
    """For a store with `listen`, which event loops call: no test uses threads."""

    def test_a_session_that_ends_is_told_of(self, caller: Caller, store: Store) -> None:
        if caller.colour is Colour.SYNC:
            return
        listening = cast("Notifies", store)
        assert [*caller.do(listening.listen())] == []
        for key in ("session:one", "session:two"):
            self._create(caller, store, key)
            _ = caller.do(store.remove(key, expected=revision(1)))
            self._hears(caller, listening, key)
        self._create(caller, store, "session:three")
        new = _record(2, b"b")
        _ = caller.do(store.commit("session:three", new, expected=revision(1), renew=None))
        self._hears(caller, listening, "session:three")
        caller.do(listening.stop_listening())

    def test_what_ends_while_nobody_listens_need_not_be_told(
        self, caller: Caller, store: Store
    ) -> None:
        if caller.colour is Colour.SYNC:
            return
        listening = cast("Notifies", store)
        for _ in range(2):
            caller.do(listening.stop_listening())  # which is not an error
        assert [*caller.do(listening.listen())] == []
        caller.do(listening.stop_listening())
        self._create(caller, store, "session:one")
        _ = caller.do(store.remove("session:one", expected=None))
        assert [*caller.do(listening.listen())] == []
        self._create(caller, store, "session:two")
        _ = caller.do(store.remove("session:two", expected=None))
        self._hears(caller, listening, "session:two")

    def _create(self, caller: Caller, store: Store, key: str) -> None:
        steps = store.create(key, _record(1, b"a"), lifetimes=self.lifetimes)
        assert caller.do(steps) is True

    @staticmethod
    def _hears(caller: Caller, listening: Notifies, key: str) -> None:
        """Listen until a key is reported; other keys may come, too."""
        heard = (key in caller.do(listening.listen()) for _ in range(_MOST))
        assert any(heard), key
