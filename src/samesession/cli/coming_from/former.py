"""The application as another library's sessions have it, and what may become of a setting.

A setting may hold any value. A value that may be secret, or is not plain data, is never shown.
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
# The libraries' settings that may hold a password. Our own settings declare this themselves.
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
# The class names of Flask-Session's and Quart-Session's interfaces, each with its SESSION_TYPE.
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
    """The fate of a setting in the migration."""

    KEPT = "kept"
    RENAMED = "renamed"
    REPLACED = "replaced"
    DROPPED = "dropped"
    ADDED = "added"


# A dropped setting has no effect here. An added setting is missing until it is written.
_LEVELS: Final = {Fate.KEPT: Level.OK, Fate.DROPPED: Level.NOTICE}


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer for one setting, with its reason.

    `write`: the lines that replace it. `known_level`: how bad it is to leave the setting, if that
    differs from the level of its fate.
    """

    fate: Fate
    why: str
    write: tuple[str, ...] = ()
    known_level: Level | None = None

    @property
    def level(self) -> Level:
        """The level of the finding if the setting is left as it is."""
        if self.known_level is not None:
            return self.known_level
        return _LEVELS.get(self.fate, Level.WARNING)


@dataclass(frozen=True, slots=True)
class Former:
    """An application before the migration.

    `settings`: its configuration. `implied`: settings that are not in the configuration, but were
    passed to its session interface. `has_ours`: whether that interface is ours. `interface`: the
    interface's class. `release`: the library's release, None if none is installed. `time`: seconds
    since 1970.
    """

    library: str
    settings: Mapping[str, Any] = field(repr=False)
    time: float
    implied: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    has_ours: bool = False
    interface: str = ""
    release: str | None = None

    def get(self, name: str, default: object = None) -> Any:
        """Return a setting's value, written or implied."""
        found = self.settings.get(name)
        return self.implied.get(name, default) if found is None else found

    @property
    def is_read(self) -> bool:
        """Whether the configuration makes us read this library's sessions.

        If so, settings that have the same name in both (a table, a cookie) are meant for us.
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
        """The store that replaces the old one."""
        return {"redis+trio": "redis", "cachelib": "filesystem", "postgresql": "sqlalchemy"}.get(
            self.kind or "", self.kind
        )

    @property
    def kind(self) -> str | None:
        """SESSION_TYPE in lower case; None if it is not set."""
        found = self.get("SESSION_TYPE")
        return None if found is None else str(found).lower()


def implied_by(interface: object) -> dict[str, Any]:
    """Return the settings that Flask-Session's or Quart-Session's interface was created with.

    An application may create the interface directly, without settings, as Airflow does.
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
    """Return a setting's value as Python writes it, or `...` if it may be secret."""
    if isinstance(value, str):
        may_be_secret = name in _secrets() or "://" in value
        if may_be_secret and not _is_plain_address(value):
            return ELIDED
        # ASCII only, so that no value can control the terminal.
        return json.dumps(value)
    if hasattr(value, "__fspath__"):
        return json.dumps(str(value))
    if name in _secrets() and value is not None:
        return ELIDED
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    return ELIDED


def _is_plain_address(text: str) -> bool:
    """Return whether a text is an address without credentials, wherever URLs have them."""
    return not {*"@?#"} & {*text} and text.isprintable()


def _secrets() -> frozenset[str]:
    kinds: list[type[object]] = [CommonSettings, *built_in().values()]
    ours = {each.name for kind in kinds for each in declared(kind).values() if each.is_secret}
    return _THEIR_SECRETS | ours
