"""The stores, each imported only when an application names it.

A package by others adds one by an entry point of the group `samesession.stores`:
its name is what SESSION_TYPE says, its object is called as the `open_store` below.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, cast

from ..core.store import Clock, Openable, Store
from ..errors import ConfigError
from ..settings import Config

GROUP = "samesession.stores"

# SESSION_TYPE to the module of this package that has `open_store`, and the
# extra that installs what it needs.
_MODULES = {
    "dynamodb": ("dynamodb", "dynamodb"),
    "filesystem": ("filesystem", None),
    "memcached": ("memcached", "memcached"),
    "memory": ("memory", None),
    "mongodb": ("mongodb", "mongodb"),
    "redis": ("redis", "redis"),
    "sqlalchemy": ("sqlalchemy", "sqlalchemy"),
}

_DEFAULT = {"filesystem": ", the default,"}

# Types of Flask-Session's and Quart-Session's that have another name here.
_THEIRS = {
    "cachelib": "write 'filesystem', or another store",
    "null": "leave it out, or write 'filesystem'",
    "postgresql": "write 'sqlalchemy', and SESSION_SQLALCHEMY",
    "redis+trio": "write 'redis', and run Quart on asyncio",
    "valkey": "write 'redis', which serves Valkey, too",
}


class _Opener(Protocol):
    def __call__(self, config: Config, *, clock: Clock) -> Store | Openable: ...


def open_store(config: Config, *, clock: Clock) -> Store | Openable:
    """Open the store that SESSION_TYPE names.

    Raises ConfigError for an unknown name, a missing package or a wrong setting.
    """
    known = _MODULES.get(config.store_type)
    opener = _built_in(*known) if known else _installed(config.store_type)
    return opener(config, clock=clock)


def _built_in(module: str, extra: str | None) -> _Opener:
    try:
        return cast("_Opener", import_module(f".{module}", __name__).open_store)
    except ImportError as error:
        if extra is None:  # it needs the standard library alone, and not all systems have all of it
            raise ConfigError(
                f"SESSION_TYPE {module!r}{_DEFAULT.get(module, '')} needs Linux or macOS: "
                "write another one, such as 'redis' or 'sqlalchemy'"
            ) from error
        raise ConfigError(
            f"SESSION_TYPE {module!r} needs a package that is not installed: "
            f"pip install 'samesession[{extra}]'"
        ) from error


def _installed(name: str) -> _Opener:
    """Find the store of that name among those that other packages install."""
    points = [point for point in entry_points(group=GROUP) if point.name == name]
    sources = sorted({f"{_package(point)} ({point.value})" for point in points})
    if not points and name.lower() in {*_MODULES, "cookie"}:
        raise ConfigError(f"SESSION_TYPE is {name!r}: did you mean {name.lower()!r}?")
    if not points and name in _THEIRS:
        raise ConfigError(f"SESSION_TYPE is {name!r}, which is none of ours: {_THEIRS[name]}")
    if not points:
        offered = {point.name for point in entry_points(group=GROUP)}
        names = ", ".join(repr(each) for each in sorted({*_MODULES, "cookie", *offered}))
        raise ConfigError(
            f"SESSION_TYPE is {name!r}: write one of {names}, "
            "or install the package whose store that is"
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


def _package(point: EntryPoint) -> str:
    return "an unknown package" if point.dist is None else point.dist.name
