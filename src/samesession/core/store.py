"""What a store is: the protocol, which callers it serves, and its outcomes.

A store files opaque bytes under a key. It reads four things of a record, through
`record.revision_of`, `record.lifetime_of`, `record.sid_of` and `record.secret_of`, and nothing
else.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from .findings import Finding
from .steps import Steps

Clock = Callable[[], float]


class Colour(enum.Flag):
    """Who may drive a store: Flask is SYNC, Quart is ASYNC."""

    SYNC = enum.auto()
    ASYNC = enum.auto()
    BOTH = SYNC | ASYNC


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Idle timeouts in whole seconds: of a browser session, and of a permanent one.

    `own`: a record may ask for another one, of its own; see `record.lifetime_of`.
    """

    browser: int
    permanent: int
    own: bool = False

    @property
    def longest(self) -> int:
        """The longer of the two."""
        return max(self.browser, self.permanent)

    @property
    def are_one(self) -> bool:
        """Whether all records have one timeout, so that it is known before a record is read."""
        return self.browser == self.permanent and not self.own


class Outcome(enum.Enum):
    """How a commit or a removal ended, when no newer record stood in its way."""

    WRITTEN = enum.auto()
    GONE = enum.auto()


@dataclass(frozen=True, slots=True)
class Conflict:
    """The record has another revision: here is what stands there now."""

    record: bytes


class Reach(enum.Enum):
    """Who sees what a store files: this process, this machine, or all that reach a server."""

    PROCESS = enum.auto()
    MACHINE = enum.auto()
    NETWORK = enum.auto()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a store promises where the presence of a method does not say it.

    `exact_renewal`: every renewing load restarts the idle timeout; otherwise it may
    put that off, and a record may live a tenth of the timeout too long: see core.idle_renewal.
    `evicts`: a live record may be dropped for want of room.
    `takes_records`: a commit may be given all bytes of the record that it expects, not only
    its revision, where they are known: a store may compare those at less cost.
    """

    reach: Reach = Reach.NETWORK
    exact_renewal: bool = True
    evicts: bool = False
    takes_records: bool = False


def capabilities_of(store: object) -> Capabilities:
    """Return what a store states in its attribute `capabilities`, or the defaults."""
    found = getattr(store, "capabilities", None)
    return found if isinstance(found, Capabilities) else Capabilities()


class Store(Protocol):
    """Files records. Every method is steps: see `samesession.core.steps`.

    An expired record is invisible to every method, and deleted by the first that meets
    it: no clock which is set right later shows it again. A failure is `StoreUnavailable`;
    nothing is ever half done.
    """

    @property
    def colours(self) -> Colour:
        """The callers that this store serves."""
        ...

    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        """Read a record and, with `renew`, restart its idle timeout: one round trip."""
        ...

    def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> Steps[bool]:
        """Insert a record where none is; False when the key is taken."""
        ...

    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Steps[Outcome | Conflict]:
        """Replace the record whose revision is `expected`; never create one.

        `expected` may be all of that record to a store that takes it: see Capabilities.
        Without `renew` the idle timeout runs on.
        """
        ...

    def remove(self, key: str, *, expected: bytes | None) -> Steps[Outcome | Conflict]:
        """Delete the record whose revision is `expected`, or with None whichever is there."""
        ...

    def close(self) -> Steps[None]:
        """Let go of this process's and event loop's connections; a later use opens anew."""
        ...


@runtime_checkable
class Rereading(Protocol):
    """The ability to read a record so that the answer cannot be another question's.

    Where a network drops or doubles an answer, a connection whose answers have no names
    gives each question its neighbour's from then on. Such a store is asked again before a
    user is logged out for what it answered.
    """

    def load_again(self, key: str, *, doubted: bytes | None) -> Steps[bytes | None]:
        """Read a record without renewing it; `doubted`: what `load` has just answered.

        That is None, or no record of the key's: then another connection is asked. Where
        the answers differ, the store lets go of the first connection; where they are
        the same, of none, as whoever writes one record must not cut everybody off.
        The deadline is that of `load`. Raises StoreUnavailable.
        """
        ...


@runtime_checkable
class OwnerIndex(Protocol):
    """The ability to list the keys of an owner's sessions."""

    def enlist(self, owner: str, key: str, *, lifetime: int) -> Steps[None]:
        """Note that a key belongs to an owner, for at least `lifetime` seconds."""
        ...

    def delist(self, owner: str, key: str) -> Steps[None]:
        """Forget that a key belongs to an owner."""
        ...

    def owned(self, owner: str) -> Steps[Iterable[str]]:
        """List the keys noted for an owner; some may have expired since."""
        ...


@dataclass(frozen=True, slots=True)
class KeyPage:
    """Some of many keys; `after`: what to ask for the next ones with, None at the end.

    What stands behind the last page, and how a page is ordered, is the store's own. A key
    that is there from the first page to the last is in one of them at least.
    """

    keys: Sequence[str]
    after: str | None


