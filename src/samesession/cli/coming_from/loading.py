"""Find the application that a name such as "wsgi:app" stands for, before it uses samesession.

`flask sessions` exists only after `Session(app)`. Before that, or if `Session(app)` fails, users
run `python -m samesession`. If our own `Session(app)` refused the application, it is taken from the
error: its configuration is what the user asks about.
"""

from __future__ import annotations

import traceback
from importlib import import_module
from types import ModuleType
from typing import Any

import click

from ...errors import ConfigError
from ...given_application import framework_of

_NAMES = ("app", "application")
_FACTORIES = ("create_app", "make_app")


def application(named: str) -> Any:  # a Flask or a Quart
    """Return the application of a name: "shop", "shop:app", "shop:create_app" or "shop.py".

    Raises click.UsageError if there is none, and any error from the application's own code.
    """
    name, _, attribute = named.partition(":")
    module_name = name.removesuffix(".py").strip("/").replace("/", ".")
    try:
        found = _found(_module(module_name), attribute.strip().removesuffix("()"))
    except ConfigError as error:
        found = _refused(error)
        if found is None:
            raise
    if framework_of(found) is None:
        raise click.UsageError(f"{named!r} is neither a Flask nor a Quart: write --app module:name")
    return found


def _module(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        # The missing module may also be one that the application imports.
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise click.UsageError(
            f"there is no module {name!r} here: write --app module:name, such as wsgi:app"
        ) from error


def _found(module: ModuleType, attribute: str) -> object:
    if attribute:
        found: object = module
        for name in attribute.split("."):
            found = getattr(found, name, None)
        return _made(found)
    present = [getattr(module, name) for name in _NAMES if hasattr(module, name)]
    others = [each for each in vars(module).values() if framework_of(each) is not None]
    factories = [getattr(module, name) for name in _FACTORIES if hasattr(module, name)]
    candidates: list[object] = [*present, *others, *factories]
    return _made(candidates[0]) if candidates else None


def _made(found: object) -> object:
    if framework_of(found) is not None or not callable(found):
        return found
    return found()


def _refused(error: ConfigError) -> object | None:
    """Return the application that our own code refused with this error."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        ours = str(frame.f_globals.get("__name__")).partition(".")[0] == "samesession"
        app: object = frame.f_locals.get("app")
        if ours and framework_of(app) is not None:
            return app
    return None
