"""Stores that are not the package's: in plain functions, in coroutines, by name."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from samesession import ConfigError, StoreUnavailable, stores
from samesession.core.store import Colour, Conflict, Lifetimes, Outcome, OwnerIndex, Purgeable
from samesession.run.sync import run
from samesession.settings import Config
from samesession.stores import built_in, open_store, read_config
from samesession.stores.base import (
    FromAsync,
    FromSync,
    anything,
    optional,
    secret_of,
    setting,
    settings_table,
    text,
    with_settings,
)
from samesession.stores.memory import MemoryStore
from samesession.testing import (
    ManualClock,
    NewStore,
    NoticesContract,
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


class TellingStore(CoroutineStore):
    """One that tells which sessions have ended."""

    def __init__(self, clock: ManualClock | Clock) -> None:
        super().__init__(clock)
        self._told: asyncio.Queue[str] | None = None

    async def listen(self) -> Sequence[str]:
        if self._told is None:
            self._told = asyncio.Queue()
            return ()
        return [await self._told.get()]

    async def stop_listening(self) -> None:
        self._told = None

    async def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Outcome | Conflict:
        before = await self.load(key, renew=None)
        outcome = await super().commit(key, record, expected=expected, renew=renew)
        if before is not None and secret_of(before) != secret_of(record):
            self._tell(key)
        return outcome

    async def remove(self, key: str, *, expected: bytes | None) -> Outcome | Conflict:
        self._tell(key)
        return await super().remove(key, expected=expected)

    def _tell(self, key: str) -> None:
        if self._told is not None:
            self._told.put_nowait(key)


class TestFromAsyncThatTells(StoreContract, OwnerIndexContract, PurgeContract, NoticesContract):
    colours = Colour.ASYNC

    @pytest.fixture
    def new_store(self, clock: ManualClock) -> NewStore:
        coroutines = TellingStore(clock)
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
    with pytest.raises(
        ConfigError, match=r"PlainStore is not a store: wrap one .* FromSync or From"
    ):
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


DECLARED = """
from dataclasses import dataclass
from typing import Any, ClassVar

from samesession import ConfigError
from samesession.stores.base import (
    anything, flag, number, optional, seconds, setting, text, with_settings
)
from samesession.stores.memory import MemoryStore

def password(value, setting):
    if not isinstance(value, str) or len(value) < 8:
        raise ConfigError(f"{setting.name} is {value!r}, which is too short")
    return value

@dataclass(frozen=True)
class PantrySettings:
    servers: Any = setting("SESSION_PANTRY", anything, default=None, needed="write a host name")
    path: str = setting("SESSION_PANTRY_PATH", text, default="jars", at_home=True, doc="Where.")
    wait: int | None = setting("SESSION_PANTRY_WAIT", optional(seconds), default=None)
    shelves: float = setting("SESSION_PANTRY_SHELVES", number(above=1), default=2)
    create: bool = setting("SESSION_PANTRY_CREATE", flag, default=False)
    password: str = setting(
        "SESSION_PANTRY_PASSWORD", password, default="changed me", secret=True, doc="8 letters."
    )
    write_instead: ClassVar = {"SESSION_PANTRY_KEY": "write SESSION_PANTRY_PASSWORD"}
    meant: ClassVar = {"LARDER": "SESSION_PANTRY"}

@with_settings(PantrySettings)
def open_store(config, settings, *, clock):
    store = MemoryStore(clock=clock)
    store.told = settings
    return store
"""


@pytest.fixture
def pantry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a store that declares its settings."""
    monkeypatch.syspath_prepend(str(tmp_path))
    install(tmp_path, "pantry_of_sessions", "pantry = pantry_of_sessions:open_store", DECLARED)
    yield
    sys.modules.pop("pantry_of_sessions", None)


def pantry_settings(**settings: object) -> dict[str, object]:
    named = {f"SESSION_PANTRY_{name.upper()}": value for name, value in settings.items()}
    given = {"SESSION_TYPE": "pantry", "SESSION_PANTRY": "larder", **named}
    return {"SECRET_KEY": SECRET_KEY, **given}


@pytest.mark.usefixtures("pantry")
def test_a_store_is_handed_the_settings_that_it_declares(clock: Clock) -> None:
    chosen = pantry_settings(wait=timedelta(minutes=1), shelves=3, create=True, path="here")
    config = read_config(chosen)
    told = vars(open_store(config, clock=clock))["told"]
    assert (told.servers, told.path, told.wait, told.shelves) == ("larder", "here", 60, 3)
    assert config.creates
    assert not read_config(pantry_settings()).creates


@pytest.mark.usefixtures("pantry")
def test_a_default_path_of_a_store_is_at_home(clock: Clock) -> None:
    for chosen, path in (({}, "/srv/shop/jars"), ({"path": "jars"}, "jars")):
        config = read_config(pantry_settings(**chosen), home="/srv/shop")
        assert vars(open_store(config, clock=clock))["told"].path == path


