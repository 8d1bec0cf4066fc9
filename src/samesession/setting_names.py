"""Names of settings that are not ours: which have no effect, and what to write in their place.

Flask-Session and Quart-Session have settings that ours serve otherwise, and people guess
names. None of them does nothing without a word. Other names of `SESSION_...` belong to
those who read them.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Collection, Mapping
from typing import Any, Final

from .errors import ConfigError

# Settings of theirs whose purpose ours serve without them: a warning.
NO_EFFECT: Final = {
    "SESSION_USE_SIGNER": "every cookie is signed",
    "SESSION_FILE_THRESHOLD": "no session is ever evicted",
    "SESSION_CLEANUP_N_REQUESTS": "expired sessions are purged outside of requests",
    "SESSION_SQLALCHEMY_SEQUENCE": "the table has no sequence",
    "SESSION_DYNAMODB_TABLE_EXISTS": "the table is made by `flask sessions init-db`, or if "
    "SESSION_DYNAMODB_CREATE is True",
    "SESSION_EXPLICIT": "a session is written where it has changed",
    "SESSION_PROTECTION": "a session is bound to no address",
    "SESSION_REVERSE_PROXY": "a session is bound to no address",
    "SESSION_HIJACK_PROTECTION": "a session is bound to no address",
    "SESSION_HIJACK_REVERSE_PROXY": "a session is bound to no address",
}
_SQL = (
    'write SESSION_TYPE = "sqlalchemy" and SESSION_SQLALCHEMY = an engine, or a URL such as '
    '"postgresql+psycopg://127.0.0.1/shop"'
)
_MEMCACHED = 'write SESSION_MEMCACHED = "127.0.0.1:11211"'
_CLIENT = "write SESSION_MONGODB = a client that was made with them"
# Settings of theirs, and Django's names, that must be written otherwise: an error.
WRITE_INSTEAD: Final = {
    "SESSION_CACHELIB": 'write SESSION_TYPE = "filesystem" and SESSION_FILE_DIR, or choose '
    "another store",
    "SESSION_CLIENT": "write SESSION_TYPE and the setting of that store, such as SESSION_REDIS",
    "SESSION_POSTGRESQL": _SQL,
    "SESSION_POSTGRESQL_TABLE": f"{_SQL}, and SESSION_SQLALCHEMY_TABLE",
    "SESSION_POSTGRESQL_SCHEMA": f"{_SQL}, and SESSION_SQLALCHEMY_SCHEMA",
    "SESSION_URI": 'write SESSION_REDIS = "redis://127.0.0.1:6379/0"',
    "SESSION_MEMCACHED_HOST": _MEMCACHED,
    "SESSION_MEMCACHED_PORT": _MEMCACHED,
    "SESSION_MONGODB_URI": "write SESSION_MONGODB",
    "SESSION_MONGODB_COLLECTION": "write SESSION_MONGODB_COLLECT",
    "SESSION_MONGODB_CLIENT_KWARGS": _CLIENT,
    "SESSION_MONGODB_SET_CALLBACK": "write SESSION_MONGODB_DB and SESSION_MONGODB_COLLECT",
    "SESSION_STATIC_FILE": "write SESSION_EXEMPT_STATIC = False",
    "SESSION_EXPIRE_AT_BROWSER_CLOSE": "write SESSION_PERMANENT, which says the opposite",
    "SESSION_SAVE_EVERY_REQUEST": "write SESSION_REFRESH_EACH_REQUEST",
}
_LIFETIME = "PERMANENT_SESSION_LIFETIME"
# What people call what has another name here.
_MEANT = {
    **dict.fromkeys(("AGE", "DURATION", "EXPIRATION", "EXPIRE", "EXPIRES", "EXPIRY"), _LIFETIME),
    **dict.fromkeys(("LIFETIME", "TIMEOUT", "TTL"), _LIFETIME),
    **dict.fromkeys(("BACKEND", "ENGINE", "INTERFACE", "STORAGE"), "SESSION_TYPE"),
    **dict.fromkeys(("CLIENT", "HOST", "PASSWORD", "PORT", "URL", "VALKEY"), "SESSION_REDIS"),
    "SECRET": "SECRET_KEY",
    "SERIALIZER": "SESSION_SERIALIZATION_FORMAT",
}


def check_names(settings: Mapping[str, Any], known: Collection[str], others: str | None) -> None:
    """Raise ConfigError for a name that somebody wrote for one of ours, and warn of what is idle.

    `others`: how the settings of a store by others begin.
    """
    for name, value in settings.items():
        if not name.startswith("SESSION_") or name in known:
            continue
        if name in NO_EFFECT or name in WRITE_INSTEAD:
            if _asks(name, value):
                _tell(name)
        elif others is None or not name.startswith(others):
            _refuse_guess(name, known)


def _asks(name: str, value: object) -> bool:
    """Return whether a value of theirs asks for anything, and is theirs."""
    if name == "SESSION_PROTECTION":
        return isinstance(value, bool) and value  # text is Flask-Login's
    return value is not None and not (name == "SESSION_STATIC_FILE" and value is False)


def _tell(name: str) -> None:
    if name in WRITE_INSTEAD:
        raise ConfigError(f"{name} is no setting of ours: {WRITE_INSTEAD[name]}")
    warnings.warn(f"{name} has no effect: {NO_EFFECT[name]}", stacklevel=5)


def _refuse_guess(name: str, known: Collection[str]) -> None:
    meant = _meant(name, known)
    if meant:
        raise ConfigError(f"{name} is no setting of ours: did you mean {' or '.join(meant)}?")


def _meant(name: str, known: Collection[str]) -> list[str]:
    """Return which of our settings a name may stand for."""
    words = name.split("_")[1:]
    same = sorted(each for each in known if set(words) <= set(each.split("_")))
    if same and len(words) > 1:
        return same
    # SESSION_REDIS_URL begins as SESSION_REDIS does.
    begun = sorted((each for each in known if name.startswith(f"{each}_")), key=len)
    if begun:
        return begun[-1:]
    if (synonym := next((_MEANT[word] for word in words if word in _MEANT), None)) is not None:
        return [synonym]
    family = sorted(each for each in known if each.startswith(f"SESSION_{words[0]}_"))
    return difflib.get_close_matches(name, known, n=1, cutoff=0.9) or same or family
