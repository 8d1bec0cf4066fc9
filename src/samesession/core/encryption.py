"""The core's view of encryption: the cipher, and which plain records are read. Pure.

                           what is written   encrypted is read   plain is read
    none                   plain             no                  yes
    `writes` is False      plain             yes                 yes
    `writes`               encrypted         yes                 until `plain_until`

A plain record that should be encrypted counts as stale, like one under a fallback key: it is
encrypted when it is next written or renewed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from .store import Clock


class Cipher(Protocol):
    """Authenticated encryption with associated data, with the newest of several keys."""

    def encrypt(self, clear: bytes, associated: bytes) -> bytes:
        """Encrypt with the newest key."""
        ...

    def decrypt(self, encrypted: bytes, associated: bytes) -> tuple[bytes, bool]:
        """Return the decrypted bytes, and whether an older key was needed.

        Raises BadRecord if no key opens the bytes with this associated data.
        """
        ...


@dataclass(frozen=True, slots=True)
class Encryption:
    """How an application encrypts its sessions; times are seconds since 1970."""

    cipher: Cipher = field(repr=False)
    clock: Clock
    owner_keys: tuple[bytes, ...] = field(default=(), repr=False)  # to name owners, newest first
    writes: bool = True
    plain_until: float = 0

    def reads_plain(self) -> bool:
        """Return whether unencrypted records are read now."""
        return not self.writes or self.clock() < self.plain_until
