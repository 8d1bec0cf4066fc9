"""The protocol of stores: which callers they serve, and the outcomes of their methods.

A store files opaque bytes under a key. It reads only four things of a record, through
`record.revision_of`, `record.lifetime_of`, `record.sid_of` and `record.secret_of`.
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
    """The kind of callers of a store: Flask is SYNC, Quart is ASYNC."""

    SYNC = enum.auto()
    ASYNC = enum.auto()
    BOTH = SYNC | ASYNC


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Idle timeouts in whole seconds: of a browser session, and of a permanent one.

    `own`: a record may have its own timeout; see `record.lifetime_of`.
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
    """The outcome of a commit or a removal that met no newer record."""

    WRITTEN = enum.auto()
    GONE = enum.auto()


@dataclass(frozen=True, slots=True)
class Conflict:
    """The record has another revision: here is the current one."""

    record: bytes


class Reach(enum.Enum):
    """The reach of a store's records: this process, this machine, or all clients of a server."""

    PROCESS = enum.auto()
    MACHINE = enum.auto()
    NETWORK = enum.auto()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Promises of a store that its methods alone do not show.

    `exact_renewal`: every renewing load restarts the idle timeout. Otherwise it may postpone that,
    and a record may live a tenth of the timeout too long: see core.idle_renewal. `evicts`: a live
    record may be dropped when memory is short. `takes_records`: a commit accepts all bytes of the
    expected record, if they are known, in place of its revision, because the store can compare them
    at less cost.
    """

    reach: Reach = Reach.NETWORK
    exact_renewal: bool = True
    evicts: bool = False
    takes_records: bool = False


def capabilities_of(store: object) -> Capabilities:
    """Return a store's attribute `capabilities`, or the defaults."""
    found = getattr(store, "capabilities", None)
    return found if isinstance(found, Capabilities) else Capabilities()


class Store(Protocol):
    """Files records. Every method is steps: see `samesession.core.steps`.

    An expired record is invisible to every method. The first method that finds it deletes it, so it
    does not come back when a clock is set right. A failure is `StoreUnavailable`; nothing is ever
    half done.
    """

    @property
    def colours(self) -> Colour:
        """The callers that this store serves."""
        ...

    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        """Read a record and, with `renew`, restart its idle timeout: one round trip."""
        ...

    def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> Steps[bool]:
        """Insert a record if there is none; return False if the key is taken."""
        ...

    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Steps[Outcome | Conflict]:
        """Replace the record whose revision is `expected`; never create one.

        `expected` may be the whole record for a store that takes it: see Capabilities. Without
        `renew` the idle timeout is not restarted.
        """
        ...

    def remove(self, key: str, *, expected: bytes | None) -> Steps[Outcome | Conflict]:
        """Delete the record whose revision is `expected`, or any record with None."""
        ...

    def close(self) -> Steps[None]:
        """Close the connections of this process and event loop; a later use opens them again."""
        ...


@runtime_checkable
class Rereading(Protocol):
    """The ability to read a record so that the answer cannot belong to another question.

    If a network drops or doubles an answer on a connection whose answers have no names, each
    question gets its neighbour's answer from then on. Such a store is asked again before a user is
    logged out because of its answer.
    """

    def load_again(self, key: str, *, doubted: bytes | None) -> Steps[bytes | None]:
        """Read a record without renewing it; `doubted` is the answer that `load` has just given.

        That is None, or not a record of the key. Then another connection is asked. If the answers
        differ, the store closes the first connection. If they are equal, it closes none, because an
        attacker who writes one record must not cut off everyone. The deadline is that of `load`.
        Raises StoreUnavailable.
        """
        ...


@runtime_checkable
class OwnerIndex(Protocol):
    """The ability to list the keys of an owner's sessions."""

    def enlist(self, owner: str, key: str, *, lifetime: int) -> Steps[None]:
        """Note that a key belongs to an owner, for at least `lifetime` seconds."""
        ...

    def delist(self, owner: str, key: str) -> Steps[None]:
        """Remove a key from an owner's entries."""
        ...

    def owned(self, owner: str) -> Steps[Iterable[str]]:
        """List the keys noted for an owner; some may have expired since."""
        ...


@dataclass(frozen=True, slots=True)
class KeyPage:
    """A page of keys; pass `after` to get the next page; None at the end.

    The order of a page, and the meaning of `after`, are up to the store. A key that exists from the
    first page to the last is in at least one of them.
    """

    keys: Sequence[str]
    after: str | None


@runtime_checkable
class Batches(Protocol):
    """The ability to do for many keys at once what a `Store` does for one.

    A batch has the deadline of one operation. core.batches also works with a store that lacks this
    ability.
    """

    def load_many(self, keys: Sequence[str]) -> Steps[Sequence[bytes | None]]:
        """Read records without renewing them, in the order of the keys.

        None stands for a missing record, and for bytes that cannot be read as a record.
        """
        ...

    def remove_many(self, keys: Sequence[str]) -> Steps[Sequence[bool]]:
        """Delete records, whatever their revision; return for each whether it existed.

        If two callers delete the same record at once, both may get True.
        """
        ...


