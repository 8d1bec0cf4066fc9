"""The settings that every store needs, and Flask's own, in one frozen Config.

It reads a mapping such as `app.config`. This module does not know frameworks, or any store's own
settings: a store declares them itself, and `Config.read` gets the declarations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, TypeVar, cast

from .core.cookie import Attributes
from .core.idle_renewal import Touching
from .core.policy import Limit, Rules
from .core.store import Lifetimes
from .device_settings import DeviceSettings
from .encryption_settings import (
    EncryptionSettings,
    Encrypts,
    chosen,
    encrypts,
    keys,
    moment,
)
from .framework_settings import FLASKS, read_cookie, read_secret_keys, read_truth
from .header_settings import HeaderSettings
from .migration_settings import MigrationSettings
from .reading_settings import (
    Setting,
    choice,
    count,
    declared,
    flag,
    number,
    optional,
    read,
    seconds,
    setting,
    text,
)
from .setting_names import check_names, peers_names
from .settings_checks import (
    Paths,
    fixed_format,
    fixed_length,
    interval,
    key_prefix,
    paths,
    whole,
)
from .socket_settings import SocketSettings

S = TypeVar("S")

_PERMANENT_LIFETIME = Setting(
    "PERMANENT_SESSION_LIFETIME", seconds, default=timedelta(days=31)
)  # Flask's


@dataclass(frozen=True, slots=True)
class CommonSettings(SocketSettings):
    """The library's own settings that every store needs."""

    serialization_format: object = setting(
        "SESSION_SERIALIZATION_FORMAT",
        fixed_format,
        default="msgpack",
        doc="The format of stored sessions. MessagePack is the only one; the setting is accepted "
        "because Flask-Session has it.",
    )
    id_length: float = setting(
        "SESSION_ID_LENGTH",
        fixed_length,
        default=32,
        doc="Has no effect: a token always has 48 random bytes. The setting is accepted because "
        "Flask-Session has it, with a number from 16 to 48.",
    )
    store_type: str = setting(
        "SESSION_TYPE",
        text,
        default="filesystem",
        doc="The store in which sessions are kept: one of [the built-in stores](#the-stores), or "
        "the name of a [third-party store](../stores/write-your-own.md). `Session(app, "
        "store=...)` takes precedence.",
    )
    permanent: bool = setting(
        "SESSION_PERMANENT",
        flag,
        default=False,
        doc="The value of `session.permanent` in a new session. `True` gives every session a "
        "cookie that outlives the browser window, unless a view sets `session.permanent = "
        "False`.",
    )
    prefix: str = setting(
        "SESSION_KEY_PREFIX",
        key_prefix,
        default="session:",
        doc="The text that a store's keys begin with, before the session's [sid](glossary.md). "
        "Applications with different prefixes do not read each other's sessions or cookies. "
        "Give applications that share their sessions the same prefix.",
    )
    browser_lifetime: int | None = setting(
        "SESSION_BROWSER_LIFETIME",
        optional(seconds),
        default=None,
        shown="as `PERMANENT_SESSION_LIFETIME`",
        doc="The idle timeout of sessions that are not permanent, whose cookie ends with the "
        "browser window: a `timedelta` or seconds. Set it to end them earlier than permanent "
        "ones.",
    )
    own_lifetimes: bool = setting(
        "SESSION_OWN_LIFETIMES",
        flag,
        default=False,
        doc="Whether `session.lifetime` can give a session [its own idle "
        'timeout](../guides/remember-me.md#in-detail), such as for "remember me". Use the '
        "same value in every process that shares the store. With Redis, a read then runs a "
        "script instead of `GETEX`.",
    )
    absolute_lifetime: int | None = setting(
        "SESSION_ABSOLUTE_LIFETIME",
        optional(seconds),
        default=None,
        doc="The time after which a session ends even if it is in use: a `timedelta` or seconds. "
        "It counts from the login (`bind`) or, without a login, from the beginning of the "
        "session. `None`: no limit.",
    )
    max_per_owner: int | None = setting(
        "SESSION_MAX_PER_OWNER",
        optional(count),
        default=None,
        doc="[How many sessions a user may have](../guides/limit-sessions.md) at once: an `int` "
        "of at least 1. It applies to each login by `bind` that has no `at_most`. `None`: no "
        "limit.",
    )
    max_per_owner_action: str = setting(
        "SESSION_MAX_PER_OWNER_ACTION",
        choice("end-oldest", "refuse"),
        default="end-oldest",
        doc='What happens at a login that exceeds the limit. `"end-oldest"` ends the oldest '
        'sessions of the user; `"refuse"` raises `TooManySessions`.',
    )
    exempt: Paths = setting(
        "SESSION_EXEMPT",
        paths(endpoints=True),
        default=(),
        doc="Requests that [need no session](../guides/routes-without-a-session.md): a list of "
        "paths and endpoints, or a function that gets the request and returns a `bool`. Such "
        "a request does not reach the store, and to write to its session is an error. "
        '`"/api"` matches `/api` and everything below it; `"/api/"` matches only what is '
        "below. A text without a slash at its beginning is an endpoint, such as "
        '`"api.health"`.',
    )
    exempt_static: bool = setting(
        "SESSION_EXEMPT_STATIC",
        flag,
        default=True,
        doc="Whether requests for static files [need no "
        "session](../guides/routes-without-a-session.md): those that routing gives to the "
        "endpoint `static`, or to one that ends in `.static`. Data that is written to the "
        "session of such a request is dropped.",
    )
    no_renew: Paths = setting(
        "SESSION_NO_RENEW",
        paths(endpoints=False),
        default=(),
        doc="Requests that read and write the session but do not restart the idle timeout, such "
        "as polling: a list of paths, or a function that gets the request and returns a "
        "`bool`.",
    )
    store_timeout: float = setting(
        "SESSION_STORE_TIMEOUT",
        number(above=0.0),
        default=2.0,
        doc="How many seconds a store has to answer. After that, the request ends with status "
        "503. A Quart process that is too busy first reads the answers that arrived in time; "
        "a wait ends after ten times this value at the latest.",
    )
    touch_interval: int | None = setting(
        "SESSION_TOUCH_INTERVAL",
        interval,
        default=None,
        doc="For how long a read may leave the idle timeout as it is, with stores where each "
        "restart is a write: a `timedelta` or seconds. An idle session can live longer than "
        "its timeout by this interval; it never ends early. `None`: a twentieth of the "
        "timeout, at most a minute. No value counts for more than a tenth of the timeout. "
        "`0`: the timeout is exact, and each read writes.",
    )
    max_bytes: int = setting(
        "SESSION_MAX_BYTES",
        whole(above=1023),
        default=1024 * 1024,
        doc="The largest size of a stored session, in bytes. A larger one raises "
        "`SessionTooLarge`, and the stored session stays as it was.",
    )
    proof_cache_bytes: int = setting(
        "SESSION_PROOF_CACHE_BYTES",
        whole(above=-1),
        default=4 * 1024 * 1024,
        doc="How many bytes of memory a process uses to remember the cookies and records whose "
        "signatures it has verified, so that it does not verify equal bytes again. It keeps "
        "a digest of each cookie, and each session as the store holds it. The store is still "
        "asked for the session in every request. `0`: nothing is remembered.",
    )
    encrypt: Encrypts = setting(
        "SESSION_ENCRYPT",
        encrypts,
        default=False,
        doc="Whether sessions are [encrypted](../operate/encryption.md) in the store. It needs "
        '`samesession[encryption]`. `"read"`: encrypted sessions are read, but new ones are '
        "written without encryption. Use it while some processes do not encrypt yet.",
    )
    encryption_keys: tuple[bytes, ...] | None = setting(
        "SESSION_ENCRYPTION_KEYS",
        keys,
        default=None,
        secret=True,
        shown="made of `SECRET_KEY`",
        doc="The keys for encryption: a list of `str` or `bytes` of at least 32 bytes each. The "
        "first one encrypts, and all of them decrypt. `SECRET_KEY` is still needed.",
        needed="write a list of keys, each the output of: "
        "python -c 'import secrets; print(secrets.token_hex())'",
    )
    read_plain_until: float | None = setting(
        "SESSION_ENCRYPT_READ_PLAIN_UNTIL",
        moment,
        default=None,
        shown="never",
        doc="Until when `SESSION_ENCRYPT = True` still reads sessions that were stored without "
        "encryption: a `datetime` with a UTC offset, or the same as text in ISO 8601. Set it "
        "when you turn on encryption for sessions in use.",
    )


