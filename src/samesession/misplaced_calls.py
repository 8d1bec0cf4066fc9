"""Explain what to do if an action is called outside of its framework's requests.

Knows the two frameworks by name, and imports neither.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

T = TypeVar("T")
P = ParamSpec("P")

_OTHER = {"flask": "quart", "quart": "flask"}


def belonging(framework: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Make a function raise RuntimeError at once if the other framework calls it.

    A coroutine, or a block of the other colour, might never be awaited, and its work would silently
    not be done.
    """

    def decorate(func: Callable[P, T]) -> Callable[P, T]:
        @wraps(func)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            if not _is_active(framework) and _is_active(_OTHER[framework]):
                raise _foreign(framework)
            return func(*args, **kwargs)

        return call

    return decorate


def outside_of_application(framework: str) -> RuntimeError:
    """Return the error for an action without an active application."""
    if _is_active(_OTHER[framework]):
        return _foreign(framework)
    block = "async with" if framework == "quart" else "with"
    return RuntimeError(
        f"no application is active here: call this in a request, or within "
        f"`{block} app.app_context():`"
    )


def outside_of_request(framework: str) -> RuntimeError:
    """Return the error for code that needs a request's session outside of requests."""
    if _is_active(_OTHER[framework]):
        return _foreign(framework)
    return RuntimeError(
        "no request is active here: in a streamed body wrap the generator in "
        f"{framework}.stream_with_context, in a thread or task use "
        f"{framework}.copy_current_request_context"
    )


def replaced(framework: str) -> RuntimeError:
    """Return the error for a session that other code put in place of the request's session."""
    return RuntimeError(
        f"{framework}.session is a copy here, which is kept for the connection and never saved: "
        "with Flask-SocketIO write SocketIO(app, manage_session=False)"
    )


def _foreign(framework: str) -> RuntimeError:
    other = _OTHER[framework]
    return RuntimeError(
        f"this is a {other.capitalize()} application: import from samesession.{other}, "
        f"not from samesession.{framework}"
    )


def _is_active(framework: str) -> bool:
    """Return whether an application of a framework is active here."""
    module: Any = sys.modules.get(framework)
    has = cast("Callable[[], bool] | None", getattr(module, "has_app_context", None))
    return has is not None and has()
