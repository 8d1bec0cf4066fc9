"""Turn SESSION_* settings into one frozen Config, or say what to write instead.

Reads a mapping such as `app.config`; never knows a framework or opens a store.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, TypeAlias, cast

from .core.cookie import Attributes
from .core.idle_renewal import Touching
from .core.names import checked_prefix
from .core.policy import Rules
from .core.published_keys import is_published
from .core.store import Lifetimes
from .errors import ConfigError
from .setting_names import check_names

# A request is given to the predicate; which class it has depends on the framework.
Paths: TypeAlias = "Callable[[Any], bool] | tuple[str, ...]"

MIN_SECRET_BYTES = 16
_DEFAULT_LIFETIME = timedelta(days=31)  # Flask's
_SECRET_HELP = (
    'write SECRET_KEY = os.environ["SECRET_KEY"], and let that be the output of: '
    "python -c 'import secrets; print(secrets.token_hex())'"
)

# Every setting that the library reads besides Flask's own, with its default.
DEFAULTS: Mapping[str, object] = {
    "SESSION_TYPE": "filesystem",
    "SESSION_PERMANENT": False,
    "SESSION_KEY_PREFIX": "session:",
    "SESSION_ID_LENGTH": 32,
    "SESSION_SERIALIZATION_FORMAT": "msgpack",
    "SESSION_BROWSER_LIFETIME": None,
    "SESSION_ABSOLUTE_LIFETIME": None,
    "SESSION_EXEMPT": (),
    "SESSION_EXEMPT_STATIC": True,
    "SESSION_NO_RENEW": (),
    "SESSION_STORE_TIMEOUT": 2.0,
    "SESSION_MAX_BYTES": 1024 * 1024,
    "SESSION_TOUCH_INTERVAL": None,
    "SESSION_REDIS": None,
    "SESSION_MEMCACHED": None,
    "SESSION_MONGODB": None,
    "SESSION_MONGODB_DB": None,
    "SESSION_MONGODB_COLLECT": "sessions",
    "SESSION_MONGODB_CREATE": False,
    "SESSION_FILE_DIR": ".sessions",
    "SESSION_FILE_MODE": 0o600,
    "SESSION_FILE_FSYNC": False,
    "SESSION_SQLALCHEMY": None,
    "SESSION_SQLALCHEMY_TABLE": "samesession",
    "SESSION_SQLALCHEMY_SCHEMA": None,
    "SESSION_SQLALCHEMY_BIND_KEY": None,
    "SESSION_SQLALCHEMY_CREATE": False,
    "SESSION_DYNAMODB": None,
    "SESSION_DYNAMODB_TABLE": "samesession",
    "SESSION_DYNAMODB_REGION": None,
    "SESSION_DYNAMODB_ENDPOINT_URL": None,
    "SESSION_DYNAMODB_CREATE": False,
}
# The values of SESSION_TYPE that need no package by others.
BUILT_IN = frozenset(
    ("cookie", "dynamodb", "filesystem", "memcached", "memory", "mongodb", "redis", "sqlalchemy")
)
# What Flask's own session interface reads whenever it opens or saves a session.
FLASKS = (
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "PERMANENT_SESSION_LIFETIME",
    "SESSION_REFRESH_EACH_REQUEST",
    "APPLICATION_ROOT",
    "SESSION_COOKIE_NAME",
    "SESSION_COOKIE_DOMAIN",
    "SESSION_COOKIE_PATH",
    "SESSION_COOKIE_HTTPONLY",
    "SESSION_COOKIE_SECURE",
    "SESSION_COOKIE_PARTITIONED",
    "SESSION_COOKIE_SAMESITE",
)


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of one application, checked. Times are seconds, sizes bytes."""

    secret_keys: tuple[bytes, ...] = field(repr=False)  # the newest first
    store_type: str
    rules: Rules
    cookie: Attributes
    store_timeout: float
    exempt: Paths
    exempt_static: bool
    no_renew: Paths
    redis: object = field(repr=False)
    mongodb: object = field(repr=False)
    mongodb_db: str | None
    mongodb_collect: str
    mongodb_create: bool
    file_dir: str
    file_mode: int
    file_fsync: bool
    touch_interval: int | None
    sqlalchemy: object = field(repr=False)
    sqlalchemy_table: str
    sqlalchemy_schema: str | None
    sqlalchemy_bind_key: str | None
    sqlalchemy_create: bool
    dynamodb: object = field(repr=False)
    dynamodb_table: str
    dynamodb_region: str | None
    dynamodb_endpoint_url: str | None
    dynamodb_create: bool
    # All of the application's, for stores by others.
    settings: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def creates(self) -> bool:
        """Whether the tables or indexes that are missing are made when the application starts."""
        return self.sqlalchemy_create or self.mongodb_create or self.dynamodb_create

    def touching(self) -> Touching:
        """Make what decides when a record expires, for one store that keeps the time itself."""
        return Touching(self.touch_interval, longest=self.rules.lifetimes.longest)

    @classmethod
    def read(cls, settings: Mapping[str, Any], *, home: str = "") -> Config:
        """Check an application's settings.

        `home`: the application's own directory, where files are kept unless a setting
        names another one; empty: the working directory. Raises ConfigError for the
        first that is missing, wrong or misspelt.
        """
        kind = _value(settings, "SESSION_TYPE")
        others = None if str(kind).lower() in BUILT_IN else prefix_of(kind)
        check_names(settings, {*DEFAULTS, *FLASKS}, others)
        _check_fixed(settings)
        cookie = _cookie(settings)
        cookie.check()
        return cls(
            secret_keys=_secret_keys(settings),
            store_type=_text(settings, "SESSION_TYPE"),
            rules=_rules(settings),
            cookie=cookie,
            store_timeout=_number(settings, "SESSION_STORE_TIMEOUT", above=0.0),
            exempt=_paths(settings, "SESSION_EXEMPT", endpoints=True),
            exempt_static=_flag(settings, "SESSION_EXEMPT_STATIC"),
            no_renew=_paths(settings, "SESSION_NO_RENEW"),
            redis=_value(settings, "SESSION_REDIS"),
            mongodb=_value(settings, "SESSION_MONGODB"),
            mongodb_db=_text_or_none(settings, "SESSION_MONGODB_DB"),
            mongodb_collect=_text(settings, "SESSION_MONGODB_COLLECT"),
            mongodb_create=_flag(settings, "SESSION_MONGODB_CREATE"),
            file_dir=_file_dir(settings, home),
            file_mode=_file_mode(settings),
            file_fsync=_flag(settings, "SESSION_FILE_FSYNC"),
            touch_interval=_touch_interval(settings),
            sqlalchemy=_value(settings, "SESSION_SQLALCHEMY"),
            sqlalchemy_table=_text(settings, "SESSION_SQLALCHEMY_TABLE"),
            sqlalchemy_schema=_text_or_none(settings, "SESSION_SQLALCHEMY_SCHEMA"),
            sqlalchemy_bind_key=_text_or_none(settings, "SESSION_SQLALCHEMY_BIND_KEY"),
            sqlalchemy_create=_flag(settings, "SESSION_SQLALCHEMY_CREATE"),
            dynamodb=_value(settings, "SESSION_DYNAMODB"),
            dynamodb_table=_text(settings, "SESSION_DYNAMODB_TABLE"),
            dynamodb_region=_text_or_none(settings, "SESSION_DYNAMODB_REGION"),
            dynamodb_endpoint_url=_text_or_none(settings, "SESSION_DYNAMODB_ENDPOINT_URL"),
            dynamodb_create=_flag(settings, "SESSION_DYNAMODB_CREATE"),
            settings=MappingProxyType(dict(settings)),
        )

    def with_flasks(self, flasks: Mapping[str, Any]) -> Config:
        """Give the configuration with other values of Flask's own settings, and all else the same.

        Raises ConfigError for the first that is missing or wrong.
        """
        others = {name: value for name, value in self.settings.items() if name not in FLASKS}
        settings = {**others, **flasks}
        cookie = _cookie(settings)
        cookie.check()
        return replace(
            self,
            secret_keys=_secret_keys(settings),
            rules=_rules(settings),
            cookie=cookie,
            settings=MappingProxyType(settings),
        )