@dataclass(frozen=True, slots=True)
class DatedRecord:
    """A record, with the times of its last renewal and its expiry, if known.

    `idle`: seconds since its idle timeout was last restarted, as precise as the store keeps it.
    `left`: seconds until it expires. Durations do not depend on whose clock is asked.
    """

    record: bytes
    idle: float | None
    left: float | None


@runtime_checkable
class Dated(Protocol):
    """The ability to return when records were last renewed, and when they expire."""

    def load_dated(
        self, keys: Sequence[str], *, lifetimes: Lifetimes
    ) -> Steps[Sequence[DatedRecord | None]]:
        """Do the same as `Batches.load_many`; `lifetimes`: those that records were renewed for.

        A store that keeps a record's expiry computes from them when it was renewed:
        `record.lifetime_of` seconds before.
        """
        ...


@runtime_checkable
class PagedOwnerIndex(Protocol):
    """The ability to list an owner's keys in pages, and to remove many at once."""

    def owned_page(self, owner: str, *, after: str | None) -> Steps[KeyPage]:
        """List some of the keys noted for an owner; `after`: from the page before."""
        ...

    def delist_many(self, owner: str, keys: Sequence[str]) -> Steps[None]:
        """Remove keys from an owner's entries."""
        ...


@runtime_checkable
class Listable(Protocol):
    """The ability to list the keys of all records, of all owners."""

    def keys_page(
        self, prefix: str, *, after: str | None, limit: int | None = None
    ) -> Steps[KeyPage]:
        """List some of the keys that start with a prefix; `after`: from the page before.

        `limit`: how many keys are wanted, approximately; a store may look at that many of all its
        keys.
        """
        ...


class Foreign(NamedTuple):
    """Another library's entry; the data stays out of `repr`.

    `expires`: in seconds since 1970; None if the server does not return it.
    """

    data: bytes
    expires: int | None

    def __repr__(self) -> str:
        return f"Foreign({len(self.data)} bytes)"


@runtime_checkable
class ForeignRecords(Protocol):
    """The ability to read and delete another library's entries in the same server.

    The size is limited as for records: a larger entry raises BadRecord.
    """

    def load_foreign(self, key: str) -> Steps[Foreign | None]:
        """Read another library's entry under a key, prefix included; None if it has expired.

        Raises BadRecord if it cannot be a session of another library, and StoreUnavailable.
        """
        ...

    def remove_foreign(self, key: str) -> Steps[None]:
        """Delete another library's entry under a key, if it exists."""
        ...


@runtime_checkable
class Notifies(Protocol):
    """The ability to tell a process, at once, which sessions have ended in any process.

    It is for open sockets. A store without it is asked every second or so.
    """

    def listen(self) -> Steps[Sequence[str]]:
        """Wait for the keys of records that were deleted, or got another secret.

        The wait has no time limit. Other keys may be among them. The first call returns without
        keys as soon as it listens. Records that only expire need not be reported. Raises
        StoreUnavailable if some keys may have been missed: the next call listens again. Raises
        NotSupported if listening is not possible, for example without permission.
        """
        ...

    def stop_listening(self) -> Steps[None]:
        """Close this event loop's connection for listening, even while `listen` waits."""
        ...


@runtime_checkable
class Located(Protocol):
    """A store that names the place of its records."""

    @property
    def location(self) -> str:
        """The place, for an operator to read: directory, server, table. Never a password."""
        ...


@runtime_checkable
class Examinable(Protocol):
    """The ability to describe the setup of the server, or of any other place of the records."""

    def findings(self, clock: Clock) -> Steps[Sequence[Finding]]:
        """Look, change nothing, and judge; `clock`: the application's.

        A part that the client may not look at is a finding, too: `findings.not_looked_at`. Raises
        StoreUnavailable if the store is down.
        """
        ...


@runtime_checkable
class Purgeable(Protocol):
    """The ability, and the need, to have expired records deleted regularly."""

    def purge(self) -> Steps[int]:
        """Delete expired records; return how many there were."""
        ...


@runtime_checkable
class Pingable(Protocol):
    """The ability to check whether the store would answer: see core.health.

    For a store where one read does not show that, such as one on several servers.
    """

    def ping(self) -> Steps[None]:
        """Raise StoreUnavailable if reads would fail; create and change nothing.

        The deadline is that of one operation, however many servers it asks.
        """
        ...


@runtime_checkable
class Preparable(Protocol):
    """The need to have tables or the like created, once, before the first request."""

    def prepare(self) -> Steps[None]:
        """Create what is missing; leave existing parts alone."""
        ...


@runtime_checkable
class Openable(Protocol):
    """A store that is opened for either Flask or Quart when an application takes it."""

    def open_for(self, colour: Colour) -> Store:
        """Return the store for callers of that colour."""
        ...
