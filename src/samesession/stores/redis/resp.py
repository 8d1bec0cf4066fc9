"""Redis's protocol with hiredis: commands to bytes, bytes to answers. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import hiredis
from redis.exceptions import NoScriptError, ReadOnlyError, ResponseError

from .commands import Command

# hiredis's annotation does not allow str.
pack: Callable[[Command], bytes] = cast("Any", hiredis).pack_command


def name_of(packed: bytes) -> bytes:
    """Return the name of a packed command."""
    return packed[:64].split(b"\r\n", 3)[2]


def is_unknown(refusal: ResponseError) -> bool:
    """Return whether a server does not know a command or its options, or refuses this user."""
    return str(refusal).startswith(("ERR ", "NOPERM "))


def reader() -> hiredis.Reader:
    """Return a reader of one connection's answers; refusals come as redis-py's errors."""
    return hiredis.Reader(protocolError=hiredis.ProtocolError, replyError=_refusal)


def _refusal(message: str) -> ResponseError:
    if message.startswith("NOSCRIPT"):
        return NoScriptError(message)
    if message.startswith("READONLY"):
        return ReadOnlyError(message)
    return ResponseError(message)