def _rules(settings: Mapping[str, Any]) -> Rules:
    permanent = _seconds(
        settings.get("PERMANENT_SESSION_LIFETIME", _DEFAULT_LIFETIME), "PERMANENT_SESSION_LIFETIME"
    )
    browser = _value(settings, "SESSION_BROWSER_LIFETIME")
    absolute = _value(settings, "SESSION_ABSOLUTE_LIFETIME")
    prefix = checked_prefix(_text(settings, "SESSION_KEY_PREFIX"))
    return Rules(
        prefix=prefix,
        lifetimes=Lifetimes(
            browser=permanent if browser is None else _seconds(browser, "SESSION_BROWSER_LIFETIME"),
            permanent=permanent,
        ),
        absolute=None if absolute is None else _seconds(absolute, "SESSION_ABSOLUTE_LIFETIME"),
        refresh_each_request=_truth(settings, "SESSION_REFRESH_EACH_REQUEST", default=True),
        permanent_by_default=_flag(settings, "SESSION_PERMANENT"),
        max_bytes=int(_number(settings, "SESSION_MAX_BYTES", above=1023)),
    )


def _cookie(settings: Mapping[str, Any]) -> Attributes:
    """Read Flask's cookie settings as Flask's own interface does."""
    root = _optional_text(settings, "APPLICATION_ROOT") or "/"
    return Attributes(
        name=_optional_text(settings, "SESSION_COOKIE_NAME", "session") or "",
        domain=_text_or_false(settings, "SESSION_COOKIE_DOMAIN") or None,
        path=_text_or_false(settings, "SESSION_COOKIE_PATH") or root,
        secure=_truth(settings, "SESSION_COOKIE_SECURE", default=False),
        httponly=_truth(settings, "SESSION_COOKIE_HTTPONLY", default=True),
        samesite=_samesite(settings),
        partitioned=_truth(settings, "SESSION_COOKIE_PARTITIONED", default=False),
    )


