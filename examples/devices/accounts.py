"""The accounts of the demo, in memory: names, and hashes of passwords. Knows no framework.

Hashing takes a tenth of a second by design. A Quart application does it in a thread, or
all its other requests wait.
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass, field
from threading import Lock

from werkzeug.security import check_password_hash, generate_password_hash

from examples.devices.forms import Refused, checked_name, checked_password

LIMIT = 1000  # accounts, as anybody may make one


@dataclass(frozen=True, slots=True)
class Account:
    """A user. Sessions are bound to the id, as a name may be somebody else's one day."""

    id: str
    name: str
    password_hash: str = field(repr=False)


class Accounts:
    """All accounts, for both halves of the site and all of their threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._by_id: dict[str, Account] = {}
        # What a password is compared with where there is no account, as that would tell by the
        # time of the answer.
        self._nobody = Account("", "", generate_password_hash(secrets.token_hex()))

    def sign_up(self, name: str, password: str) -> Account:
        """Make an account; raise Refused, which says why there is none."""
        name = checked_name(name)
        password_hash = generate_password_hash(checked_password(password))
        account = Account(secrets.token_urlsafe(9), name, password_hash)
        with self._lock:
            if self._named(name) is not None:
                raise Refused("There is an account with this name already: choose another one.")
            if len(self._by_id) >= LIMIT:
                raise Refused("The demo has no room for another account: start it anew.")
            self._by_id[account.id] = account
        return account

    def with_password(self, name: str, password: str) -> Account | None:
        """Return the account of that name if the password is its own."""
        with self._lock:
            account = self._named(name) or self._nobody
        is_right = check_password_hash(account.password_hash, password)
        return account if is_right and account.id else None

    def find(self, account_id: str | None) -> Account | None:
        """Return the account that a session is bound to, None if there is none (any more)."""
        return self._by_id.get(account_id or "")

    def delete(self, account: Account) -> None:
        """Forget an account; its sessions are the caller's to end."""
        with self._lock:
            self._by_id.pop(account.id, None)

    def _named(self, name: str) -> Account | None:
        wanted = _folded(name)
        return next((each for each in self._by_id.values() if _folded(each.name) == wanted), None)


def _folded(name: str) -> str:
    """Return what two names have in common that look alike."""
    return unicodedata.normalize("NFKC", name.strip()).casefold()
