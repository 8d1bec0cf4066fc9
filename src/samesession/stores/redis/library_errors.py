"""redis-py's errors, looked up when one is raised.

Loading redis-py costs more than the rest of an application's start, and always includes its clients
of both colours, of Clusters and of Sentinels. So the modules that an application needs at its start
name redis-py's errors through this module. An `except` looks a name up only after something was
raised.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis.exceptions import (
        AskError,
        InvalidResponse,
        NoPermissionError,
        NoScriptError,
        ReadOnlyError,
        RedisClusterException,
        RedisError,
        ResponseError,
    )
    from redis.exceptions import TimeoutError as RedisTimeoutError

__all__ = [
    "AskError",
    "InvalidResponse",
    "NoPermissionError",
    "NoScriptError",
    "ReadOnlyError",
    "RedisClusterException",
    "RedisError",
    "RedisTimeoutError",
    "ResponseError",
    "code_of",
]


def code_of(error: ResponseError) -> str:
    """Return the code of a server's refusal; its text may quote what was sent."""
    # redis-py removes the code if it has a class for it.
    word = str(error).partition(" ")[0]
    return word if word.isupper() else type(error).__name__


# Classes that would hide one of Python's own have another name here.
_BUILT_IN = {"RedisTimeoutError": "TimeoutError"}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in __all__:
            name = _BUILT_IN.get(name, name)
            return getattr(import_module("redis.exceptions"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
