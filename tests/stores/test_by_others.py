"""Stores that are not the package's: in plain functions, in coroutines, by name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from samesession import ConfigError, StoreUnavailable
from samesession.core.store import Colour, Conflict, Lifetimes, Outcome, OwnerIndex, Purgeable
from samesession.run.sync import run
from samesession.settings import Config
from samesession.stores import open_store, read_config
from samesession.stores.base import FromAsync, FromSync
from samesession.stores.memory import MemoryStore
from samesession.testing import (
    ManualClock,
    NewStore,
    OwnerIndexContract,
    PurgeContract,
    StoreContract,
)
from tests.support.clock import Clock
from tests.support.site import SECRET_KEY, Site


class PlainStore:
    """A store in plain functions, without any ability."""

    def __init__(self, clock: ManualClock | Clock) -> None:
        self.inner = MemoryStore(clock=clock)

    def load(self, key: str, *, renew: Lifetimes | None) -> bytes | None:
        return run(self.inner.load(key, renew=renew))

    def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> bool:
        return run(self.inner.create(key, record, lifetimes=lifetimes))

    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Outcome | Conflict:
        return run(self.inner.commit(key, record, expected=expected, renew=renew))

    def remove(self, key: str, *, expected: bytes | None) -> Outcome | Conflict:
        return run(self.inner.remove(key, expected=expected))

    def close(self) -> None:
        run(self.inner.close())


class CoroutineStore:
    """A store in coroutines, with all abilities."""

    def __init__(self, clock: ManualClock | Clock) -> None:
        self.inner = MemoryStore(clock=clock)

    async def load(self, key: str, *, renew: Lifetimes | None) -> bytes | None:
        return run(self.inner.load(key, renew=renew))

    async def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> bool:
        return run(self.inner.create(key, record, lifetimes=lifetimes))

    async def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Outcome | Conflict:
        return run(self.inner.commit(key, record, expected=expected, renew=renew))

    async def remove(self, key: str, *, expected: bytes | None) -> Outcome | Conflict:
        return run(self.inner.remove(key, expected=expected))

    async def enlist(self, owner: str, key: str, *, lifetime: int) -> None:
        run(self.inner.enlist(owner, key, lifetime=lifetime))

    async def delist(self, owner: str, key: str) -> None:
        run(self.inner.delist(owner, key))

    async def owned(self, owner: str) -> Iterable[str]:
        return run(self.inner.owned(owner))

    async def purge(self) -> int:
        return run(self.inner.purge())

    async def close(self) -> None:
        run(self.inner.close())


class TestFromSync(StoreContract):
    @pytest.fixture
    def new_store(self, clock: ManualClock) -> NewStore:
        plain = PlainStore(clock)
        return lambda: FromSync(plain)


class TestFromAsync(StoreContract, OwnerIndexContract, PurgeContract):
    colours = Colour.ASYNC

    @pytest.fixture
    def new_store(self, clock: ManualClock) -> NewStore:
        coroutines = CoroutineStore(clock)
        return lambda: FromAsync(coroutines)


def test_a_wrapped_store_has_the_abilities_of_the_one_inside(clock: Clock) -> None:
    plain, full = FromSync(PlainStore(clock)), FromAsync(CoroutineStore(clock))
    assert not isinstance(plain, OwnerIndex)
    assert not isinstance(plain, Purgeable)
    assert isinstance(full, OwnerIndex)
    assert isinstance(full, Purgeable)


def test_a_store_of_the_other_kind_is_refused_at_once(clock: Clock) -> None:
    with pytest.raises(TypeError, match=r"written with def: CoroutineStore.load is not"):
        FromSync(CoroutineStore(clock))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"written with async def: PlainStore.load is not"):
        FromAsync(PlainStore(clock))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"written with def: object.load is not"):
        FromSync(object())  # type: ignore[arg-type]


def test_only_the_errors_that_are_named_become_an_outage(clock: Clock) -> None:
    class Failing(PlainStore):
        error: Exception = OSError("10.0.0.1 does not answer")

        def load(self, key: str, *, renew: Lifetimes | None) -> bytes | None:
            raise self.error

    inner = Failing(clock)
    store = FromSync(inner, outages=(OSError,))
    with pytest.raises(StoreUnavailable, match=r"^the store failed: OSError$"):
        run(store.load("key", renew=None))
    inner.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        run(store.load("key", renew=None))


# --- in an application ---------------------------------------------------------------------


@pytest.mark.asyncio
async def test_an_application_is_given_a_wrapped_store(framework: str, clock: Clock) -> None:
    for store in (FromSync(PlainStore(clock)), FromAsync(CoroutineStore(clock))):
        if framework == "flask" and isinstance(store, FromAsync):
            with pytest.raises(ConfigError, match="FromAsync was given a client that Flask cannot"):
                Site(framework, {}, clock=clock, store=store)
            continue
        site = Site(framework, {}, clock=clock, store=store)
        visitor = site.visitor()
        await visitor.value(lambda session: session.update(n=1))
        assert await visitor.value(lambda session: session["n"]) == 1
        await site.close()


@pytest.mark.asyncio
async def test_a_store_that_is_not_wrapped_is_told_how(framework: str, clock: Clock) -> None:
    with pytest.raises(ConfigError, match=r"PlainStore is no store: wrap one .* FromSync or From"):
        Site(framework, {}, clock=clock, store=PlainStore(clock))  # type: ignore[arg-type]


def install(place: Path, package: str, points: str, code: str = "") -> None:
    """Make what pip leaves of a package: its module, and metadata that names its stores."""
    metadata = place / f"{package}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[samesession.stores]\n{points}\n")
    (place / f"{package}.py").write_text(code)


def read(**settings: object) -> Config:
    return read_config({"SECRET_KEY": SECRET_KEY, **settings})


OPENER = """
from samesession.stores.memory import MemoryStore

def open_store(config, *, clock):
    store = MemoryStore(clock=clock)
    store.told = (config.settings["SESSION_COOKIES_PATHS"], config.store_timeout)
    return store
"""


def test_a_store_is_found_by_its_name_and_gets_settings_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    install(tmp_path, "baker_of_sessions", "cookies = baker_of_sessions:open_store", OPENER)
    # Close to Flask's SESSION_COOKIE_PATH, but the store's name is before it.
    config = read(SESSION_TYPE="cookies", SESSION_COOKIES_PATHS="x", SESSION_STORE_TIMEOUT=1.5)
    store = open_store(config, clock=clock)
    assert isinstance(store, MemoryStore)
    assert vars(store)["told"] == ("x", 1.5)


def test_a_name_that_leads_nowhere_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    install(tmp_path, "one_of_two", "twice = one_of_two:open\nbroken = one_of_two:missing")
    install(tmp_path, "two_of_two", "twice = two_of_two:open")
    for name, told in (
        ("unknown", "write one of 'broken', 'cookie', .*'filesystem', .*'twice', or install"),
        ("broken", r"cannot be loaded from one[_-]of[_-]two \(one_of_two:missing\)"),
        ("twice", r"several stores: uninstall all but one of one[_-]of[_-]two .*, two[_-]of"),
    ):
        with pytest.raises(ConfigError, match=told):
            open_store(read(SESSION_TYPE=name), clock=clock)
