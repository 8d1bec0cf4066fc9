"""Check names of owners, sessions and keys that an application passes, before asking a store.

A name may come from a request. JSON can spell half of a surrogate pair, a str that cannot be sent
to any store, and NUL, which ends a text for some. Each store would report that in its own way, and
late. A refused name is never quoted: it may be a person's name or a cookie.
"""

from __future__ import annotations

import re

from ..errors import ConfigError, InvalidName
from .token import SID_PATTERN

MAX_BYTES = 1024  # of an owner, as a record holds it, and of a prefix
MAX_LABEL = 256  # bytes of a label

_SID = re.compile(SID_PATTERN, re.ASCII)
# Characters that UTF-8 cannot encode, and the one that ends a text in C.
_UNFIT = re.compile("[\0\ud800-\udfff]")


def is_name(value: object) -> bool:
    """Return whether a value is a str of 1 to 1,024 bytes in UTF-8, without NUL."""
    return (
        type(value) is str
        and 0 < len(value) <= MAX_BYTES
        and _UNFIT.search(value) is None
        and len(value.encode()) <= MAX_BYTES
    )


def checked_owner(owner: object, call: str) -> str:
    """Return the owner that was passed to the function named `call`.

    Raises InvalidName for any value that cannot be one. A subclass of str is refused, because it
    may compare and encode in its own way.
    """
    if type(owner) is not str or not is_name(owner):
        raise InvalidName(
            f"{call}() takes the owner as a str of 1 to {MAX_BYTES} bytes in UTF-8, "
            f"without NUL: write {call}(str(user.id))"
        )
    return owner


def checked_label(label: object, call: str) -> str | None:
    """Return a session's label, or None for none; raise InvalidName for any other value."""
    if label is None:
        return None
    if type(label) is not str or not is_name(label) or len(label.encode()) > MAX_LABEL:
        raise InvalidName(
            f"{call}() takes the label as a str of 1 to {MAX_LABEL} bytes in UTF-8, without NUL, "
            'or None: write label="Firefox on Linux", or label=text[:64] if text is not empty'
        )
    return label


def checked_at_most(at_most: object, call: str) -> int | None:
    """Return how many sessions an owner keeps, None for any number.

    Raises TypeError if it is not an int, and ValueError if it is below 1.
    """
    if at_most is None:
        return None
    if type(at_most) is not int:
        raise TypeError(f"{call}() takes at_most as an int or None, not {type(at_most).__name__}")
    if at_most < 1:
        raise ValueError(f"{call}() takes an at_most of at least 1: the new session is counted")
    return at_most


def checked_sid(sid: object, call: str) -> str:
    """Return a sid, or any other str in its place; raise InvalidName if it is not a str."""
    if type(sid) is not str:
        raise InvalidName(
            f"{call}() takes a session's sid as a str: write session.sid, or the sid of a session "
            "that sessions_of() lists"
        )
    return sid


def checked_keep(sid: object, call: str) -> str | None:
    """Return the sid of the session that is kept; raise InvalidName if it is not a sid.

    With a misspelt sid, the session to keep would end with the others.
    """
    if sid is None:
        return None
    if type(sid) is not str or not is_sid(sid):
        raise InvalidName(
            f"{call}() takes the sid of the session to keep, or None: write keep=session.sid"
        )
    return sid


def checked_prefix(prefix: object) -> str:
    """Return the prefix of a store's keys; raise ConfigError if no store can take it."""
    if type(prefix) is not str or not is_name(prefix) or not prefix.isprintable():
        raise ConfigError(
            f"SESSION_KEY_PREFIX must be printable text of 1 to {MAX_BYTES} bytes in UTF-8, "
            "such as 'session:'"
        )
    return prefix


def is_sid(text: str) -> bool:
    """Return whether a text has the form of a session's sid."""
    return _SID.fullmatch(text) is not None


def plain_key(key: object) -> str:
    """Return a key as a plain str; raise TypeError for any other type."""
    if type(key) is str:
        return key
    if isinstance(key, str):
        return str.__str__(key)
    raise TypeError(f"session keys are str, not {type(key).__name__}: write session[str(key)]")
