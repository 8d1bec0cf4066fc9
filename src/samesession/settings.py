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
        "SESSION_SERIALIZATION_FORMAT", fixed_format, default="msgpack", doc="The only one."
    )
    id_length: float = setting(
        "SESSION_ID_LENGTH",
        fixed_length,
        default=32,
        doc="Accepted for Flask-Session's sake, from 16 to 48: a token always has 48 random bytes.",
    )
    store_type: str = setting(
        "SESSION_TYPE",
        text,
        default="filesystem",
        doc="Where sessions are kept: in one of [the stores](#the-stores), or in a [store by "
        "others](../stores/write-your-own.md), by its name. `Session(app, store=...)` comes first.",
    )
    permanent: bool = setting(
        "SESSION_PERMANENT",
        flag,
        default=False,
        doc="What `session.permanent` is until a view sets it.",
    )
    prefix: str = setting(
        "SESSION_KEY_PREFIX",
        key_prefix,
        default="session:",
        doc="Before the sid in a store's keys. Another prefix is another application: neither "
        "reads the other's sessions or cookies.",
    )
    browser_lifetime: int | None = setting(
        "SESSION_BROWSER_LIFETIME",
        optional(seconds),
        default=None,
        shown="as `PERMANENT_SESSION_LIFETIME`",
        doc="The idle timeout of sessions that end with the browser.",
    )
    own_lifetimes: bool = setting(
        "SESSION_OWN_LIFETIMES",
        flag,
        default=False,
        doc="Whether a session may have [an idle timeout of its "
        "own](../guides/remember-me.md#in-detail), `session.lifetime`. The same in every process "
        "that shares the store. With Redis a read is then a script in place of a GETEX.",
    )
    absolute_lifetime: int | None = setting(
        "SESSION_ABSOLUTE_LIFETIME",
        optional(seconds),
        default=None,
        doc="Ends a session so long after its login (`bind`) or its beginning, however active it "
        "is.",
    )
    max_per_owner: int | None = setting(
        "SESSION_MAX_PER_OWNER",
        optional(count),
        default=None,
        doc="[How many sessions a user may have](../guides/limit-sessions.md), of logins by "
        "`bind` that say no `at_most`.",
    )
    max_per_owner_action: str = setting(
        "SESSION_MAX_PER_OWNER_ACTION",
        choice("end-oldest", "refuse"),
        default="end-oldest",
        doc='What a login beyond it does: `"end-oldest"`, or `"refuse"` (`TooManySessions`).',
    )
    exempt: Paths = setting(
        "SESSION_EXEMPT",
        paths(endpoints=True),
        default=(),
        doc="Paths and endpoints that [need no session](../guides/routes-without-a-session.md), or "
        'a function of the request: no round trip, and writing is an error. `"/api"` is `/api` '
        'and what is below; `"/api/"` is only what is below. What begins with no slash is an '
        'endpoint, such as `"api.health"`.',
    )
    exempt_static: bool = setting(
        "SESSION_EXEMPT_STATIC",
        flag,
        default=True,
        doc="Requests that routing gives to the endpoint `static`, or to one that ends in "
        "`.static`, [need no session](../guides/routes-without-a-session.md); what is written "
        "there is dropped.",
    )
    no_renew: Paths = setting(
        "SESSION_NO_RENEW",
        paths(endpoints=False),
        default=(),
        doc="Paths, or a function of the request: requests that read and write, but do not "
        "restart the idle timeout, such as polling.",
    )
    store_timeout: float = setting(
        "SESSION_STORE_TIMEOUT",
        number(above=0.0),
        default=2.0,
        doc="Seconds in which a store must answer; then the request ends with a 503. A Quart "
        "process with more to compute than it can reads what was answered in time before it "
        "gives up; one wait lasts ten times as long at most.",
    )
    touch_interval: int | None = setting(
        "SESSION_TOUCH_INTERVAL",
        interval,
        default=None,
        doc="For how many seconds a read may leave the idle timeout as it is, where restarting "
        "it costs the store a write. `None`: a twentieth of the "
        "timeout, a minute at most; at most a tenth in any case. Nobody is logged out early; an "
        "idle session may live longer than its timeout by so much. `0`: exact, and each read "
        "writes.",
    )
    max_bytes: int = setting(
        "SESSION_MAX_BYTES",
        whole(above=1023),
        default=1024 * 1024,
        doc="The largest record. A larger session is a `SessionTooLarge`, and what was stored "
        "stays.",
    )
    proof_cache_bytes: int = setting(
        "SESSION_PROOF_CACHE_BYTES",
        whole(above=-1),
        default=4 * 1024 * 1024,
        doc="How much memory a process takes to remember which cookies and records it has proved "
        "to be its own, so as not to prove equal bytes again: of a cookie a digest, of a session "
        "what the store holds. Whether a session is live is asked of the store each time. `0`: "
        "none.",
    )
    encrypt: Encrypts = setting(
        "SESSION_ENCRYPT",
        encrypts,
        default=False,
        doc="Whether sessions are [encrypted](../operate/encryption.md) where they are kept, with "
        '`samesession[encryption]`. `"read"`: what is encrypted is read, and nothing is written '
        "so, for the time in which some processes encrypt and others do not yet.",
    )
    encryption_keys: tuple[bytes, ...] | None = setting(
        "SESSION_ENCRYPTION_KEYS",
        keys,
        default=None,
        secret=True,
        shown="made of `SECRET_KEY`",
        doc="The keys to encrypt with, the newest first: a list of texts or bytes, at least 32 "
        "bytes each. All of them decrypt. `SECRET_KEY` is needed besides.",
        needed="write a list of keys, each the output of: "
        "python -c 'import secrets; print(secrets.token_hex())'",
    )
    read_plain_until: float | None = setting(
        "SESSION_ENCRYPT_READ_PLAIN_UNTIL",
        moment,
        default=None,
        shown="never",
        doc="Until when `SESSION_ENCRYPT = True` reads sessions that were kept before, without "
        "encryption: a `datetime` with an offset, or such a text in ISO 8601.",
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
