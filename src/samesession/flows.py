"""Make what opens and closes an application's sessions from its settings as they are.

Flask's own settings may change at any time: what stays, the store and what is remembered, is
given once, and keys are derived once, though settings that do not concern them change by turns.
"""

from __future__ import annotations

from functools import lru_cache

from .core.cookie_only.flow import CookieFlow
from .core.encryption import Encryption
from .core.events import Notify
from .core.flow import Flow
from .core.keys import Purpose, derive
from .core.policy import Horizon
from .core.proved_records import RecordProofs
from .core.record import Sealer
from .core.store import Clock, Store
from .core.token import Entropy, Proofs, TokenSigner
from .encryption import AesGcm
from .encryption_settings import EncryptionSettings
from .settings import Config


class Flows:
    """Makes the flows of one application."""

    def __init__(
        self,
        *,
        store: Store | None,
        clock: Clock,
        entropy: Entropy,
        proofs: Proofs,
        record_proofs: RecordProofs,
        notify: Notify,
    ) -> None:
        """`store`: None where the browser keeps the sessions."""
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._proofs = proofs
        self._record_proofs = record_proofs
        self._notify = notify
        self._horizon = Horizon()
        self._keyring = lru_cache(maxsize=8)(self._derived)

    def of(self, config: Config) -> Flow | CookieFlow:
        """Return the flow of these settings; raise ConfigError where a package is missing."""
        if self._store is None:
            return CookieFlow(
                config.secret_keys, config.rules, clock=self._clock, notify=self._notify
            )
        signer, sealer = self._keyring(
            config.secret_keys,
            config.encryption,
            config.rules.prefix,
            config.cookie.name,
            config.rules.max_bytes,
        )
        return Flow(
            store=self._store,
            rules=config.rules,
            signer=signer,
            sealer=sealer,
            clock=self._clock,
            notify=self._notify,
            horizon=self._horizon,
            proofs=self._record_proofs,
        )

    def _derived(
        self,
        keys: tuple[bytes, ...],
        encryption: EncryptionSettings | None,
        prefix: str,
        name: str,
        max_bytes: int,
    ) -> tuple[TokenSigner, Sealer]:
        signer = TokenSigner(keys, prefix, name, entropy=self._entropy, proofs=self._proofs)
        encrypting = None
        if encryption is not None:
            secrets = keys if encryption.keys is None else encryption.keys

            def for_purpose(purpose: Purpose) -> tuple[bytes, ...]:
                return tuple(derive(each, purpose, prefix, name) for each in secrets)

            encrypting = Encryption(
                AesGcm(for_purpose(Purpose.ENCRYPTION), self._entropy),
                self._clock,
                owner_keys=for_purpose(Purpose.OWNER),
                writes=encryption.writes,
                plain_until=encryption.plain_until,
            )
        return signer, Sealer(keys, prefix, name, max_bytes=max_bytes, encryption=encrypting)
