"""What the core must know of encryption: who does it, and which records are read without. Pure.

                           what is written   encrypted is read   plain is read
    none                   plain             no                  yes
    `writes` is False      plain             yes                 yes
    `writes`               encrypted         yes                 until `plain_until`

What is plain, where it is to be encrypted, is stale as what is under a fallback key is: it
is written anew when it is written or renewed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from .store import Clock


class Cipher(Protocol):
    """Authenticated encryption with associated data, under the newest key of several."""

    def encrypt(self, clear: bytes, associated: bytes) -> bytes:
        """Encrypt under the newest key."""
        ...

    def decrypt(self, encrypted: bytes, associated: bytes) -> tuple[bytes, bool]:
        """Return what was encrypted, and whether that was under an older key.

        Raises BadRecord for what no key opens with this associated data.
        """
        ...


@dataclass(frozen=True, slots=True)
class Encryption:
    """How what an application keeps is encrypted; times are seconds since 1970."""

    cipher: Cipher = field(repr=False)
    clock: Clock
    owner_keys: tuple[bytes, ...] = field(default=(), repr=False)  # to name owners, newest first
    writes: bool = True
    plain_until: float = 0

    def reads_plain(self) -> bool:
        """Return whether what is not encrypted is read now."""
        return not self.writes or self.clock() < self.plain_until
