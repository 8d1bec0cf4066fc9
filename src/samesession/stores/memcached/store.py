"""Keep records in memcached (1.6 or later), one item each.

If both idle timeouts are equal, loading and renewing is one command. A commit reads the item with
its CAS value and replaces it only with that value. There is no owner index, and memcached drops
items when its memory is full: see `capabilities`.

Both colours share one code: under asyncio the few commands run in a thread, because no asyncio
client can delete with a condition, or return how long an item has left.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from ...core.record import lifetime_of, revision_of
from ...core.steps import Steps, Turn, call_in_turn
from ...core.store import Capabilities, Clock, Colour, Conflict, Foreign, Lifetimes, Outcome
from ...errors import ConfigError, SessionTooLarge
from ...run.clocks import servers_time
from ...settings import Config
from ..kit.opener import with_settings
from .meta_protocol import Address, Answer, Deadline, ItemTooLarge, Server, number_of, seconds_of
from .settings import HELP, MemcachedSettings

T = TypeVar("T")
P = ParamSpec("P")

_ABREAST = 8  # threads of an event loop's process that ask one server at once
_MONTH = 30 * 24 * 3600  # above this memcached takes an expiry for a date
_LAST_MOMENT = 2**31 - 1  # in 2038: memcached takes a larger number for a negative one
_PLAIN_KEY = re.compile(rb"[\x21-\x7e]{1,250}")
_NO_KEY = "samesession:ping"
_ITEM_BYTES = 1024 * 1024 - 320  # the server's default for -I, less a key and a header


class MemcachedStore:
    """Records as memcached items, on one server or spread over several."""

    colours = Colour.BOTH
    capabilities = Capabilities(evicts=True)

    def __init__(
        self,
        source: object,
        *,
        timeout: float = 2.0,
        max_bytes: int = 1024 * 1024,
        clock: Clock = servers_time,
    ) -> None:
        """Take an address, a list of them, or a client of pymemcache for its address and TLS.

        `timeout`: seconds for a whole operation; `max_bytes`: the largest record that is read;
        `clock` must agree with the servers'. Raises ConfigError for any other value.
        """
        self._servers = _servers(source, max_bytes)
        self._timeout = timeout
        self._clock = clock

    @property
    def location(self) -> str:
        """The servers."""
        return f"memcached at {', '.join(server.name for server in self._servers)}"

    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        """Read a record and restart its idle timeout."""
        return (yield from self._asking(key, self._load, renew))

    def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> Steps[bool]:
        """Insert a record if there is none: `add`."""
        return (yield from self._asking(key, self._create, record, lifetimes))

    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Steps[Outcome | Conflict]:
        """Replace the record with the expected revision: `cas`."""
        return (yield from self._asking(key, self._commit, record, expected, renew))

    def remove(self, key: str, *, expected: bytes | None) -> Steps[Outcome | Conflict]:
        """Delete the record with the expected revision, or any record with None."""
        return (yield from self._asking(key, self._remove, expected))

    def load_foreign(self, key: str) -> Steps[Foreign | None]:
        """Read another library's entry from any server, as it distributes keys in its own way."""
        for answer in (yield from self._each(b"mg %b v t\r\n", key)):
            if answer.value:
                left = seconds_of(answer.flags.get("t"))
                return Foreign(answer.value, None if left == inf else int(self._clock() + left))
        return None

    def remove_foreign(self, key: str) -> Steps[None]:
        """Delete another library's entry."""
        _ = yield from self._each(b"md %b\r\n", key)

    def ping(self) -> Steps[None]:
        """Ask each server for an item that no session has."""
        _ = yield from self._each(b"mg %b v\r\n", _NO_KEY)

    def close(self) -> Steps[None]:
        """Close this process's connections."""
        yield from ()
        for server in self._servers:
            server.close()

    def _asking(
        self, key: str, work: Callable[Concatenate[str, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Steps[T]:
        """Do work that asks a key's server; a stalled server must not block all threads."""
        turn = Turn(_chosen(self._servers, _name(key)), _ABREAST)
        return call_in_turn(turn, work, key, *args, **kwargs)

    def _each(self, command: bytes, key: str) -> Steps[Sequence[Answer]]:
        """Ask each server for a key; none for a key that clients do not accept."""
        name, deadline, answers = key.encode("utf-8"), Deadline(self._timeout), list[Answer]()
        for server in self._servers if _PLAIN_KEY.fullmatch(name) else ():
            turn = Turn(server, _ABREAST)
            answers.append((yield from call_in_turn(turn, server.ask, command % name, deadline)))
        return answers

    # --- the work ----------------------------------------------------------------------

    def _load(self, key: str, renew: Lifetimes | None) -> bytes | None:
        item = _Item(self._servers, key, Deadline(self._timeout))
        if renew is None:
            return item.get(b"v").value
        if renew.are_one:
            return item.get(b"v T%d" % self._expiry(renew.permanent)).value
        # The record itself shows which timeout it is. A touch could hit another record by now.
        # Writing the same record with its CAS value cannot, and if that fails, the faster request
        # has restarted the timeout.
        found = item.get(b"v c t")
        if found.value is not None:
            seconds = lifetime_of(found.value, renew)
            if seconds_of(found.flags.get("t")) != seconds:
                _ = item.swap(found.value, self._expiry(seconds), found)
        return found.value

    def _create(self, key: str, record: bytes, lifetimes: Lifetimes) -> bool:
        item = _Item(self._servers, key, Deadline(self._timeout))
        return item.add(record, self._expiry(lifetime_of(record, lifetimes)))

    def _commit(
        self, key: str, record: bytes, expected: bytes, renew: Lifetimes | None
    ) -> Outcome | Conflict:
        def replace(item: _Item, found: Answer) -> bytes:
            if renew is None:
                left = seconds_of(found.flags.get("t"))
                # 0 would mean no expiry. A renewal between the two commands is lost.
                seconds = 1 if left < 1 else int(min(left, 2**31))
            else:
                seconds = lifetime_of(record, renew)
            return item.swap(record, self._expiry(seconds), found)

        return self._change(key, expected, replace)

    def _remove(self, key: str, expected: bytes | None) -> Outcome | Conflict:
        return self._change(key, expected, lambda item, found: item.delete(found))

    def _change(
        self, key: str, expected: bytes | None, change: Callable[[_Item, Answer], bytes]
    ) -> Outcome | Conflict:
        """Read an item and change it with its CAS value, until no other request interferes."""
        item = _Item(self._servers, key, Deadline(self._timeout))
        while True:
            found = item.get(b"v c t")
            if found.value is None:
                return Outcome.GONE
            if expected is not None and revision_of(found.value) != expected:
                return Conflict(found.value)
            match change(item, found):
                case b"HD":
                    return Outcome.WRITTEN
                case b"NF":
                    return Outcome.GONE
                case _:  # another request interfered: its record decides
                    pass

    def _expiry(self, seconds: int) -> int:
        if seconds <= _MONTH:
            return seconds
        return min(int(self._clock()) + seconds, _LAST_MOMENT)


class _Item:
    """The item under a key, during one operation."""

    def __init__(self, servers: Sequence[Server], key: str, deadline: Deadline) -> None:
        self._name = _name(key)
        self._deadline = deadline
        self._server = _chosen(servers, self._name)

    def get(self, flags: bytes) -> Answer:
        return self._server.ask(b"mg %b %b\r\n" % (self._name, flags), self._deadline)

    def add(self, record: bytes, expiry: int) -> bool:
        return self._store(b"add %b 0 %d %d\r\n", record, expiry) == b"HD"

    def swap(self, record: bytes, expiry: int, found: Answer) -> bytes:
        # Not `ms`: when that refuses a large value, it deletes the item.
        cas = number_of(found.flags.get("c"))
        return self._store(b"cas %%b 0 %%d %%d %d\r\n" % cas, record, expiry)

    def delete(self, found: Answer) -> bytes:
        command = b"md %b C%d\r\n" % (self._name, number_of(found.flags.get("c")))
        return self._server.ask(command, self._deadline).code

    def _store(self, form: bytes, record: bytes, expiry: int) -> bytes:
        line = form % (self._name, expiry, len(record))
        try:
            return self._server.ask(b"%b%b\r\n" % (line, record), self._deadline).code
        except ItemTooLarge as error:
            raise SessionTooLarge(
                len(record),
                min(_ITEM_BYTES, len(record) - 1),  # its -I may be smaller
                "the session's record",
                "keep less in the session, or start memcached with a larger -I",
            ) from error


def _name(key: str) -> bytes:
    """Return the item's key: ours, or its digest if memcached does not accept it."""
    name = key.encode("utf-8")
    if _PLAIN_KEY.fullmatch(name):
        return name
    return b"sha256:" + hashlib.sha256(name).hexdigest().encode("ascii")


def _chosen(servers: Sequence[Server], name: bytes) -> Server:
    """Choose a key's server by rendezvous hashing.

    There is no fallback when that server is down: when it came back, it would still hold records
    that were changed or deleted elsewhere.
    """
    if len(servers) == 1:
        return servers[0]
    return max(servers, key=lambda each: hashlib.sha256(each.name.encode() + name).digest())


def _servers(source: object, max_bytes: int) -> list[Server]:
    several = isinstance(source, list | tuple)
    given = cast("Sequence[object]", source) if several else [source]
    servers = [_server(each, max_bytes) for each in given]
    if not servers or len({server.name for server in servers}) < len(servers):
        raise ConfigError(f"SESSION_MEMCACHED names no server, or one of them twice: {HELP}")
    return servers


def _server(source: object, max_bytes: int) -> Server:
    tls: ssl.SSLContext | None = None
    if not isinstance(source, str):
        # A pymemcache client: `Client` and `PooledClient` keep these two.
        client = cast("Any", source)
        tls = getattr(client, "tls_context", None)
        if getattr(client, "key_prefix", b""):
            raise ConfigError(
                "SESSION_MEMCACHED is a client with a key_prefix: create one without, and write "
                "SESSION_KEY_PREFIX instead"
            )
        source = getattr(client, "server", None)
    return Server(_address(source), tls=tls, max_bytes=max_bytes)


def _address(source: object) -> Address:
    match source:
        case (str(host), int(port)):
            return host, port
        case str() if source.startswith(("unix:", "/")):
            return source.removeprefix("unix:")
        case str():
            found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+)(?::(\d{1,5}))?", source)
            if found and int(found[2] or 11211) < 2**16:
                return found[1].strip("[]"), int(found[2] or 11211)
        case _:
            pass
    raise ConfigError(f"SESSION_MEMCACHED does not hold the address of a memcached server: {HELP}")


@with_settings(MemcachedSettings)
def open_store(config: Config, settings: MemcachedSettings, *, clock: Clock) -> MemcachedStore:
    """Open the store of SESSION_TYPE "memcached"."""
    del clock  # the server judges the expiry, by the real time
    return MemcachedStore(
        settings.source, timeout=config.store_timeout, max_bytes=config.rules.max_bytes
    )
