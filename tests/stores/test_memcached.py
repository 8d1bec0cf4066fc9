"""The memcached store passes the published contract, and minds what memcached does its own way."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from samesession.core.store import Conflict, Lifetimes, Outcome, OwnerIndex, capabilities_of
from samesession.errors import ConfigError, NotSupported, SessionTooLarge, StoreUnavailable
from samesession.run.sync import run
from samesession.stores.memcached import MemcachedStore, meta_protocol
from samesession.testing import (
    Caller,
    FileForeign,
    ForeignRecordsContract,
    NewStore,
    OutageContract,
    StoreContract,
)
from tests.conftest import NewSite
from tests.faults.proxy import Fault, proxied
from tests.support.backend import Servers
from tests.support.foreign import filed_in_memcached
from tests.support.memcached import Memcached, listening, running
from tests.support.server import free_port
from tests.support.tls import issued

pytestmark = pytest.mark.stores("memcached")

HOUR = Lifetimes(browser=3600, permanent=3600)
DAY_OR_YEAR = Lifetimes(browser=86_400, permanent=365 * 86_400)


def record(revision: int, *, permanent: bool = False, size: int = 20) -> bytes:
    """Make as much of a record as a store reads, and some more."""
    return revision.to_bytes(8, "big") + bytes([permanent]) + b"x" * size


@pytest.fixture
def server(servers: Servers) -> Memcached:
    found: Memcached = servers["memcached"]
    found.flush()
    return found


@pytest.fixture
def store(server: Memcached) -> Iterator[MemcachedStore]:
    found = MemcachedStore(server.address)
    yield found
    run(found.close())


class TestMemcachedStore(StoreContract, ForeignRecordsContract):
    own_clock = True

    @pytest.fixture
    def file_foreign(self, server: Memcached) -> FileForeign:
        return filed_in_memcached(server)

    # It counts whole seconds, and so ends an item up to one too early.
    own_lifetime = 4
    resolution = 1.1
    largest = 1024 * 1024 - 1024  # an item holds its key and a header, too

    @pytest.fixture
    def new_store(self, server: Memcached) -> NewStore:
        return lambda: MemcachedStore(server.address)


class TestMemcachedStoreWithoutAServer(OutageContract):
    @pytest.fixture
    def new_store(self) -> NewStore:
        return lambda: MemcachedStore(f"127.0.0.1:{free_port()}")


def test_each_of_several_servers_must_answer(server: Memcached) -> None:
    """Each has some sessions, whichever would have the key that none has."""
    gone = f"127.0.0.1:{free_port()}"
    for servers in ([server.address, gone], [gone, server.address]):
        store = MemcachedStore(servers)
        with pytest.raises(StoreUnavailable, match=r"^memcached is not available: Conn"):
            run(store.ping())
        run(store.close())


def test_a_read_that_renews_is_one_command(server: Memcached, store: MemcachedStore) -> None:
    assert run(store.create("k", record(1), lifetimes=Lifetimes(browser=5, permanent=5)))
    before = server.counts()
    assert run(store.load("k", renew=HOUR)) == record(1)
    after = server.counts()
    said = {name: after[name] - before[name] for name in after if name.startswith("cmd_")}
    assert {name: count for name, count in said.items() if count} == {"cmd_touch": 1}
    assert abs(server.seconds_left("k") - 3600) <= 3


@pytest.mark.parametrize(("permanent", "seconds"), [(False, 86_400), (True, 365 * 86_400)])
def test_each_session_is_renewed_by_its_own_timeout(
    server: Memcached, store: MemcachedStore, permanent: bool, seconds: int
) -> None:
    kept = record(1, permanent=permanent)
    assert run(store.create("k", kept, lifetimes=Lifetimes(browser=60, permanent=60)))
    assert run(store.load("k", renew=DAY_OR_YEAR)) == kept
    # A year is more than memcached counts in seconds from now, and its clock may be late.
    assert abs(server.seconds_left("k") - seconds) <= 3


def test_a_commit_that_does_not_renew_keeps_the_time_left(
    server: Memcached, store: MemcachedStore
) -> None:
    year = Lifetimes(browser=365 * 86_400, permanent=60)
    for key, lifetimes, seconds in (("a", HOUR, 3600), ("b", year, 365 * 86_400)):
        assert run(store.create(key, record(1), lifetimes=lifetimes))
        outcome = run(store.commit(key, record(2), expected=record(1)[:8], renew=None))
        assert outcome is Outcome.WRITTEN
        assert abs(server.seconds_left(key) - seconds) <= 3


def test_a_record_too_large_for_an_item_is_refused_and_the_old_one_stays(
    store: MemcachedStore,
) -> None:
    assert run(store.create("k", record(1), lifetimes=HOUR))
    large = record(2, size=1024 * 1024)
    with pytest.raises(SessionTooLarge, match="-I"):
        run(store.commit("k", large, expected=record(1)[:8], renew=HOUR))
    with pytest.raises(SessionTooLarge):
        run(store.create("other", large, lifetimes=HOUR))
    assert run(store.load("k", renew=None)) == record(1)
    assert run(store.load("other", renew=None)) is None


@pytest.mark.parametrize("key", ["k" * 250, "k" * 251, "with a blank", "ключ", "line\r\nflush_all"])
def test_keys_that_memcached_cannot_take_are_filed_all_the_same(
    store: MemcachedStore, key: str
) -> None:
    assert run(store.create(key, record(1), lifetimes=HOUR))
    assert run(store.load(key, renew=HOUR)) == record(1)
    assert run(store.remove(key, expected=record(1)[:8])) is Outcome.WRITTEN
    assert run(store.load(key, renew=HOUR)) is None


def test_a_removal_respects_a_revision_written_between_its_two_commands(
    server: Memcached, store: MemcachedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(store.create("k", record(1), lifetimes=HOUR))
    rival = MemcachedStore(server.address)
    ask = store._servers[0].ask

    def interrupted(command: bytes, deadline: Any) -> Any:
        if command.startswith(b"md "):
            monkeypatch.undo()
            written = run(rival.commit("k", record(2), expected=record(1)[:8], renew=HOUR))
            assert written is Outcome.WRITTEN
        return ask(command, deadline)

    monkeypatch.setattr(store._servers[0], "ask", interrupted)
    assert run(store.remove("k", expected=record(1)[:8])) == Conflict(record(2))
    assert run(store.load("k", renew=None)) == record(2)
    run(rival.close())


def test_a_commit_does_not_bring_back_what_was_deleted_between_its_two_commands(
    server: Memcached, store: MemcachedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(store.create("k", record(1), lifetimes=HOUR))
    ask = store._servers[0].ask

    def interrupted(command: bytes, deadline: Any) -> Any:
        if command.startswith(b"cas "):
            monkeypatch.undo()
            server.say(b"delete k")
        return ask(command, deadline)

    monkeypatch.setattr(store._servers[0], "ask", interrupted)
    outcome = run(store.commit("k", record(2), expected=record(1)[:8], renew=HOUR))
    assert outcome is Outcome.GONE
    assert run(store.load("k", renew=None)) is None


def test_a_connection_in_use_when_the_store_is_closed_is_closed_after_its_use(
    store: MemcachedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(store.create("k", record(1), lifetimes=HOUR))
    ask = meta_protocol._Connection.ask
    used: list[Any] = []

    def interrupted(connection: Any, *args: Any) -> Any:
        used.append(connection)
        run(store.close())
        return ask(connection, *args)

    monkeypatch.setattr(meta_protocol._Connection, "ask", interrupted)
    assert run(store.load("k", renew=None)) == record(1)
    assert used[0]._socket.fileno() == -1


def test_an_answer_too_many_is_never_the_next_ones(server: Memcached, caller: Caller) -> None:
    ann, bob = record(1), record(2)
    with proxied(server.port) as proxy:
        store = MemcachedStore(f"127.0.0.1:{proxy.port}")
        for key, kept in (("ann", ann), ("bob", bob)):
            assert caller.do(store.create(key, kept, lifetimes=HOUR)) is True
        proxy.inflict(Fault(garbage=b"VA %d\r\n%b\r\n" % (len(bob), bob) * 2))
        with pytest.raises(StoreUnavailable):
            caller.do(store.load("bob", renew=HOUR))
        proxy.mend()
        assert caller.do(store.load("ann", renew=HOUR)) == ann
        caller.do(store.close())


def test_a_restarted_server_is_connected_anew() -> None:
    with running() as server:
        store = MemcachedStore(server.address)
        assert run(store.create("k", record(1), lifetimes=HOUR))
        server.stop()
        with pytest.raises(StoreUnavailable):
            run(store.load("k", renew=HOUR))
        server.start()
        assert run(store.load("k", renew=HOUR)) is None
        run(store.close())


def test_sessions_are_spread_over_several_servers_and_never_move() -> None:
    with running() as first, running() as second:
        store = MemcachedStore([first.address, second.address])
        for number in range(40):
            assert run(store.create(f"k{number}", record(1), lifetimes=HOUR))
        names = {name.decode() for name in first.names()}
        assert 0 < len(names) < 40
        assert len(second.names()) == 40 - len(names)
        first.stop()
        with pytest.raises(StoreUnavailable):
            run(store.load(names.pop(), renew=HOUR))
        run(store.close())


@pytest.mark.parametrize("source", [7, "", "a b", "host:99999", [], ["h:1", "h:1"], object()])
def test_what_is_no_address_is_refused_with_what_to_write(source: object) -> None:
    with pytest.raises(ConfigError, match=r"write SESSION_MEMCACHED = "):
        MemcachedStore(source)


def test_a_client_of_pymemcache_lends_its_address(server: Memcached) -> None:
    client = SimpleNamespace(server=("127.0.0.1", server.port), key_prefix=b"", tls_context=None)
    store = MemcachedStore(client)
    assert run(store.create("k", record(1), lifetimes=HOUR))
    assert server.names() == [b"k"]
    run(store.close())
    client.key_prefix = b"mine:"
    with pytest.raises(ConfigError, match="SESSION_KEY_PREFIX"):
        MemcachedStore(client)


def test_what_it_cannot_do_is_stated(store: MemcachedStore) -> None:
    assert capabilities_of(store).evicts
    assert not isinstance(store, OwnerIndex)


@pytest.mark.asyncio
async def test_users_cannot_be_bound_without_an_owner_index(new_site: NewSite) -> None:
    user = new_site().visitor()
    assert isinstance(await user.failure(lambda session: session.bind("ann")), NotSupported)


def test_a_unix_socket_will_do(tmp_path: Path) -> None:
    with listening(tmp_path / "socket") as path:
        store = MemcachedStore(f"unix:{path}")
        assert run(store.create("k", record(1), lifetimes=HOUR))
        assert run(store.load("k", renew=HOUR)) == record(1)
        run(store.close())


def test_tls_will_do_by_a_client_of_pymemcache_and_is_checked(tmp_path: Path) -> None:
    certificates = issued(tmp_path, "127.0.0.1")
    chain = f"ssl_chain_cert={certificates.server},ssl_key={certificates.server_key}"
    with running("-Z", "-o", chain) as server:
        trusting = ssl.create_default_context(cafile=certificates.ca)
        client = SimpleNamespace(server=("127.0.0.1", server.port), tls_context=trusting)
        store = MemcachedStore(client)
        assert run(store.create("k", record(1), lifetimes=HOUR))
        assert run(store.load("k", renew=HOUR)) == record(1)
        run(store.close())
        client.tls_context = ssl.create_default_context()
        with pytest.raises(StoreUnavailable):
            run(MemcachedStore(client).load("k", renew=HOUR))
        with pytest.raises(StoreUnavailable):
            run(MemcachedStore(server.address).load("k", renew=HOUR))