def _samesite(settings: Mapping[str, Any]) -> str | None:
    """Read SESSION_COOKIE_SAMESITE: Flask's None, which is no choice, is Lax here.

    Browsers differ in what they take a cookie without the attribute for, and some
    send it along with other sites' requests (OWASP ASVS 5.0, 3.3.2).
    """
    if settings.get("SESSION_COOKIE_SAMESITE") is False:
        return None
    value = _optional_text(settings, "SESSION_COOKIE_SAMESITE")
    return "Lax" if value is None else value


def _secret_keys(settings: Mapping[str, Any]) -> tuple[bytes, ...]:
    fallbacks: object = settings.get("SECRET_KEY_FALLBACKS") or ()
    if not isinstance(fallbacks, list | tuple):
        raise ConfigError("SECRET_KEY_FALLBACKS must be a list: write [...] around the key")
    older = cast("Sequence[object]", fallbacks)
    newest = settings.get("SECRET_KEY")
    if not newest:
        raise ConfigError(f"SECRET_KEY is not set: {_SECRET_HELP}")
    # Flask takes the last fallback for the newest of them.
    return tuple(_secret(key) for key in (newest, *reversed(older)))


def _secret(key: object) -> bytes:
    if not isinstance(key, str | bytes):
        raise ConfigError(f"SECRET_KEY and SECRET_KEY_FALLBACKS hold str or bytes: {_SECRET_HELP}")
    raw = key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key
    if len(raw) < MIN_SECRET_BYTES:
        raise ConfigError(
            f"SECRET_KEY and each of SECRET_KEY_FALLBACKS must have at least {MIN_SECRET_BYTES} "
            f"bytes that nobody can guess: {_SECRET_HELP}"
        )
    if is_published(key):
        raise ConfigError(
            "SECRET_KEY or one of SECRET_KEY_FALLBACKS stands in documentation, or says how to "
            f"make a key, so that everybody knows it: {_SECRET_HELP}"
        )
    return raw


def prefix_of(store_type: object) -> str:
    """Give how the settings of a store by others begin: "my-db" has SESSION_MY_DB_..."""
    return f"SESSION_{re.sub(r'[^A-Za-z0-9]', '_', str(store_type)).upper()}_"


