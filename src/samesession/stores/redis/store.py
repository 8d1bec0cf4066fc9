"""Keep records in Redis (6.2 or later) or Valkey, one key each, through redis-py.

Loading and renewing is one command, and committing one script that touches one key. A record's time
left is the expiry in Redis, so no key is ever without one. Clients belong to one process and one
event loop: each gets its own, on first use.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from ...core.batches import every_key
from ...core.findings import Finding
from ...core.names import checked_prefix
from ...core.record import MIN_BYTES, lifetime_of, revision_of, secret_of
from ...core.steps import Steps, checkpoint
from ...core.store import (
    Capabilities,
    Clock,
    Colour,
    Conflict,
    DatedRecord,
    Foreign,
    KeyPage,
    Lifetimes,
    Outcome,
)
from ...errors import NotSupported
from ...run.clocks import servers_time
from ...run.per_loop import PerLoop
from ...settings import Config
from ..kit.deadline import Deadline
from ..kit.opener import with_settings
from . import answers as read
from . import commands, examination, scripts, url, verification
from . import library_errors as errors
from .answers import Misread
from .client import Client, scan
from .commands import Argument, Command
from .fence import word
from .notices import Notices
from .settings import RedisSettings
from .single import SingleClient
from .sources import servers_of
from .store_errors import as_store_errors, as_store_errors_still

if TYPE_CHECKING:
    from .given_checks import Given

if find_spec("redis") is None:  # which the first use loads: see library_errors
    raise ModuleNotFoundError("No module named 'redis'", name="redis")

_PAGE = 1000  # keys, approximately

_SWAPPED = 8192  # bytes of a record: above this, sending the old one costs more than the script


class RedisStore:
    """Records as Redis strings."""

    capabilities = Capabilities(takes_records=True)

    def __init__(
        self,
        source: str | Given,
        *,
        colour: Colour = Colour.SYNC,
        prefix: str = "session:",
        timeout: float = 2.0,
        max_bytes: int = 1024 * 1024,
    ) -> None:
        """Take a URL, or a client of redis-py that fits the colour.

        `timeout`: seconds for a whole operation, with clients created from a URL; under asyncio for
        connecting, and for each answer. `max_bytes`: of another library's entry. Raises ConfigError
        for a client that cannot be used.
        """
        self._source = source
        self._servers, self.colours = servers_of(source, colour)
        self._prefix = checked_prefix(prefix)
        self._notices = Notices(self._prefix)
        self.timeout = timeout
        self._max_bytes = max_bytes
        self.deadline = Deadline()
        self._clients: PerLoop[Client] = PerLoop(_close, loop=self.colours is Colour.ASYNC)
        self._source_taken = False
        self.has_loaded = not isinstance(source, str)  # a client comes with its library

    def load_library(self) -> Steps[None]:
        """Load redis-py, once in a process, without counting against the deadline."""
        self.has_loaded = True
        _ = self.client
        if self.colours is Colour.ASYNC:
            yield from checkpoint()  # in a loop the deadline already runs

    def open_for(self, colour: Colour) -> RedisStore:
        """Return the store for callers of that colour; a client's library cannot be changed."""
        if not isinstance(self._source, str) or colour is self.colours:
            return self
        return RedisStore(
            self._source,
            colour=colour,
            prefix=self._prefix,
            timeout=self.timeout,
            max_bytes=self._max_bytes,
        )

    @property
    def location(self) -> str:
        """The servers, and the database on them."""
        if self._servers is not None:
            return url.location_of(self._servers)
        from .given_checks import location_of

        return location_of(self._source)

    @property
    def client(self) -> Client:
        """The client of this process and event loop, opened on first use."""
        client = self._clients.here()
        return self._clients.keep(self._open()) if client is None else client

    def _open(self) -> Client:
        if self._servers is not None:
            from .clients import Maker

            maker = Maker(
                self._servers, colour=self.colours, timeout=self.timeout, deadline=self.deadline
            )
            return maker.client()
        from .given_clients import client_of
        from .given_copies import another

        if not self._source_taken:
            self._source_taken = True
            return client_of(self._source, is_lent=True)
        made = another(self._source)
        return client_of(made, is_lent=made is self._source)

    @as_store_errors
    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        """Read a record and restart its idle timeout: GETEX, or a script if timeouts differ."""
        if renew is None:
            return read.record((yield from self.client.send(commands.get(key))))
        if renew.are_one:
            answer = yield from self.client.send(commands.get_and_renew(key, renew.permanent))
        else:
            seconds = renew.browser, renew.permanent, int(renew.own)
            answer = yield from self._script(scripts.LOAD, key, *seconds)
        return read.record(answer)

    @as_store_errors_still
    def load_again(self, key: str, *, doubted: bytes | None) -> Steps[bytes | None]:
        """Read a record so that the answer cannot belong to another question: see verification."""
        steps = verification.load_again(self.client, key, doubted=doubted)
        return read.record((yield from steps))

    @as_store_errors
    def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> Steps[bool]:
        """Insert a record if there is none: SET NX EX."""
        commands.check_size(record)
        command = commands.set_if_absent(key, record, lifetime_of(record, lifetimes))
        return read.created((yield from self.client.send(command)))

    @as_store_errors
    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Steps[Outcome | Conflict]:
        """Replace the record with the expected revision."""
        commands.check_size(record)
        client, seconds = self.client, None if renew is None else lifetime_of(record, renew)
        if isinstance(client, SingleClient) and client.swaps and _is_swapped(expected, record):
            # If the answer is the old record, it was replaced: no later question about this key
            # gets that answer. After the replacement it is gone, and without it another record was
            # there. Any other answer proves nothing.
            try:
                swap = commands.swap(key, expected, record, seconds)
                if (yield from client.send_swap(swap)) == expected:
                    return Outcome.WRITTEN
            except errors.ResponseError:  # the script handles these, if it is none of them
                pass
        change = (revision_of(expected), record, "" if seconds is None else seconds)
        return (yield from self._changed(key, *change))

    @as_store_errors
    def remove(self, key: str, *, expected: bytes | None) -> Steps[Outcome | Conflict]:
        """Delete the record with the expected revision, or any record with None."""
        return (yield from self._changed(key, expected or b"", b"", ""))

    def _changed(self, key: str, *change: Argument) -> Steps[Outcome | Conflict]:
        try:
            return read.outcome((yield from self._told(key, *change)))
        except errors.ResponseError as error:
            if str(error).startswith("WRONGTYPE"):  # then the script does not answer
                raise Misread from error
            raise

    def _told(self, key: str, *change: Argument) -> Steps[Any]:
        return self._verified(scripts.COMMIT, key, *change, self._notices.channel)

    @as_store_errors
    def enlist(self, owner: str, key: str, *, lifetime: int) -> Steps[None]:
        """Note that a key belongs to an owner, in a sorted set with its own expiry.

        A key of another type in its place is deleted, or the user could not log in any more.
        """
        yield from self._verified(scripts.ENLIST, self._index(owner), key, lifetime)

    @as_store_errors
    def delist(self, owner: str, key: str) -> Steps[None]:
        """Remove a key from an owner's notes."""
        yield from self._delist(owner, [key])

    def owned(self, owner: str) -> Steps[Iterable[str]]:
        """List the keys noted for an owner."""
        found = yield from every_key(lambda after: self.owned_page(owner, after=after))
        return [*dict.fromkeys(found)]  # ZSCAN may list a key twice

    @as_store_errors
    def owned_page(self, owner: str, *, after: str | None) -> Steps[KeyPage]:
        """List the next keys noted for an owner."""
        answer = yield from self._verified(scripts.OWNED, self._index(owner), after or "0", _PAGE)
        match answer:
            case [bytes(position), list()] if position.isdigit():
                end = position.decode() if int(position) else None
                return KeyPage(read.keys(cast("list[object]", answer[1])[::2]), end)
            case _:
                raise Misread

    @as_store_errors
    def delist_many(self, owner: str, keys: Sequence[str]) -> Steps[None]:
        """Remove keys from an owner's notes."""
        if keys:
            yield from self._delist(owner, keys)

    @as_store_errors
    def load_many(self, keys: Sequence[str]) -> Steps[Sequence[bytes | None]]:
        """Read records, in one go for each server."""
        answers = yield from self._many([commands.get(key) for key in keys], fenced=True)
        return [read.record(answer) for answer in answers]

    @as_store_errors
    def load_dated(
        self, keys: Sequence[str], *, lifetimes: Lifetimes
    ) -> Steps[Sequence[DatedRecord | None]]:
        """Read records with the time that each has left, in one go for each server."""
        sent = [each for key in keys for each in (commands.get(key), commands.left(key))]
        answers = yield from self._many(sent, fenced=True)
        pairs = zip(answers[::2], answers[1::2], strict=True)
        return [read.dated(found, left, lifetimes) for found, left in pairs]

    @as_store_errors
    def remove_many(self, keys: Sequence[str]) -> Steps[Sequence[bool]]:
        """Delete records, in one go for each server."""
        answers = yield from self._many([commands.delete(key) for key in keys], fenced=True)
        if keys:
            yield from self._notices.tell(self.client, keys)
        return [read.count(answer) > 0 for answer in answers]

    @as_store_errors
    def keys_page(
        self, prefix: str, *, after: str | None, limit: int | None = None
    ) -> Steps[KeyPage]:
        """List the next keys with a prefix: SCAN."""
        found, end = yield from scan(self.client, prefix, after, limit or _PAGE)
        return KeyPage(read.keys(found), end)

    @as_store_errors
    def load_foreign(self, key: str) -> Steps[Foreign | None]:
        """Read another library's entry up to the size limit, and the time it has left."""
        sent = [commands.get_range(key, self._max_bytes + 1), commands.left(key)]
        answers = yield from self._many(sent, fenced=True)
        return read.foreign(*answers, max_bytes=self._max_bytes, now=servers_time())

    @as_store_errors
    def remove_foreign(self, key: str) -> Steps[None]:
        """Delete another library's entry."""
        _ = yield from self._many([commands.delete(key)], fenced=True)

    @as_store_errors
    def ping(self) -> Steps[None]:
        """Read a key that no session has; make each other server of a Cluster echo a word."""
        _ = yield from self._many([commands.get(f"{self._prefix}ping")], fenced=True)
        names = yield from self.client.primaries()
        for name in names if len(names) > 1 else ():
            said = word()
            if (yield from self.client.send_to(name, commands.echo(said))) != said:
                raise Misread

    @as_store_errors
    def findings(self, clock: Clock) -> Steps[Sequence[Finding]]:
        """Return the findings for the setup of the servers."""
        return (yield from examination.findings(self.client, clock))

    def listen(self) -> Steps[Sequence[str]]:
        """Wait for the keys of sessions that have ended in any process: see notices."""
        if self.colours is Colour.SYNC:
            raise NotSupported("listening to Redis needs an event loop")
        if not self.has_loaded:
            yield from self.load_library()
        return (yield from self._notices.listen(self.client))

    def stop_listening(self) -> Steps[None]:
        """Close the connection that `listen` has."""
        return self._notices.stop()

    def close(self) -> Steps[None]:
        """Close this process's and event loop's connections."""
        if self.colours is Colour.ASYNC:
            yield from self._notices.stop()
        yield from self._clients.close()

    def _index(self, owner: str) -> str:
        # A digest, because an owner's name may have any length and any characters.
        return f"{self._prefix}owner:{hashlib.sha256(owner.encode()).hexdigest()}"

    def _delist(self, owner: str, keys: Sequence[str]) -> Steps[None]:
        (answer,) = yield from self._many([commands.remove_members(self._index(owner), keys)])
        _ = 0 if answer is None else read.count(answer)  # None: no notes are in another type

    def _many(self, sent: Sequence[Command], *, fenced: bool = False) -> Steps[list[Any]]:
        """Send commands with one key each; None stands for a key of another type."""
        answers = yield from self.client.send_many(sent, fenced=fenced)
        if len(answers) != len(sent):
            raise Misread
        for number, answer in enumerate(answers):
            if isinstance(answer, errors.ResponseError) and str(answer).startswith("WRONGTYPE"):
                answers[number] = None
            elif isinstance(answer, Exception):
                raise answer
        return answers

    def _script(self, script: str, key: str, *args: Argument) -> Steps[Any]:
        """Run a script by its digest; send its text only to a server that lacks it."""
        try:
            return (yield from self.client.send(commands.run_script(script, key, *args)))
        except errors.NoScriptError:
            return (yield from self.client.send(commands.run_new_script(script, key, *args)))

    def _verified(self, script: str, key: str, *args: Argument) -> Steps[Any]:
        """Run a script whose answer contains its question; raise Misread for another's."""
        own = word()
        match (yield from self._script(script, key, *args, own)):
            case [bytes(named), answer] if named == own:
                return answer
            case _:
                raise Misread


def _close(client: Client) -> Steps[None]:
    return client.close()


def _is_swapped(expected: bytes, record: bytes) -> bool:
    """Return whether to replace a record by SET IFEQ, which needs the whole record.

    Otherwise the script does it. Only the script notifies others that a secret was replaced.
    """
    is_short = MIN_BYTES < len(expected) <= _SWAPPED and len(record) <= _SWAPPED
    return is_short and secret_of(expected) == secret_of(record)


@with_settings(RedisSettings)
def open_store(config: Config, settings: RedisSettings, *, clock: Clock) -> RedisStore:
    """Open the store of SESSION_TYPE "redis"."""
    del clock  # Redis keeps the time
    rules, timeout = config.rules, config.store_timeout
    return RedisStore(
        settings.source, prefix=rules.prefix, timeout=timeout, max_bytes=rules.max_bytes
    )
