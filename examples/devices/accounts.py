"""The demo's accounts, in memory: names and password hashes. No framework is used here.

Hashing a password takes a tenth of a second, on purpose. A Quart application hashes in a thread, as
all its other requests would wait otherwise.
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass, field
from threading import Lock

from werkzeug.security import check_password_hash, generate_password_hash

from examples.devices.forms import Refused, checked_name, checked_password

LIMIT = 1000  # accounts: anyone can sign up


@dataclass(frozen=True, slots=True)
class Account:
    """A user. Sessions are bound to the id, because a name may belong to someone else later."""

    id: str
    name: str
    password_hash: str = field(repr=False)


class Accounts:
    """All accounts. Both halves of the site and all their threads share them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._by_id: dict[str, Account] = {}
        # For a name without an account, the password is compared with this hash. Otherwise the time
        # of the answer would show which names exist.
        self._nobody = Account("", "", generate_password_hash(secrets.token_hex()))

    def sign_up(self, name: str, password: str) -> Account:
        """Create an account; raise Refused, with a message for the user, if it cannot be."""
        name = checked_name(name)
        password_hash = generate_password_hash(checked_password(password))
        account = Account(secrets.token_urlsafe(9), name, password_hash)
        with self._lock:
            if self._named(name) is not None:
                raise Refused("There is an account with this name already: choose another name.")
            if len(self._by_id) >= LIMIT:
                raise Refused("The demo has no room for another account: restart it.")
            self._by_id[account.id] = account
        return account

    def with_password(self, name: str, password: str) -> Account | None:
        """Return the account with this name, or None if the password is wrong."""
        with self._lock:
            account = self._named(name) or self._nobody
        is_right = check_password_hash(account.password_hash, password)
        return account if is_right and account.id else None

    def find(self, account_id: str | None) -> Account | None:
        """Return the account with this id, or None if there is none, or no longer."""
        return self._by_id.get(account_id or "")

    def delete(self, account: Account) -> None:
        """Delete an account. Its sessions are not ended: that is up to the caller."""
        with self._lock:
            self._by_id.pop(account.id, None)

    def _named(self, name: str) -> Account | None:
        wanted = _folded(name)
        return next((each for each in self._by_id.values() if _folded(each.name) == wanted), None)


def _folded(name: str) -> str:
    """Return a form of a name in which names that look alike are equal."""
    return unicodedata.normalize("NFKC", name.strip()).casefold()