@runtime_checkable
class Batches(Protocol):
    """The ability to do for many keys at once what a `Store` does for one.

    A batch has the deadline of one operation: see core.batches, which is content with
    a store that lacks the ability.
    """

    def load_many(self, keys: Sequence[str]) -> Steps[Sequence[bytes | None]]:
        """Read records without renewing them, in the order of the keys.

        None stands for one that is missing, and for what cannot be read as a record.
        """
        ...

    def remove_many(self, keys: Sequence[str]) -> Steps[Sequence[bool]]:
        """Delete records, whatever their revision; tell of each whether it was there.

        Of two at once that delete the same record both may say so.
        """
        ...


@dataclass(frozen=True, slots=True)
class DatedRecord:
    """A record; when its idle timeout was restarted last, and when it expires, if that is known.

    `idle`: how many seconds ago, by what the store keeps, as finely as it renews. `left`: in
    how many seconds. So nothing depends on whose clock it is.
    """

    record: bytes
    idle: float | None
    left: float | None


@runtime_checkable
class Dated(Protocol):
    """The ability to tell of many records when they were renewed, and when they expire."""

    def load_dated(
        self, keys: Sequence[str], *, lifetimes: Lifetimes
    ) -> Steps[Sequence[DatedRecord | None]]:
        """Do as `Batches.load_many`; `lifetimes`: those that records were renewed for.

        A store that keeps when a record expires knows by them when it was renewed: that is
        `record.lifetime_of` before.
        """
        ...


@runtime_checkable
class PagedOwnerIndex(Protocol):
    """The ability to list an owner's keys in parts, and to forget many at once."""

    def owned_page(self, owner: str, *, after: str | None) -> Steps[KeyPage]:
        """List some of the keys noted for an owner; `after`: of the page before."""
        ...

    def delist_many(self, owner: str, keys: Sequence[str]) -> Steps[None]:
        """Forget that keys belong to an owner."""
        ...


@runtime_checkable
class Listable(Protocol):
    """The ability to list the keys of all records, whoever's they are."""

    def keys_page(
        self, prefix: str, *, after: str | None, limit: int | None = None
    ) -> Steps[KeyPage]:
        """List some of the keys that begin with a prefix; `after`: of the page before.

        `limit`: how many are wanted, about; a store may look at so many of all its keys.
        """
        ...


class Foreign(NamedTuple):
    """What another library has filed; the data stays out of `repr`.

    `expires`: in seconds since 1970; None where the server does not say.
    """

    data: bytes
    expires: int | None

    def __repr__(self) -> str:
        return f"Foreign({len(self.data)} bytes)"


@runtime_checkable
class ForeignRecords(Protocol):
    """The ability to read and delete what another library has filed in the same server.

    What is read is bounded in size as a record is: a larger one raises BadRecord.
    """

    def load_foreign(self, key: str) -> Steps[Foreign | None]:
        """Read what another library has filed under a key, prefix and all; None where that expired.

        Raises BadRecord for what cannot be a session of another library's, and StoreUnavailable.
        """
        ...

    def remove_foreign(self, key: str) -> Steps[None]:
        """Delete what another library has filed under a key, if it is there."""
        ...


@runtime_checkable
class Notifies(Protocol):
    """The ability to tell a process, at once, which sessions have ended in any process.

    For sockets that are open; what a store cannot tell, it is asked for every second or so.
    """

    def listen(self) -> Steps[Sequence[str]]:
        """Wait for the keys of records that were deleted, or given another secret.

        However long that takes, and whoever did it; keys that were not may be among them. The
        first call answers as soon as it listens, with no key. Records that merely expire need
        not be told of. Raises StoreUnavailable where some may have been missed: the next call
        listens anew. Raises NotSupported where nothing can be told, as for want of permission.
        """
        ...

    def stop_listening(self) -> Steps[None]:
        """Let go of what this event loop listens by, though `listen` is under way."""
        ...


@runtime_checkable
class Located(Protocol):
    """A store that can say where its records are."""

    @property
    def location(self) -> str:
        """The place, for an operator to read: directory, server, table. Never a password."""
        ...


@runtime_checkable
class Examinable(Protocol):
    """The ability to say how the server, or what else keeps the records, is set up."""

    def findings(self, clock: Clock) -> Steps[Sequence[Finding]]:
        """Look, change nothing, and judge; `clock`: the application's.

        What must not be looked at is a finding, too: `findings.not_looked_at`. Raises
        StoreUnavailable where the store is down.
        """
        ...


@runtime_checkable
class Purgeable(Protocol):
    """The ability, and the need, to have expired records deleted now and then."""

    def purge(self) -> Steps[int]:
        """Delete what has expired; answer how many records that were."""
        ...


@runtime_checkable
class Pingable(Protocol):
    """The ability to say whether the store would answer: see core.health.

    For a store of which a read says too little, such as one on several servers.
    """

    def ping(self) -> Steps[None]:
        """Raise StoreUnavailable where reads would fail; make and change nothing.

        The deadline is that of one operation, whatever it looks at.
        """
        ...


@runtime_checkable
class Preparable(Protocol):
    """The need to have tables or the like made, once, before the first request."""

    def prepare(self) -> Steps[None]:
        """Make what is missing; leave what is there alone."""
        ...


@runtime_checkable
class Openable(Protocol):
    """A store that becomes one for Flask or one for Quart when an app takes it."""

    def open_for(self, colour: Colour) -> Store:
        """Return the store for callers of that colour."""
        ...
