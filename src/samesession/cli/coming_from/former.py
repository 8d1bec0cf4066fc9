"""An application as another library's sessions have it, and what may become of a setting.

Settings hold anything: what may be a secret, or is no plain data, is never shown.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from ...core.findings import Level
from ...reading_settings import declared
from ...settings import CommonSettings
from ...stores import built_in

FLASK_SESSION: Final = "flask-session"
QUART_SESSION: Final = "quart-session"
SIGNED_COOKIE: Final = "signed-cookie"

IMPORTS: Final = {FLASK_SESSION: "flask_session", QUART_SESSION: "quart_session"}
NAMES: Final = {
    FLASK_SESSION: "Flask-Session",
    QUART_SESSION: "Quart-Session",
    SIGNED_COOKIE: "Flask's signed cookie",
}

ELIDED: Final = "..."
# Their settings that may hold a password; ours say so themselves.
_THEIR_SECRETS: Final = frozenset(
    {
        "SECRET_KEY",
        "SESSION_CACHELIB",
        "SESSION_CLIENT",
        "SESSION_MONGODB_CLIENT_KWARGS",
        "SESSION_MONGODB_URI",
        "SESSION_POSTGRESQL",
        "SESSION_URI",
    }
)
# What an interface is called that Flask-Session or Quart-Session made, and its SESSION_TYPE.
_INTERFACES: Final = {
    "RedisSessionInterface": "redis",
    "RedisTrioSessionInterface": "redis+trio",
    "MemcachedSessionInterface": "memcached",
    "FileSystemSessionInterface": "filesystem",
    "CacheLibSessionInterface": "cachelib",
    "MongoDBSessionInterface": "mongodb",
    "SqlAlchemySessionInterface": "sqlalchemy",
    "DynamoDBSessionInterface": "dynamodb",
    "PostgreSqlSessionInterface": "postgresql",
}


class Fate(enum.StrEnum):
    """What becomes of a setting."""

    KEPT = "kept"
    RENAMED = "renamed"
    REPLACED = "replaced"
    DROPPED = "dropped"
    ADDED = "added"


# A setting that is dropped has no effect here; what is to be written, is missing until then.
_LEVELS: Final = {Fate.KEPT: Level.OK, Fate.DROPPED: Level.NOTICE}


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of one setting, and why.

    `write`: the lines in its place. `known_level`: how bad it is to leave it, if that is
    another level than the fate's own.
    """

    fate: Fate
    why: str
    write: tuple[str, ...] = ()
    known_level: Level | None = None

    @property
    def level(self) -> Level:
        """How bad it is to leave the setting as it is."""
        if self.known_level is not None:
            return self.known_level
        return _LEVELS.get(self.fate, Level.WARNING)


@dataclass(frozen=True, slots=True)
class Former:
    """An application as it is.

    `settings`: what its configuration holds. `implied`: settings that stand nowhere, but
    that its session interface was made with. `has_ours`: whether that interface is ours.
    `interface`: the class of it. `release`: the library's, None where none is installed.
    `time`: seconds since 1970.
    """

    library: str
    settings: Mapping[str, Any] = field(repr=False)
    time: float
    implied: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    has_ours: bool = False
    interface: str = ""
    release: str | None = None

    def get(self, name: str, default: object = None) -> Any:
        """Return a setting's value, be it written or implied."""
        found = self.settings.get(name)
        return self.implied.get(name, default) if found is None else found

    @property
    def is_read(self) -> bool:
        """Whether the configuration says that this library's sessions are read.

        Then what it calls as we do (a table, a cookie) is meant for us.
        """
        return self.library in self.readers

    @property
    def readers(self) -> tuple[str, ...]:
        """The libraries whose sessions are read."""
        found = self.settings.get("SESSION_MIGRATE_FROM")
        if not isinstance(found, list | tuple | set | frozenset):
            return ()
        return tuple(str(each) for each in cast("Iterable[object]", found))

    @property
    def store(self) -> str | None:
        """The store that takes the place of the old one."""
        return {"redis+trio": "redis", "cachelib": "filesystem", "postgresql": "sqlalchemy"}.get(
            self.kind or "", self.kind
        )

    @property
    def kind(self) -> str | None:
        """What SESSION_TYPE says, in small letters; None: nothing."""
        found = self.get("SESSION_TYPE")
        return None if found is None else str(found).lower()


def implied_by(interface: object) -> dict[str, Any]:
    """Return the settings that Flask-Session's or Quart-Session's interface was made with.

    An application may make it by itself, out of no settings, as Airflow does.
    """
    names = [base.__name__ for base in type(interface).__mro__]
    kind = next((_INTERFACES[name] for name in names if name in _INTERFACES), None)
    if kind is None:
        return {}
    found: dict[str, Any] = {"SESSION_TYPE": kind}
    for name, setting, default in (
        ("key_prefix", "SESSION_KEY_PREFIX", "session:"),
        ("permanent", "SESSION_PERMANENT", True),
        ("use_signer", "SESSION_USE_SIGNER", False),
    ):
        value: object = getattr(interface, name, default)
        if isinstance(value, str | bool) and value != default:
            found[setting] = value
    table: object = getattr(getattr(interface, "sql_session_model", None), "__tablename__", None)
    if isinstance(table, str):
        found["SESSION_SQLALCHEMY_TABLE"] = table
    return found


def line(name: str, value: object) -> str:
    """Return a setting as the line of a configuration file."""
    return f"{name} = {shown(name, value)}"


def shown(name: str, value: object) -> str:
    """Return a setting's value as Python writes it, or `...` for what is better not shown."""
    if isinstance(value, str):
        may_be_secret = name in _secrets() or "://" in value
        if may_be_secret and not _is_plain_address(value):
            return ELIDED
        # ASCII alone: no terminal does anything for it.
        return json.dumps(value)
    if hasattr(value, "__fspath__"):
        return json.dumps(str(value))
    if name in _secrets() and value is not None:
        return ELIDED
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    return ELIDED


def _is_plain_address(text: str) -> bool:
    """Return whether a text is an address without credentials: a URL has them here or there."""
    return not {*"@?#"} & {*text} and text.isprintable()


def _secrets() -> frozenset[str]:
    kinds: list[type[object]] = [CommonSettings, *built_in().values()]
    ours = {each.name for kind in kinds for each in declared(kind).values() if each.is_secret}
    return _THEIR_SECRETS | ours
