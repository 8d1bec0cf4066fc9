"""Recognise an application, or explain what is wrong with the object passed in its place.

Imports neither framework: a caller with an application has imported its own.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Mapping
from typing import Any, cast

from .errors import ConfigError

_CLASSES = {"quart": "Quart", "flask": "Flask"}
_FACTORY = (
    "if it creates the application, write Session(create_app()), or sessions = Session() and, "
    "within the function, sessions.init_app(app)"
)


def checked(app: Any) -> tuple[Any, str]:  # Any: a Flask or a Quart, or anything else
    """Return an application, which may come as a proxy, and its framework's name.

    Raises TypeError if it is not one, and ConfigError if it has sessions already, or has served a
    request without them.
    """
    found = _behind_proxy(app, "Session()")
    framework = framework_of(found)
    if framework is None:
        told = f"Session() takes a Flask or a Quart, not {_article(type(found).__name__)}"
        advice = _advice(found)
        raise TypeError(f"{told}: {advice}" if advice else told)
    if hasattr(found.session_interface, "app_sessions"):
        raise ConfigError(
            "this application has sessions already: call Session(app) once. A test that needs "
            "other settings writes them to app.config before the first request"
        )
    if _serves(found, framework):
        raise ConfigError(
            "this application already serves requests: call Session(app) where it is created"
        )
    return found, framework


def check_is(app: object, framework: str) -> None:
    """Raise TypeError for an application of the other framework, or for any other object."""
    found = framework_of(app)
    if found != framework:
        raise TypeError(
            f"samesession.{framework}.init_app() takes a {_CLASSES[framework]}, not "
            f"{_article(type(app).__name__)}: write Session(app), which takes either framework's "
            "application"
        )


def given_to(call: str, app: object, framework: str) -> Any:
    """Return the application that was passed to a function of a framework.

    Raises TypeError if it is not an application of that framework.
    """
    found: object = _behind_proxy(app, call)
    kind = framework_of(found)
    if kind == framework:
        return found
    told = f"{call} takes a {_CLASSES[framework]}, not {_article(type(found).__name__)}"
    raise TypeError(told if kind is None else f"{told}: import it from samesession.{kind}")


def framework_of(app: object) -> str | None:
    """Return the framework of an application; None if the object is not one."""
    for framework, name in _CLASSES.items():
        kind = getattr(sys.modules.get(framework), name, None)
        if isinstance(kind, type) and isinstance(app, kind):
            return framework
    return None


def _serves(app: Any, framework: str) -> bool:
    """Return whether an application serves requests already: too late to change it."""
    if getattr(app, "_got_first_request", False) or hasattr(app, "shutdown_event"):
        return True
    module = cast("Any", sys.modules[framework])
    # A request of another application may well create this one.
    return module.has_request_context() and _behind_proxy(module.current_app, "") is app


def _behind_proxy(app: Any, call: str) -> Any:
    if type(app).__name__ != "LocalProxy":
        return app
    try:
        return app._get_current_object()  # noqa: SLF001  # documented
    except RuntimeError as error:
        raise TypeError(
            f"{call} takes a Flask or a Quart, but no application is active, so current_app is "
            "empty: write Session(app)"
        ) from error


def _advice(given: object) -> str | None:
    """Return what to write in place of an object that is not an application."""
    bases = given.__mro__ if isinstance(given, type) else type(given).__mro__
    names = {(base.__module__.partition(".")[0], base.__name__) for base in bases}
    if isinstance(given, type):
        known = any((framework, name) in names for framework, name in _CLASSES.items())
        return f"pass an object of it: {given.__name__}(__name__)" if known else None
    if not {("flask", "Blueprint"), ("quart", "Blueprint")}.isdisjoint(names):
        return (
            "a blueprint has the sessions of the application that it is registered with: write "
            "Session(app) for that application"
        )
    if framework_of(getattr(given, "__self__", None)) is not None:
        return "pass the application, not its method"
    if inspect.isroutine(given) or isinstance(given, functools.partial):
        return _FACTORY
    if isinstance(given, str):
        return "pass the application, not its name"
    if isinstance(given, Mapping):
        return "write settings to app.config, and then Session(app)"
    if hasattr(given, "load") and hasattr(given, "commit"):
        return "write Session(app, store=...)"
    return _advice_of_parts(given)


def _advice_of_parts(given: object) -> str | None:
    parts = cast("dict[str, object]", getattr(given, "__dict__", {}))
    held = (name for name, value in parts.items() if framework_of(value) is not None)
    inside = next(held, None)
    return None if inside is None else f"pass the application itself, its attribute {inside!r}"


def _article(name: str) -> str:
    return f"{'an' if name[:1] in 'AEIOUaeio' else 'a'} {name}"


def without_sessions(app: Any) -> ConfigError:  # a Flask or a Quart
    """Return the error for an application that has none of our sessions, or none any more."""
    interface: object = app.session_interface
    kind = type(interface)
    usual = kind.__name__ == "SecureCookieSessionInterface"
    other = (
        "" if usual else (f", after the code that gave it a {kind.__module__}.{kind.__qualname__}")
    )
    return ConfigError(
        f"this application does not use samesession: call Session(app) where it is created{other}"
    )


def home_of(app: Any) -> str:  # a Flask or a Quart
    """Return the directory that an application may write to, wherever it is started from."""
    found = app.instance_path if os.path.isdir(app.instance_path) else app.root_path
    return str(found)
