"""The stores, each imported only when an application names it.

Each of the package's own stores is a folder with two modules. In `settings.py` a frozen dataclass
declares its settings. `store.py` has an `open_store` with the signature of the one below. A
third-party package adds a store by an entry point of the group `samesession.stores`: its name is
the value for SESSION_TYPE, and its object such an `open_store`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import is_dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules
from types import MappingProxyType, ModuleType
from typing import Any, Protocol, cast

from ..core.old_records import OldRecords, Place
from ..core.store import Clock, Colour, Openable, Store
from ..errors import ConfigError, NotSupported
from ..reading_settings import declared
from ..settings import Config, prefix_of

GROUP = "samesession.stores"


class _Opener(Protocol):
    def __call__(self, config: Config, *, clock: Clock) -> Store | Openable: ...


def on_demand(folder: str, names: Collection[str]) -> Callable[[str], object]:
    """Return the `__getattr__` of a store's folder, which imports the store when it is used.

    A store's settings can be read even if its client library cannot be imported.
    """

    def get(name: str) -> object:
        if name in names:
            return getattr(import_module(".store", folder), name)
        raise AttributeError(f"module {folder!r} has no attribute {name!r}")

    return get


@lru_cache(maxsize=1)
def built_in() -> Mapping[str, type[object]]:
    """Return the classes in which the package's own stores declare their settings, by name.

    Each folder except `kit` is a store. Reading its settings does not import its client library.
    """
    folders = [each.name for each in iter_modules(__path__) if each.ispkg and each.name != "kit"]
    found = {name: _declared_in(import_module(f".{name}.settings", __name__)) for name in folders}
    in_memory = import_module(".memory", __name__).MemorySettings
    return MappingProxyType({**found, "memory": in_memory})


def _declared_in(module: ModuleType) -> type[object]:
    (found,) = (
        each
        for each in vars(module).values()
        if isinstance(each, type) and is_dataclass(each) and each.__module__ == module.__name__
    )
    return found


def read_config(settings: Mapping[str, Any], *, home: str = "") -> Config:
    """Check an application's settings, those of every store here and of the named store.

    `home`: the application's own directory. Raises ConfigError for the first setting that is
    missing, wrong or misspelt.
    """
    declared_in = dict(built_in())
    named = settings.get("SESSION_TYPE")
    if isinstance(named, str) and named not in {*declared_in, "cookie"}:
        declared_in.update(_declared_by_others(named))
    return Config.read(settings, home=home, stores=declared_in)


def _declared_by_others(name: str) -> dict[str, type[object]]:
    """Return the class in which a third-party store declares its settings, if it has one."""
    try:
        kind = getattr(_installed(name), "settings", None)
    except ConfigError:
        return {}  # which `open_store` raises, unless an application was given a store
    if not isinstance(kind, type):
        return {}
    begin = prefix_of(name)
    for each in declared(kind).values():
        if not f"{each.name}_".startswith(begin):
            raise ConfigError(
                f"the store {name!r} has a setting {each.name}, whose name must start with {begin}"
            )
    return {name: kind}


def open_store(config: Config, *, clock: Clock) -> Store | Openable:
    """Open the store that SESSION_TYPE names.

    Raises ConfigError for an unknown name, a missing package or a wrong setting.
    """
    name = config.store_type
    opener = _built_in(name) if name in built_in() else _installed(name)
    return opener(config, clock=clock)


_WITH_OLD_RECORDS = ("redis", "sqlalchemy", "mongodb", "dynamodb", "filesystem")
_KINDS_BY_SCHEME = {
    **dict.fromkeys(("redis", "rediss", "valkey", "valkeys", "unix"), "redis"),
    "mongodb": "mongodb",
    "dynamodb": "dynamodb",
    "memcached": "memcached",
}


def open_old_records(
    source: str | None, place: Place, *, config: Config, colour: Colour, clock: Clock
) -> OldRecords:
    """Return a reader of another library's records; `source` defaults to SESSION_TYPE's place.

    Raises ConfigError if they cannot be read, and NotSupported if they cannot be listed.
    """
    if source is None:
        kind = config.store_type
    else:
        scheme, separator, _ = source.partition("://")
        kind = "filesystem"
        if separator:
            kind = _KINDS_BY_SCHEME.get(scheme.lower().partition("+")[0], "sqlalchemy")
    if kind == "memcached":
        raise NotSupported(
            "memcached cannot list its keys, so no command can move these sessions: each comes "
            "over with its first request, by SESSION_MIGRATE_FROM"
        )
    if kind not in _WITH_OLD_RECORDS:
        kind = "filesystem"  # which says what to write
    try:
        module = import_module(f".{kind}.old_records", __name__)
    except ImportError as error:
        raise ConfigError(
            f"reading these sessions needs a package: pip install 'samesession[{kind}]'"
        ) from error
    return cast(
        "OldRecords",
        module.open_old_records(source, place, config=config, colour=colour, clock=clock),
    )


def _built_in(name: str) -> _Opener:
    module = name if name == "memory" else f"{name}.store"
    try:
        return cast("_Opener", import_module(f".{module}", __name__).open_store)
    except ImportError as error:
        missing = (
            f"SESSION_TYPE {name!r} needs a package that is not installed: "
            f"pip install 'samesession[{name}]'"
        )
        raise ConfigError(getattr(built_in()[name], "not_here", missing)) from error


def _installed(name: str) -> _Opener:
    """Return the store with this name from the installed packages."""
    points = [point for point in entry_points(group=GROUP) if point.name == name]
    sources = sorted({f"{_package(point)} ({point.value})" for point in points})
    if not points and name.lower() in {*built_in(), "cookie"}:
        raise ConfigError(f"SESSION_TYPE is {name!r}: did you mean {name.lower()!r}?")
    if not points and (instead := _type_instead(name)) is not None:
        raise ConfigError(f"SESSION_TYPE is {name!r}, which samesession does not have: {instead}")
    if not points:
        offered = {point.name for point in entry_points(group=GROUP)}
        names = ", ".join(repr(each) for each in sorted({*built_in(), "cookie", *offered}))
        raise ConfigError(
            f"SESSION_TYPE is {name!r}: write one of {names}, or install the package with that "
            "store"
        )
    if len(sources) > 1:
        raise ConfigError(
            f"SESSION_TYPE {name!r} is the name of several stores: uninstall all but one of "
            + ", ".join(sources)
        )
    try:
        return cast("_Opener", points[0].load())
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"SESSION_TYPE {name!r} cannot be loaded from {sources[0]}: {error}"
        ) from error


def _type_instead(name: str) -> str | None:
    """Return what to write for a type of Flask-Session or Quart-Session, by a store's settings."""
    told: dict[str, str] = {}
    for kind in built_in().values():
        told.update(getattr(kind, "types_instead", {}))
    return told.get(name)


def _package(point: EntryPoint) -> str:
    return "an unknown package" if point.dist is None else point.dist.name