# The settings that each store declares.
_COMMON: tuple[type[object], ...] = (
    CommonSettings,
    MigrationSettings,
    HeaderSettings,
    DeviceSettings,
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
    touch_interval: int | None
    proof_cache_bytes: int
    encryption: EncryptionSettings | None
    migration: MigrationSettings
    header: str | None
    sockets: SocketSettings
    device: DeviceSettings
    home: str  # the application's own directory
    stores: tuple[object, ...]  # what stores declare, the named one among them: see `of`
    # All settings of the application, for third-party stores.
    settings: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def creates(self) -> bool:
        """Whether missing tables or indexes are created when the application starts."""
        return any(getattr(each, "create", False) is True for each in self.stores)

    @property
    def names(self) -> frozenset[str]:
        """The names of all declared settings, except Flask's own."""
        return _names([*_COMMON, *map(type, self.stores)])

    def of(self, kind: type[S]) -> S:
        """Return the settings that a store declares as this class, checked."""
        found = next((each for each in self.stores if type(each) is kind), None)
        return read(kind, self.settings, home=self.home) if found is None else cast("S", found)

    def touching(self) -> Touching:
        """Return what decides when a record expires, for a store that keeps the expiry itself."""
        return Touching(self.touch_interval, longest=self.rules.lifetimes.longest)

    @classmethod
    def read(
        cls,
        settings: Mapping[str, Any],
        *,
        home: str = "",
        stores: Mapping[str, type[object]] = MappingProxyType({}),
    ) -> Config:
        """Check an application's settings.

        `home`: the application's own directory, where files are kept unless a setting names another
        place; empty for the working directory. `stores`: the classes in which stores declare their
        settings, by SESSION_TYPE. Raises ConfigError for the first setting that is missing, wrong
        or misspelt.
        """
        _check_names(settings, stores)
        cookie = read_cookie(settings)
        cookie.check()
        secret_keys = read_secret_keys(settings)
        ours, migration = read(CommonSettings, settings), read(MigrationSettings, settings)
        migration.check(cookie.name)
        device = read(DeviceSettings, settings)
        device.check(cookie)
        return cls(
            secret_keys=secret_keys,
            store_type=ours.store_type,
            rules=_rules(ours, settings),
            cookie=cookie,
            store_timeout=ours.store_timeout,
            exempt=ours.exempt,
            exempt_static=ours.exempt_static,
            no_renew=ours.no_renew,
            touch_interval=ours.touch_interval,
            proof_cache_bytes=ours.proof_cache_bytes,
            encryption=chosen(ours.encrypt, ours.encryption_keys, ours.read_plain_until),
            migration=migration,
            header=read(HeaderSettings, settings).name,
            sockets=ours,
            device=device,
            home=home,
            stores=tuple(read(kind, settings, home=home) for kind in stores.values()),
            settings=MappingProxyType(dict(settings)),
        )

    def with_flasks(self, flasks: Mapping[str, Any]) -> Config:
        """Return the configuration with other values of Flask's own settings, otherwise unchanged.

        Raises ConfigError for the first value that is missing or wrong.
        """
        others = {name: value for name, value in self.settings.items() if name not in FLASKS}
        settings = {**others, **flasks}
        cookie = read_cookie(settings)
        cookie.check()
        self.migration.check(cookie.name)
        self.device.check(cookie)
        return replace(
            self,
            secret_keys=read_secret_keys(settings),
            rules=_rules(read(CommonSettings, settings), settings),
            cookie=cookie,
            settings=MappingProxyType(settings),
        )


def _check_names(settings: Mapping[str, Any], stores: Mapping[str, type[object]]) -> None:
    kind = settings.get("SESSION_TYPE", "filesystem")
    known = {str(kind), str(kind).lower()} & {"cookie", *stores}
    others = None if known else prefix_of(kind)
    names = _names([*_COMMON, *stores.values()])
    check_names(settings, {*names, *FLASKS}, peers_names(stores.values()), others)


def _names(kinds: Iterable[type[object]]) -> frozenset[str]:
    return frozenset(each.name for kind in kinds for each in declared(kind).values())


def _rules(ours: CommonSettings, settings: Mapping[str, Any]) -> Rules:
    permanent: int = _PERMANENT_LIFETIME.read(settings)
    most, refuses = ours.max_per_owner, ours.max_per_owner_action == "refuse"
    browser = ours.browser_lifetime
    return Rules(
        prefix=ours.prefix,
        lifetimes=Lifetimes(
            browser=permanent if browser is None else browser,
            permanent=permanent,
            own=ours.own_lifetimes,
        ),
        absolute=ours.absolute_lifetime,
        refresh_each_request=read_truth(settings, "SESSION_REFRESH_EACH_REQUEST", default=True),
        permanent_by_default=ours.permanent,
        max_bytes=ours.max_bytes,
        limit=None if most is None else Limit(most, refuses=refuses),
    )


def prefix_of(store_type: object) -> str:
    """Return the prefix of a third-party store's settings: "my-db" has SESSION_MY_DB_..."""
    return f"SESSION_{re.sub(r'[^A-Za-z0-9]', '_', str(store_type)).upper()}_"
