"""Create the flows that open and close an application's sessions, from its current settings.

Flask's own settings may change at any time. The store and the caches are passed in once, and keys
are derived once, even if other settings change to and fro.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from .aes_gcm import AesGcm
from .core.bound_cookie import BoundCookies, BoundProofs
from .core.cookie_only.flow import CookieFlow
from .core.device_checks import Devices
from .core.encryption import Encryption
from .core.events import Notify
from .core.flow import Flow
from .core.keys import Purpose, derive
from .core.limits import check_limit
from .core.memo import Memo
from .core.migrated import OldIds
from .core.migrating import MigrationParts
from .core.old_cookies import OwnerOf
from .core.old_sessions import OldSessions
from .core.policy import Horizon
from .core.proved_records import RecordProofs
from .core.record import Sealer
from .core.store import Clock, Store
from .core.token import Entropy, Proofs, TokenSigner
from .encryption_settings import EncryptionSettings
from .errors import ConfigError
from .reauthentication import ReauthenticationRequired
from .settings import Config

_NO_HEADER = (
    "SESSION_HEADER has no effect with SESSION_TYPE 'cookie', which keeps the session in a "
    'cookie: leave it out, or choose a server-side store, such as SESSION_TYPE = "filesystem"'
)
_NO_STORE = (
    "SESSION_MIGRATE_FROM has no effect with SESSION_TYPE 'cookie', which already reads the "
    "framework's signed cookie: leave it out, or choose a server-side store, such as SESSION_TYPE "
    '= "filesystem"'
)


class Remembered(NamedTuple):
    """Where an application remembers what was proved to be its own."""

    tokens: Proofs
    records: RecordProofs
    bound: BoundProofs

    @classmethod
    def within(cls, config: Config) -> Remembered:
        """Return places for as many bytes as the settings allow."""
        eighth, is_on = config.proof_cache_bytes // 8, config.device.is_on
        return cls(
            Memo(eighth if is_on else 2 * eighth), Memo(6 * eighth), Memo(eighth if is_on else 0)
        )


class Flows:
    """Creates the flows of one application."""

    def __init__(
        self,
        *,
        store: Store | None,
        clock: Clock,
        entropy: Entropy,
        remembered: Remembered,
        notify: Notify,
        owner_of: OwnerOf,
    ) -> None:
        """`store`: None if the browser keeps the sessions; `owner_of`: see `old_cookies`."""
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._remembered = remembered
        self._notify = notify
        self._owner_of = owner_of
        self._horizon = Horizon()
        self._keyring = lru_cache(maxsize=8)(self._derived)

    def of(self, config: Config) -> Flow | CookieFlow:
        """Return the flow for these settings; raise ConfigError if a package is missing."""
        check_limit(config.rules.limit, self._store)
        config.device.check_store(in_cookie=self._store is None)
        config.device.check_package()
        if self._store is not None:
            return self._of(config, self._store, Purpose.TOKEN, self._old_sessions(config))
        if config.migration.libraries:
            raise ConfigError(_NO_STORE)
        if config.header is not None:
            raise ConfigError(_NO_HEADER)
        return CookieFlow(
            config.secret_keys,
            config.rules,
            clock=self._clock,
            notify=self._notify,
            encryption=self._keys(config, Purpose.TOKEN)[2],
        )

    def of_header(self, config: Config) -> Flow | None:
        """Return the flow of sessions whose token is in a header, if they are enabled."""
        if config.header is None or self._store is None:
            return None
        return self._of(config, self._store, Purpose.HEADER, None)

    def _of(
        self, config: Config, store: Store, purpose: Purpose, old_sessions: MigrationParts | None
    ) -> Flow:
        signer, sealer, _ = self._keys(config, purpose)
        return Flow(
            store=store,
            rules=config.rules,
            signer=signer,
            sealer=sealer,
            clock=self._clock,
            notify=self._notify,
            horizon=self._horizon,
            proofs=self._remembered.records,
            refusal=ReauthenticationRequired,
            old_sessions=old_sessions,
            devices=self._devices(config, by_header=purpose is Purpose.HEADER),
        )

    def _devices(self, config: Config, *, by_header: bool) -> Devices | None:
        """Return what judges the devices of sessions, where these are bound to any."""
        if not config.device.is_on:
            return None
        return Devices(
            config.device.rules,
            BoundCookies(
                config.secret_keys,
                config.rules.prefix,
                config.cookie.name,
                proofs=self._remembered.bound,
            ),
            config.rules.lifetimes,
            entropy=self._entropy,
            clock=self._clock,
            notify=self._notify,
            by_header=by_header,
        )

    def _keys(
        self, config: Config, purpose: Purpose
    ) -> tuple[TokenSigner, Sealer, Encryption | None]:
        return self._keyring(
            config.secret_keys,
            config.encryption,
            config.rules.prefix,
            config.cookie.name,
            config.rules.max_bytes,
            purpose=purpose,
        )

    def _old_sessions(self, config: Config) -> MigrationParts:
        ours = config.migration
        return MigrationParts(
            old_ids=OldIds(config.secret_keys, config.rules.prefix, config.cookie.name),
            readers=_readers(config) if ours.libraries else (),
            owner_of=self._owner_of,
            until=ours.until or 0,
        )

    def _derived(
        self,
        keys: tuple[bytes, ...],
        settings: EncryptionSettings | None,
        prefix: str,
        name: str,
        max_bytes: int,
        *,
        purpose: Purpose,
    ) -> tuple[TokenSigner, Sealer, Encryption | None]:
        signer = TokenSigner(
            keys,
            prefix,
            name,
            entropy=self._entropy,
            proofs=self._remembered.tokens,
            purpose=purpose,
        )
        of_records = in_cookie = None
        if settings is not None:
            secrets = keys if settings.keys is None else settings.keys

            def derived(purpose: Purpose, secrets: Sequence[bytes]) -> list[bytes]:
                return [derive(each, purpose, prefix, name) for each in secrets]

            owner_keys = derived(Purpose.OWNER, secrets)
            of_records = self._encryption(
                settings, derived(Purpose.ENCRYPTION, secrets), owner_keys
            )
            cookie_keys = derived(Purpose.COOKIE, keys)
            if settings.keys is not None:
                # No MAC under SECRET_KEY is beside it: each pair of keys gives its own.
                pairs = product(cookie_keys, derived(Purpose.COOKIE, settings.keys))
                cookie_keys = [hmac.digest(*pair, "sha256") for pair in pairs]
            in_cookie = self._encryption(settings, cookie_keys)
        sealer = Sealer(keys, prefix, name, max_bytes=max_bytes, encryption=of_records)
        return signer, sealer, in_cookie

    def _encryption(
        self, settings: EncryptionSettings, keys: Sequence[bytes], owner_keys: Sequence[bytes] = ()
    ) -> Encryption:
        return Encryption(
            AesGcm(keys, self._entropy),
            self._clock,
            owner_keys=tuple(owner_keys),
            writes=settings.writes,
            plain_until=settings.plain_until,
        )


def _readers(config: Config) -> Sequence[OldSessions]:
    """Return the readers of other libraries' sessions that the settings name."""
    from .migration.readers import readers

    ours, rules = config.migration, config.rules
    return readers(
        ours.libraries,
        config.secret_keys,
        prefix=ours.prefix,
        lifetime=rules.lifetimes.permanent,
        max_bytes=rules.max_bytes,
        signed=ours.signed,
    )
