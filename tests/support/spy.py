"""A store around another one that counts its calls, pauses at them, or fails them."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar, cast

from samesession.core.steps import Steps
from samesession.core.store import (
    Batches,
    Capabilities,
    Colour,
    Conflict,
    Dated,
    DatedRecord,
    KeyPage,
    Lifetimes,
    Listable,
    Openable,
    Outcome,
    OwnerIndex,
    PagedOwnerIndex,
    Purgeable,
    Store,
    capabilities_of,
)

T = TypeVar("T")

PATIENCE = 20.0  # seconds after which a test that would hang fails instead


class Gate:
    """A pause at one call of the store: the caller waits there until the test opens it."""

    def __init__(self, name: str, *, nth: int, after: bool) -> None:
        self.name = name
        self.after = after
        self._left = nth
        self._lock = threading.Lock()
        self._reached: Future[None] = Future()
        self._opened: Future[None] = Future()

    def claims(self, name: str) -> bool:
        """Internal: say whether this call is the one to pause at."""
        if name not in self.name.split("|"):
            return False
        with self._lock:
            self._left -= 1
            return self._left == 0

    async def reached(self) -> None:
        """Wait in an event loop until the caller stands at the gate."""
        waiting = asyncio.shield(asyncio.wrap_future(self._reached))
        await asyncio.wait_for(waiting, PATIENCE)

    def wait_reached(self) -> None:
        """Wait in a thread until the caller stands at the gate."""
        self._reached.result(PATIENCE)

    def open(self) -> None:
        """Let the caller go on."""
        if not self._opened.done():
            self._opened.set_result(None)

    def block(self) -> None:
        """Internal: wait as a thread."""
        self._reached.set_result(None)
        self._opened.result(PATIENCE)

    async def hold(self) -> None:
        """Internal: wait as a task; a cancellation passes through."""
        self._reached.set_result(None)
        await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._opened)), PATIENCE)


@dataclass
class Notes:
    """What all colours of one spy share."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    failures: dict[str, tuple[BaseException, bool]] = field(default_factory=dict)


class SpyStore:
    """Passes each call on to `inner`; `open_for` gives a spy with the same notes."""

    def __init__(
        self, inner: Store, *, colour: Colour | None = None, notes: Notes | None = None
    ) -> None:
        self.inner = inner
        self._colour = colour or inner.colours
        self._notes = notes or Notes()

    @property
    def colours(self) -> Colour:
        return self.inner.colours

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(takes_records=capabilities_of(self.inner).takes_records)

    def open_for(self, colour: Colour) -> SpyStore:
        inner = self.inner.open_for(colour) if isinstance(self.inner, Openable) else self.inner
        return type(self)(inner, colour=colour, notes=self._notes)

    # --- for tests ---------------------------------------------------------------------

    @property
    def calls(self) -> list[tuple[str, str]]:
        """The calls so far: the method's name, and the key or owner."""
        return self._notes.calls

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self._notes.calls]

    @property
    def counts(self) -> Counter[str]:
        return Counter(self.names)

    def reset(self) -> None:
        """Forget the calls so far."""
        self._notes.calls.clear()

    def pause(self, name: str, *, nth: int = 1, after: bool = False) -> Gate:
        """Pause the nth call of a method from now on, before or after it is done.

        `name` may be several methods' names: `commit|remove`.
        """
        gate = Gate(name, nth=nth, after=after)
        self._notes.gates.append(gate)
        return gate

    def fail(self, name: str, error: BaseException, *, after: bool = False) -> None:
        """Have every call of a method raise, before or after it is done, until `mend`."""
        self._notes.failures[name] = error, after

    def mend(self) -> None:
        self._notes.failures.clear()

    # --- the protocol ------------------------------------------------------------------

    def _around(self, name: str, key: str, steps: Steps[T]) -> Steps[T]:
        self._notes.calls.append((name, key))
        gates = [gate for gate in self._notes.gates if gate.claims(name)]
        for gate in gates:
            if not gate.after:
                yield from self._stand(gate)
        failure, late = self._notes.failures.get(name, (None, False))
        if failure is not None and not late:
            raise failure
        result = yield from steps
        if failure is not None:
            raise failure
        for gate in gates:
            if gate.after:
                yield from self._stand(gate)
        return result

    def _stand(self, gate: Gate) -> Steps[None]:
        if self._colour is Colour.ASYNC:
            yield gate.hold()
        else:
            gate.block()

    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        return self._around("load", key, self.inner.load(key, renew=renew))

    def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> Steps[bool]:
        return self._around("create", key, self.inner.create(key, record, lifetimes=lifetimes))

    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Steps[Outcome | Conflict]:
        steps = self.inner.commit(key, record, expected=expected, renew=renew)
        return self._around("commit", key, steps)

    def remove(self, key: str, *, expected: bytes | None) -> Steps[Outcome | Conflict]:
        return self._around("remove", key, self.inner.remove(key, expected=expected))

    def purge(self) -> Steps[int]:
        if not isinstance(self.inner, Purgeable):
            return _none()
        return self._around("purge", "", self.inner.purge())

    def close(self) -> Steps[None]:
        return self.inner.close()


class OwnersSpy(SpyStore):
    """A spy on a store that has an owner index."""

    def enlist(self, owner: str, key: str, *, lifetime: int) -> Steps[None]:
        return self._around("enlist", owner, self._index.enlist(owner, key, lifetime=lifetime))

    def delist(self, owner: str, key: str) -> Steps[None]:
        return self._around("delist", owner, self._index.delist(owner, key))

    def owned(self, owner: str) -> Steps[Iterable[str]]:
        return self._around("owned", owner, self._index.owned(owner))

    @property
    def _index(self) -> OwnerIndex:
        return cast("OwnerIndex", self.inner)


class ManySpy(OwnersSpy):
    """A spy on a store that can do many at once, too; the note of a call says how many."""

    def load_many(self, keys: Sequence[str]) -> Steps[Sequence[bytes | None]]:
        steps = cast("Batches", self.inner).load_many(keys)
        return self._around("load_many", str(len(keys)), steps)

    def load_dated(
        self, keys: Sequence[str], *, lifetimes: Lifetimes
    ) -> Steps[Sequence[DatedRecord | None]]:
        steps = cast("Dated", self.inner).load_dated(keys, lifetimes=lifetimes)
        return self._around("load_dated", str(len(keys)), steps)

    def remove_many(self, keys: Sequence[str]) -> Steps[Sequence[bool]]:
        steps = cast("Batches", self.inner).remove_many(keys)
        return self._around("remove_many", str(len(keys)), steps)

    def owned_page(self, owner: str, *, after: str | None) -> Steps[KeyPage]:
        steps = cast("PagedOwnerIndex", self.inner).owned_page(owner, after=after)
        return self._around("owned_page", owner, steps)

    def delist_many(self, owner: str, keys: Sequence[str]) -> Steps[None]:
        steps = cast("PagedOwnerIndex", self.inner).delist_many(owner, keys)
        return self._around("delist_many", str(len(keys)), steps)

    def keys_page(
        self, prefix: str, *, after: str | None, limit: int | None = None
    ) -> Steps[KeyPage]:
        steps = cast("Listable", self.inner).keys_page(prefix, after=after, limit=limit)
        return self._around("keys_page", prefix, steps)


def spy_on(store: Store) -> SpyStore:
    if all(isinstance(store, ability) for ability in (Batches, PagedOwnerIndex, Dated)):
        return ManySpy(store)
    return OwnersSpy(store) if isinstance(store, OwnerIndex) else SpyStore(store)


def _none() -> Steps[int]:
    yield from ()
    return 0