@pytest.mark.usefixtures("pantry")
@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("path", "", "SESSION_PANTRY_PATH must be text such as 'jars'"),
        ("wait", "soon", "SESSION_PANTRY_WAIT must be a timedelta or seconds"),
        ("shelves", 1, "SESSION_PANTRY_SHELVES must be a number above 1"),
        ("create", 1, "SESSION_PANTRY_CREATE must be True or False, not int"),
    ],
)
def test_a_wrong_setting_of_a_store_by_others_is_told(name: str, value: object, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_config(pantry_settings(**{name: value}))


@pytest.mark.usefixtures("pantry")
def test_a_misspelt_setting_of_a_store_by_others_is_told_which_is_meant() -> None:
    for name, meant in (("paht", "SESSION_PANTRY"), ("path_url", "SESSION_PANTRY_PATH")):
        with pytest.raises(
            ConfigError, match=rf"is not a setting of samesession: did you mean {meant}\?$"
        ):
            read_config(pantry_settings(**{name: "x"}))
    with pytest.raises(
        ConfigError, match=r"SESSION_PANTRY_KEY is not a .*: write SESSION_PANTRY_PASS"
    ):
        read_config(pantry_settings(key="x"))
    with pytest.raises(ConfigError, match=r"SESSION_LARDER_AT .*: did you mean SESSION_PANTRY\?$"):
        read_config({**pantry_settings(), "SESSION_LARDER_AT": "x"})


@pytest.mark.usefixtures("pantry")
def test_a_setting_that_a_store_by_others_needs_is_asked_for(clock: Clock) -> None:
    chosen = pantry_settings()
    del chosen["SESSION_PANTRY"]
    config = read_config(chosen)
    needs = "^SESSION_TYPE 'pantry' needs SESSION_PANTRY: write a host name$"
    with pytest.raises(ConfigError, match=needs):
        open_store(config, clock=clock)


@pytest.mark.usefixtures("pantry")
def test_a_secret_setting_is_shown_by_no_repr_and_no_error(clock: Clock) -> None:
    config = read_config(pantry_settings(password="hunter2hunter2"))
    told = vars(open_store(config, clock=clock))["told"]
    assert told.password == "hunter2hunter2"
    assert "larder" in repr(told)
    assert "hunter2" not in repr(told) + repr(config)
    # Whatever the check says.
    with pytest.raises(ConfigError) as caught:
        read_config(pantry_settings(password="hunter2"))
    assert str(caught.value) == "SESSION_PANTRY_PASSWORD cannot be used: 8 letters."
    assert caught.value.__suppress_context__


@pytest.mark.usefixtures("pantry")
@pytest.mark.asyncio
async def test_a_late_change_of_a_declared_setting_is_told(
    framework: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(framework, pantry_settings(), clock=clock)
    visitor = site.visitor()
    await visitor.value(lambda session: session.update(n=1))
    site.app.config["SESSION_PANTRY"] = "cellar"
    assert await visitor.value(lambda session: session["n"]) == 1
    assert "SESSION_PANTRY was changed after the first request" in caplog.text
    await site.close()


def test_a_store_by_others_declares_no_setting_of_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    install(tmp_path, "larder_of_sessions", "larder = larder_of_sessions:open_store", DECLARED)
    with pytest.raises(ConfigError, match=r"'larder' has a setting SESSION_PANTRY, .* SESSION_LAR"):
        read(SESSION_TYPE="larder")


def test_what_is_no_declaration_is_refused_where_it_is_written() -> None:
    @dataclass
    class Changing:
        path: str = setting("SESSION_X_PATH", text, default="x")

    @dataclass(frozen=True)
    class Undeclared:
        path: str = "x"

    for kind, told in (
        (Changing, r"Changing must be a class under @dataclass\(frozen=True\)"),
        (int, r"int must be a class under @dataclass\(frozen=True\)"),
        (Undeclared, r"Undeclared.path must be written path = setting\(...\)"),
    ):
        with pytest.raises(TypeError, match=told):
            with_settings(kind)
    for name in ("X_PATH", "SESSION_path", "SESSION_", "SESSION__X"):
        with pytest.raises(ValueError, match="a setting's name is written SESSION_"):
            setting(name, text, default="x")


def test_declared_settings_document_themselves() -> None:
    @dataclass(frozen=True)
    class Settings:
        path: str = setting("SESSION_X_PATH", text, default="x", doc="Where.")
        mode: int = setting("SESSION_X_MODE", anything, default=8, shown="`0o10`", doc="Which.")
        of: str | None = setting("SESSION_X_OF", optional(text), default=None, doc="Whose.")

    assert settings_table(Settings).splitlines() == [
        "| Setting | Default | Meaning |",
        "| --- | --- | --- |",
        '| `SESSION_X_PATH` | `"x"` | Where. |',
        "| `SESSION_X_MODE` | `0o10` | Which. |",
        "| `SESSION_X_OF` | `None` | Whose. |",
    ]


# --- in the package ------------------------------------------------------------------------


def test_a_folder_is_a_store_without_an_edit_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    folder = tmp_path / "pantry"
    folder.mkdir()
    declared, _, opening = DECLARED.partition("@with_settings")
    (folder / "__init__.py").touch()
    (folder / "settings.py").write_text(declared)
    (folder / "store.py").write_text(
        "import absent_client\nfrom .settings import *\n@with_settings" + opening
    )
    monkeypatch.setattr(stores, "__path__", [*stores.__path__, str(tmp_path)])
    built_in.cache_clear()
    try:
        assert "pantry" in built_in()
        config = read_config(pantry_settings(wait=5))
        with pytest.raises(ConfigError, match=r"did you mean SESSION_PANTRY\?"):
            read(SESSION_PANTRY_PAHT="x")
        with pytest.raises(ConfigError, match=r"pip install 'samesession\[pantry\]'"):
            open_store(config, clock=clock)
        (tmp_path / "absent_client.py").touch()
        monkeypatch.syspath_prepend(str(tmp_path))
        assert vars(open_store(config, clock=clock))["told"].wait == 5
    finally:
        built_in.cache_clear()
        for name in [each for each in sys.modules if each.startswith("samesession.stores.pantry")]:
            del sys.modules[name]


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