def _check_fixed(settings: Mapping[str, Any]) -> None:
    """Check settings of Flask-Session's that leave no choice here."""
    if _value(settings, "SESSION_SERIALIZATION_FORMAT") != "msgpack":
        raise ConfigError('SESSION_SERIALIZATION_FORMAT must be "msgpack", or left out')
    if not 16 <= _number(settings, "SESSION_ID_LENGTH", above=0.0) <= 48:
        raise ConfigError(
            "SESSION_ID_LENGTH must be 16 to 48 bytes, or left out: a token always has 48"
        )


def _value(settings: Mapping[str, Any], name: str) -> Any:
    return settings.get(name, DEFAULTS[name])


def _text(settings: Mapping[str, Any], name: str) -> str:
    value = _value(settings, name)
    # Flask-Session users give a pathlib.Path for SESSION_FILE_DIR.
    value = str(value) if hasattr(value, "__fspath__") else value
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ConfigError(f"{name} must be text such as {DEFAULTS[name]!r}")
    return value


def _optional_text(
    settings: Mapping[str, Any], name: str, default: str | None = None
) -> str | None:
    """Read one of Flask's settings that hold text or None."""
    value = settings.get(name, default)
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{name} must be text or None, not {type(value).__name__}")
    return value


def _text_or_false(settings: Mapping[str, Any], name: str) -> str | None:
    """Read one of Flask's settings whose False is as good as None: no choice."""
    return None if settings.get(name) is False else _optional_text(settings, name)


def _truth(settings: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """Read one of Flask's flags: any truth value, as in Flask, but for text.

    "False" and "0" are true in Python; environment variables are how they come here.
    """
    value = settings.get(name, default)
    if isinstance(value, str):
        raise ConfigError(f"{name} must be True or False, not str")
    return bool(value)


def _text_or_none(settings: Mapping[str, Any], name: str) -> str | None:
    return None if _value(settings, name) is None else _text(settings, name)


def _touch_interval(settings: Mapping[str, Any]) -> int | None:
    value = _value(settings, "SESSION_TOUCH_INTERVAL")
    if value is None or (value == 0 and not isinstance(value, bool)):
        return None if value is None else 0
    return _seconds(value, "SESSION_TOUCH_INTERVAL")


def _flag(settings: Mapping[str, Any], name: str) -> bool:
    value = _value(settings, name)
    if not isinstance(value, bool):
        raise ConfigError(f"{name} must be True or False, not {type(value).__name__}")
    return value


def _number(settings: Mapping[str, Any], name: str, *, above: float) -> float:
    value = _value(settings, name)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not above < value < math.inf
    ):
        raise ConfigError(f"{name} must be a number above {above:g}")
    return value


def _seconds(value: object, name: str) -> int:
    """Read a timedelta or a number of seconds; a part of a second counts as a whole."""
    amount = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 < amount < 2**31:
        raise ConfigError(f"{name} must be a timedelta or seconds, above 0 and below 2**31 seconds")
    return math.ceil(amount)


def _paths(settings: Mapping[str, Any], name: str, *, endpoints: bool = False) -> Paths:
    value = _value(settings, name)
    if callable(value):
        return cast("Callable[[Any], bool]", value)
    if isinstance(value, list | tuple | set | frozenset):
        prefixes = tuple(cast("Sequence[object]", value))
        begin = "" if endpoints else "/"
        if all(isinstance(each, str) and each and each.startswith(begin) for each in prefixes):
            return cast("tuple[str, ...]", prefixes)
    raise ConfigError(
        f"{name} must be a list of paths such as ['/health'], or a function of the request"
    )


def _file_dir(settings: Mapping[str, Any], home: str) -> str:
    named = _text(settings, "SESSION_FILE_DIR")
    return named if "SESSION_FILE_DIR" in settings else os.path.join(home, named)


def _file_mode(settings: Mapping[str, Any]) -> int:
    value = _value(settings, "SESSION_FILE_MODE")
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or value & 0o022
        or value & 0o600 != 0o600
    ):
        raise ConfigError(
            "SESSION_FILE_MODE must let the owner read and write, and nobody else write: "
            "write 0o600, as an octal number"
        )
    return value & 0o777
