"""The public module for authors of stores: the parts of a store.

A store that writes its methods as steps serves Flask and Quart from one body. A store in plain
`def` or `async def` is wrapped in `FromSync` or `FromAsync`. Its settings are declared with
`setting`, and passed to its `open_store` by `with_settings`. `samesession.testing` is the contract
that it then passes; docs/stores/write-your-own.md builds one.

.. versionadded:: 1.0
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from ..core.clock_difference import clock_finding, seconds_ahead
from ..core.findings import Finding, Level, not_looked_at
from ..core.record import lifetime_of, revision_of, secret_of
from ..core.steps import Steps, call, call_long, checkpoint, wait
from ..core.store import (
    Batches,
    Capabilities,
    Clock,
    Colour,
    Conflict,
    Dated,
    DatedRecord,
    Examinable,
    Foreign,
    ForeignRecords,
    KeyPage,
    Lifetimes,
    Listable,
    Located,
    Notifies,
    Openable,
    Outcome,
    OwnerIndex,
    PagedOwnerIndex,
    Pingable,
    Purgeable,
    Reach,
    Rereading,
    Store,
    capabilities_of,
)
from ..errors import StoreUnavailable
from ..reading_settings import (
    Setting,
    anything,
    flag,
    number,
    optional,
    seconds,
    setting,
    settings_table,
    text,
)
from ..run.clocks import system_time
from ..settings import Config
from .kit.opener import Opener, with_settings

__all__ = [
    "AsyncStore",
    "Batches",
    "Capabilities",
    "Clock",
    "Colour",
    "Config",
    "Conflict",
    "Dated",
    "DatedRecord",
    "Examinable",
    "Finding",
    "Foreign",
    "ForeignRecords",
    "FromAsync",
    "FromSync",
    "KeyPage",
    "Level",
    "Lifetimes",
    "Listable",
    "Located",
    "Notifies",
    "Openable",
    "Opener",
    "Outcome",
    "OwnerIndex",
    "PagedOwnerIndex",
    "Pingable",
    "Purgeable",
    "Reach",
    "Rereading",
    "Setting",
    "Steps",
    "Store",
    "StoreUnavailable",
    "SyncStore",
    "anything",
    "call",
    "checkpoint",
    "clock_finding",
    "flag",
    "lifetime_of",
    "not_looked_at",
    "number",
    "optional",
    "revision_of",
    "seconds",
    "seconds_ahead",
    "secret_of",
    "setting",
    "settings_table",
    "system_time",
    "text",
    "wait",
    "with_settings",
]

T = TypeVar("T")

Outages = tuple[type[Exception], ...]

_METHODS = ("load", "create", "commit", "remove", "close")
_MANY = ("load_many", "load_dated", "remove_many", "owned_page", "delist_many", "keys_page")
_FOREIGN = ("load_foreign", "remove_foreign")
_ABILITIES = (
    *("enlist", "delist", "owned", "purge", "load_again", "ping", "findings"),
    *_MANY,
    *_FOREIGN,
)


# For stores in coroutines only: waiting for hours would take a thread.
_LISTENING = ("listen", "stop_listening")


class SyncStore(Protocol):
    """A store in plain functions; `enlist`, `delist`, `owned`, and `purge` may be added.

    The methods are those of `Store`, `OwnerIndex` and `Purgeable`, and several threads may call
    them at once. The methods of `Batches`, `Dated`, `PagedOwnerIndex` and `Listable`, for work on
    many sessions, may be added as well. So may those of `Rereading`, `Pingable` and `Examinable`,
    and the attribute `location`.

    .. versionadded:: 1.0
    """

    def load(self, key: str, *, renew: Lifetimes | None) -> bytes | None:
        """Read a record and, with `renew`, restart its idle timeout."""
        ...

    def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> bool:
        """Insert a record if there is none; return False if the key is taken."""
        ...

    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Outcome | Conflict:
        """Replace the record whose revision is `expected`; never create one."""
        ...

    def remove(self, key: str, *, expected: bytes | None) -> Outcome | Conflict:
        """Delete the record whose revision is `expected`, or any record with None."""
        ...

    def close(self) -> None:
        """Close connections; a later use opens them again."""
        ...


class AsyncStore(Protocol):
    """A store in coroutines; `enlist`, `delist`, `owned`, and `purge` may be added.

    The other additions of `SyncStore` are possible as well, and those of `Notifies`. A connection
    belongs to the event loop that opened it. An object may be used in several loops, one after the
    other: open connections on first use in each.

    .. versionadded:: 1.0
    """

    async def load(self, key: str, *, renew: Lifetimes | None) -> bytes | None:
        """Read a record and, with `renew`, restart its idle timeout."""
        ...

    async def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> bool:
        """Insert a record if there is none; return False if the key is taken."""
        ...

    async def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Outcome | Conflict:
        """Replace the record whose revision is `expected`; never create one."""
        ...

    async def remove(self, key: str, *, expected: bytes | None) -> Outcome | Conflict:
        """Delete the record whose revision is `expected`, or any record with None."""
        ...

    async def close(self) -> None:
        """Close this loop's connections; a later use opens them again."""
        ...


