"""The stores, each imported only when an application names it."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from ..config import Config
from ..core.store import Clock, Store, TwoFaced
from ..errors import ConfigError

# SESSION_TYPE to the module of this package that has `open_store`, and the
# extra that installs what it needs.
_MODULES = {
    "filesystem": ("filesystem", None),
    "memory": ("memory", None),
    "redis": ("redis", "redis"),
}


class _Module(Protocol):
    def open_store(self, config: Config, *, clock: Clock) -> Store | TwoFaced: ...


def open_store(config: Config, *, clock: Clock) -> Store | TwoFaced:
    """Open the store that SESSION_TYPE names.

    Raises ConfigError for an unknown name, a missing package or a wrong setting.
    """
    known = _MODULES.get(config.store_type)
    if known is None:
        names = ", ".join(repr(name) for name in sorted([*_MODULES, "cookie"]))
        raise ConfigError(f"SESSION_TYPE is {config.store_type!r}: write one of {names}")
    module, extra = known
    try:
        found = cast("_Module", import_module(f".{module}", __name__))
    except ImportError as error:
        raise ConfigError(
            f"SESSION_TYPE {config.store_type!r} needs a package that is not installed: "
            f"pip install 'samesession[{extra}]'"
        ) from error
    return found.open_store(config, clock=clock)
