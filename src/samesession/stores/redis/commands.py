"""The commands that the redis store sends, each defined once. No I/O.

A command is a tuple of its name and arguments. The sender packs it: our own connections with
hiredis, a given client with redis-py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from ...errors import SessionTooLarge
from .scripts import digest

Argument: TypeAlias = str | bytes | int
Command: TypeAlias = tuple[Argument, ...]

ASKING: Command = (
    "ASKING",
)  # for a node of a Cluster that is about to take over the next command's key
CLUSTER_SLOTS: Command = ("CLUSTER", "SLOTS")
HELLO: Command = ("HELLO",)  # does the same as ROLE, and needs no further permission
INFO: Command = ("INFO",)
TIME: Command = ("TIME",)

# Commands that may be sent again after they were answered: they change only an expiry, which is
# restarted.
READS = frozenset((b"GET", b"GETEX"))

_KEY_AT = {"EVALSHA": 3, "EVAL": 3}  # in other commands the key comes first
_LARGEST = 512 * 1024 * 1024  # bytes: the server's default for proto-max-bulk-len
_PATTERNS = re.compile(r"[\\*?\[\]^]")


def get(key: str) -> Command:
    """Read a key."""
    return ("GET", key)


def get_range(key: str, size: int) -> Command:
    """Read the first bytes of a key's value; empty if there is none."""
    return ("GETRANGE", key, 0, size - 1)


def left(key: str) -> Command:
    """Return the milliseconds until a key expires; -1 for never, -2 if it does not exist."""
    return ("PTTL", key)


def get_and_renew(key: str, seconds: int) -> Command:
    """Read a key and restart its expiry."""
    return ("GETEX", key, "EX", seconds)


def set_if_absent(key: str, value: bytes, seconds: int) -> Command:
    """Write a key with an expiry, if it does not exist."""
    return ("SET", key, value, "EX", seconds, "NX")


def swap(key: str, old: bytes, new: bytes, seconds: int | None) -> Command:
    """Replace a value if it is unchanged, and return the former value in any case.

    `seconds`: the expiry, None to keep it. Valkey has this since 8.1, Redis since 8.4.
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
    """Run a script that the server does not know yet, but will from now on."""
    return ("EVAL", script, 1, key, *args)


def ping(word: bytes) -> Command:
    """Make the server repeat a word."""
    return ("PING", word)


def echo(word: bytes) -> Command:
    """Make the server repeat a word, through a client that reads the answer to PING as a flag."""
    return ("ECHO", word)


def scan(prefix: str, cursor: str, count: int) -> Command:
    """Look at about this many of a server's keys, and list those with a prefix."""
    return ("SCAN", cursor, "MATCH", _PATTERNS.sub(r"\\\g<0>", prefix) + "*", "COUNT", count)


def publish(channel: str, message: str) -> Command:
    """Send a message to all listeners of a channel."""
    return ("PUBLISH", channel, message)


def config(name: str) -> Command:
    """Read one of the server's settings: reading all would include its password."""
    return ("CONFIG", "GET", name)


def check_size(record: bytes) -> None:
    """Refuse a size for which the server would close the connection, which others share."""
    if len(record) > _LARGEST:
        raise SessionTooLarge(
            len(record), _LARGEST, "the session's record", "keep less in the session"
        )


def key_of(command: Command) -> str:
    """Return a command's key."""
    return str(command[_KEY_AT.get(str(command[0]), 1)])