class _Wrapped:
    """Runs each method of the store inside as steps; has only the optional methods that it has."""

    # Set only if the store has them, so that `isinstance(..., OwnerIndex)` works.
    enlist: Callable[..., Steps[None]]
    delist: Callable[..., Steps[None]]
    owned: Callable[..., Steps[Iterable[str]]]
    purge: Callable[..., Steps[int]]
    load_many: Callable[..., Steps[Sequence[bytes | None]]]
    load_dated: Callable[..., Steps[Sequence[DatedRecord | None]]]
    remove_many: Callable[..., Steps[Sequence[bool]]]
    owned_page: Callable[..., Steps[KeyPage]]
    delist_many: Callable[..., Steps[None]]
    keys_page: Callable[..., Steps[KeyPage]]
    ping: Callable[..., Steps[None]]
    findings: Callable[..., Steps[Sequence[Finding]]]
    listen: Callable[..., Steps[Sequence[str]]]
    stop_listening: Callable[..., Steps[None]]

    def __init__(
        self,
        store: SyncStore | AsyncStore,
        outages: Outages,
        abilities: Sequence[str] = _ABILITIES,
    ) -> None:
        self._store = store
        self._outages = outages
        self.capabilities = capabilities_of(store)
        self.system: str = getattr(store, "system", type(store).__name__)
        for name in abilities:
            method = getattr(store, name, None)
            if method is not None:
                # One piece of work, however much there is to delete: no deadline fits it.
                setattr(self, name, self._as_steps(method, bounded=name != "purge"))

    @property
    def location(self) -> str:
        """Where the inner store keeps its records, or else its kind."""
        inside = self._store
        return inside.location if isinstance(inside, Located) else type(inside).__name__

    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        """Read a record and, with `renew`, restart its idle timeout."""
        found: bytes | None = yield from self._do(self._store.load, key, renew=renew)
        return found

    def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> Steps[bool]:
        """Insert a record if there is none."""
        steps = self._do(self._store.create, key, record, lifetimes=lifetimes)
        created: bool = yield from steps
        return created

    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Steps[Outcome | Conflict]:
        """Replace the record with the expected revision."""
        steps = self._do(self._store.commit, key, record, expected=expected, renew=renew)
        outcome: Outcome | Conflict = yield from steps
        return outcome

    def remove(self, key: str, *, expected: bytes | None) -> Steps[Outcome | Conflict]:
        """Delete the record with the expected revision, or any record with None."""
        outcome: Outcome | Conflict = yield from self._do(
            self._store.remove, key, expected=expected
        )
        return outcome

    def close(self) -> Steps[None]:
        """Close connections."""
        yield from self._do(self._store.close)

    def _as_steps(
        self, method: Callable[..., object], *, bounded: bool
    ) -> Callable[..., Steps[Any]]:
        def steps(*args: object, **named: object) -> Steps[Any]:
            if not bounded:
                yield from checkpoint(bounded=False)
            return (yield from self._do(method, *args, **named))

        return steps

    # Any: the methods' answers are typed where the methods are named above.
    def _do(self, method: Callable[..., object], *args: object, **named: object) -> Steps[Any]:
        try:
            return (yield from self._ask(method, *args, **named))
        except self._outages as error:
            # The text may hold an address or a record; the type is enough.
            raise StoreUnavailable(f"the store failed: {type(error).__name__}") from error

    def _ask(self, method: Callable[..., Any], *args: object, **named: object) -> Steps[Any]:
        raise NotImplementedError


class FromSync(_Wrapped):
    """A store in plain functions: in place for Flask, in threads for Quart."""

    colours = Colour.BOTH

    def __init__(self, store: SyncStore, *, outages: Outages = ()) -> None:
        """Wrap a store; `outages` are the errors that become StoreUnavailable.

        A request that is given up leaves its thread running, so each method must be atomic by
        itself. Raises TypeError if it is not such a store.
        """
        _check(store, coroutines=False)
        super().__init__(store, outages)
        self._purge = getattr(store, "purge", None)

    def _ask(self, method: Callable[..., Any], *args: object, **named: object) -> Steps[Any]:
        doing = call_long if method == self._purge else call
        return (yield from doing(method, *args, **named))


class FromAsync(_Wrapped):
    """A store in coroutines: for Quart."""

    colours = Colour.ASYNC

    def __init__(self, store: AsyncStore, *, outages: Outages = ()) -> None:
        """Wrap a store; `outages` are the errors that become StoreUnavailable.

        Raises TypeError if it is not such a store.
        """
        _check(store, coroutines=True)
        super().__init__(store, outages, (*_ABILITIES, *_LISTENING))

    def _ask(
        self, method: Callable[..., Awaitable[Any]], *args: object, **named: object
    ) -> Steps[Any]:
        return (yield from wait(method(*args, **named)))


def _check(store: object, *, coroutines: bool) -> None:
    """Refuse at once a method that would return a coroutine as data, or block an event loop."""
    kind = "async def" if coroutines else "def"
    wrapper = "FromAsync" if coroutines else "FromSync"
    listening = _LISTENING if coroutines else ()
    for name in (*_METHODS, *_ABILITIES, *listening):
        method = getattr(store, name, None)
        if method is None and name not in _METHODS:
            continue
        if not callable(method) or inspect.iscoroutinefunction(method) is not coroutines:
            raise TypeError(
                f"{wrapper} takes a store whose methods are written with {kind}: "
                f"{type(store).__name__}.{name} is not"
            )
