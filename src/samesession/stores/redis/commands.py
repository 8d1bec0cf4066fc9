"""The commands that the redis store has servers do, each written down once. No I/O.

A command is a tuple of its name and arguments. Whoever sends it packs it: our own
connections by hiredis, a given client by redis-py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from ...errors import SessionTooLarge
from .scripts import digest

Argument: TypeAlias = str | bytes | int
Command: TypeAlias = tuple[Argument, ...]

ASKING: Command = ("ASKING",)  # for a node of a Cluster that is about to get the next one's key
CLUSTER_SLOTS: Command = ("CLUSTER", "SLOTS")
HELLO: Command = ("HELLO",)  # says what ROLE does, and needs no further permission
INFO: Command = ("INFO",)
TIME: Command = ("TIME",)

# Commands that may be sent again though they were answered before: they change nothing but
# an expiry, which is restarted.
READS = frozenset((b"GET", b"GETEX"))

_KEY_AT = {"EVALSHA": 3, "EVAL": 3}  # elsewhere the key comes first
_LARGEST = 512 * 1024 * 1024  # bytes: the server's default for proto-max-bulk-len
_PATTERNS = re.compile(r"[\\*?\[\]^]")


def get(key: str) -> Command:
    """Read a key."""
    return ("GET", key)


def get_range(key: str, size: int) -> Command:
    """Read so many bytes of a key from its beginning; none where it is not there."""
    return ("GETRANGE", key, 0, size - 1)


def left(key: str) -> Command:
    """Return in how many milliseconds a key expires; -1: never, -2: it is not there."""
    return ("PTTL", key)


def get_and_renew(key: str, seconds: int) -> Command:
    """Read a key and restart its expiry."""
    return ("GETEX", key, "EX", seconds)


def set_if_absent(key: str, value: bytes, seconds: int) -> Command:
    """Write a key that is not there, with an expiry."""
    return ("SET", key, value, "EX", seconds, "NX")


def swap(key: str, old: bytes, new: bytes, seconds: int | None) -> Command:
    """Replace a value that is there still, and return what was there, replaced or not.

    `seconds`: the expiry, None: as before. Of Valkey since 8.1, of Redis since 8.4.
    """
    expiry: Command = ("KEEPTTL",) if seconds is None else ("EX", seconds)
    return ("SET", key, new, "IFEQ", old, "GET", *expiry)


def delete(key: str) -> Command:
    """Delete a key."""
    return ("DEL", key)


def remove_members(key: str, members: Sequence[str]) -> Command:
    """Delete members of a sorted set."""
    return ("ZREM", key, *members)


def run_script(script: str, key: str, *args: Argument) -> Command:
    """Run a script that the server knows."""
    return ("EVALSHA", digest(script), 1, key, *args)


def run_new_script(script: str, key: str, *args: Argument) -> Command:
    """Run a script that the server does not know: from now on it does."""
    return ("EVAL", script, 1, key, *args)


def ping(word: bytes) -> Command:
    """Have a word said again."""
    return ("PING", word)


def echo(word: bytes) -> Command:
    """Have a word said again, through a client that reads the answer to PING as a flag."""
    return ("ECHO", word)


def scan(prefix: str, cursor: str, count: int) -> Command:
    """Look at so many of a server's keys, about, and list those that begin with a prefix."""
    return ("SCAN", cursor, "MATCH", _PATTERNS.sub(r"\\\g<0>", prefix) + "*", "COUNT", count)


def publish(channel: str, message: str) -> Command:
    """Send a message to all who listen to a channel."""
    return ("PUBLISH", channel, message)


def config(name: str) -> Command:
    """Read one of the server's own settings: all of them would have its password among them."""
    return ("CONFIG", "GET", name)


def check_size(record: bytes) -> None:
    """Refuse what the server would close the connection for, which others share."""
    if len(record) > _LARGEST:
        raise SessionTooLarge(
            len(record), _LARGEST, "the session's record", "keep less in the session"
        )


def key_of(command: Command) -> str:
    """Return the key that a command is about."""
    return str(command[_KEY_AT.get(str(command[0]), 1)])
