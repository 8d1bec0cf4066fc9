"""What a session says of its account, and does for it: whose it is, since when, for how long.

The part of `ServerSession` that concerns no data. It never knows a store, a framework, or
the time.
"""

from __future__ import annotations

from datetime import timedelta
from operator import methodcaller

from ..errors import NotBound, NotSupported
from . import device_offers, freshness
from .account_changes import UNBINDABLE, AccountChange, Adopted, Bound, Kept
from .late_writes import Watched, Write, admit
from .names import checked_at_most, checked_label, checked_owner
from .own_lifetimes import REFUSED, REFUSED_COOKIE, checked_lifetime
from .request_state import Mode, is_empty, show
from .session_info import SessionInfo, info_of_request
from .tracebacks import with_locals_cleared


@with_locals_cleared()
class Account(Watched):
    """A session, as far as it belongs to somebody."""

    _bindable = False
    _freshness: freshness.Freshness | None = None

    @property
    def sid(self) -> str | None:
        """The session's public name: no secret.

        Of a session that has not begun it is drawn when it is first asked for, and is the one
        that the session gets if it is saved. None where no session can begin: with SESSION_TYPE
        'cookie', on an exempt path, in a WebSocket, and when the response is made.
        """
        self._read()
        return self._state.sid

    @property
    def info(self) -> SessionInfo:
        """Who owns the session, since when it is there, and until when."""
        self._read()
        return info_of_request(self._state)

    @property
    def lifetime(self) -> timedelta | None:
        """The idle timeout of this session's own, by SESSION_OWN_LIFETIMES; None: the settings'."""
        self._read()
        seconds = self._state.own_lifetime
        return timedelta(seconds=seconds) if seconds else None

    @lifetime.setter
    def lifetime(self, value: timedelta | None) -> None:
        seconds, state = checked_lifetime(value), self._state
        if state.mode is Mode.EXEMPT:  # as with `permanent`: nothing is kept there
            return
        if not state.own_lifetimes and state.mode is Mode.LIVE:
            raise NotSupported(REFUSED_COOKIE if state.in_cookie else REFUSED)
        if seconds == state.own_lifetime:
            self._read()  # said again before each request: no write
        else:
            self._may_write(Write.PERMANENCE)
            state.lifetime = seconds
            state.modify(permanence=True)

    def regenerate(self) -> None:
        """Replace the secret when the response is made: the old cookie ends there.

        Call it whenever the user's rights change (OWASP ASVS 5.0, 7.2.4). The
        data and the sid stay. `clear()` does the same by itself.
        """
        self._rekey(Write.REGENERATE)

    def bind(self, owner: str, label: str | None = None, at_most: int | None = None) -> None:
        """Log a user in: make the session theirs, regenerate it, note the time.

        Call it only when this very request has shown the user's credentials, such as a
        password: it is a new authentication. Where the session ended while the request
        ran, or another request made it another user's, a new one begins, with the names
        that this request assigned. What it changed within values, or by
        `update_atomically`, is dropped with the rest of the session that ended.

        `owner` is any text of the application's, such as a user's id, of 1 to 1,024 bytes.
        `label` is what lists of sessions show, such as "Firefox on Linux", of at most 256
        bytes. Without one the session has none from then on, as that of an earlier login may
        be another device's. Raises InvalidName for anything else, NotSupported on a store
        without an index.

        `at_most` ends the owner's oldest sessions beyond so many, this one counted, when the
        login is saved; without it SESSION_MAX_PER_OWNER counts, by which the login may be
        refused then (TooManySessions).
        """
        owner = checked_owner(owner, "session.bind")
        label = checked_label(label, "session.bind")
        at_most = checked_at_most(at_most, "session.bind")
        self._change_account(Write.BIND, Bound(owner, label, at_most))

    def unbind(self) -> None:
        """Make the session nobody's, and regenerate it; its data stays.

        For what goes on without the user, such as a cart. To log a user out write `end()`,
        which keeps nothing. Raises NotSupported on a store without an index.
        """
        self._change_account(Write.UNBIND, Kept.UNBOUND)

    def confirm(self) -> None:
        """Note that the session's user has just authenticated again, and regenerate it.

        Call it only when this very request has shown the owner's credentials, as `bind`.
        The time of authentication is now, and the absolute timeout begins anew; owner, label
        and data stay. Where the session ended while the request ran, it stays ended. Raises
        NotBound where the session is nobody's, NotSupported on a store without an index.
        """
        self._change_account(Write.CONFIRM, Kept.CONFIRMED)

    def offer_device_binding(self) -> None:
        """Offer the browser to bind the session to its device, when the response is made.

        `bind` does so by itself where SESSION_DEVICE_BOUND is on: this is for a session that
        began before that, or has no owner. A session without data and owner is not stored, and
        nothing is offered. Nor is it where the session is bound already, or the request did not
        come over https. Raises NotSupported where the setting is off and for a token in a header,
        ReadOnlySession where no response can have the offer.
        """
        if self._state.mode is Mode.EXEMPT:
            self._may_write()
        else:
            self._read()
            device_offers.offer(self._state)

    def end(self) -> None:
        """Log out: the record is deleted, and the cookie dropped, when the response is made.

        The session is empty from now on. What is written to it afterwards, or a login,
        begins another session, with a sid of its own.
        """
        self._may_write(Write.END)
        show(self, {})
        self._state.end()

    def require_fresh(self, minutes: float = 10) -> None:
        """Raise ReauthenticationRequired unless the user has authenticated in the last minutes.

        Call it before what a thief of the session must not do, such as to change the password
        (OWASP ASVS 5.0, 7.5.1). The error is a 401 that the application's errorhandler makes a
        page of, where the user shows the password again. `bind` and `confirm` authenticate.
        Raises NotSupported on an exempt path and on a store without owners, where nobody can
        ever be fresh, and the store's failure where that is why nobody is known.
        """
        minutes = freshness.checked_minutes(minutes)
        self._read()
        freshness.check(self._state, minutes, self._freshness, bindable=self._bindable)

    # --- parts, which all of a session uses ---------------------------------------------

    def _read(self) -> None:
        state = self._state
        state.accessed = True
        if state.failure is not None:
            raise state.failure

    def _may_write(self, write: Write = Write.DATA) -> None:
        self._read()
        if self._state.answered or self._state.mode is Mode.EXEMPT:
            admit(self._state, write, is_empty=is_empty(self))

    def _change_account(self, write: Write, change: AccountChange) -> None:
        if not self._bindable:
            raise NotSupported(UNBINDABLE)
        self._may_write(write)
        if change is Kept.CONFIRMED and self._state.owner is None:
            raise NotBound(
                "session.confirm() is for a session that has an owner: write session.bind(user) "
                "where the user logs in"
            )
        self._rekey(write)
        self._state.change_account(change)

    def _rekey(self, write: Write) -> None:
        self._may_write(write)
        self._state.replace_secret = self._state.may_differ = self._state.written = True

    def _adopt(self, owner: str, label: str | None, *, new_secret: bool) -> None:
        change = Adopted(checked_owner(owner, "a login"), checked_label(label, "a login"))
        if new_secret:
            self._change_account(Write.BIND, change)
        elif self._bindable:
            self._may_write(Write.PERMANENCE)
            self._state.may_differ = self._state.written = True
            self._state.change_account(change)


def adopt(session: Account, owner: str, label: str | None = None, *, new_secret: bool) -> None:
    """Make a session that is nobody's its user's, whom another library has logged in.

    No view calls it: the user has shown no credentials, so that nothing passes for an
    authentication. `new_secret` where nobody was logged in with the session until now; else it
    stays, as other requests bring it, and a store without owners is no error.
    """
    methodcaller("_adopt", owner, label, new_secret=new_secret)(session)
