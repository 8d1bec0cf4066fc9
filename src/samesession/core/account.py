"""The session's account: its owner, its times, and login and logout.

This is the part of `ServerSession` that is not about data. It does not know stores, frameworks or
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
    """The part of a session that deals with its owner."""

    _bindable = False
    _freshness: freshness.Freshness | None = None

    @property
    def sid(self) -> str | None:
        """The session's public name, which is not a secret.

        A new session draws it when it is first read, and gets this sid if it is saved. It is None
        if no session can begin: with SESSION_TYPE 'cookie', on an exempt path, in a WebSocket, and
        once the response is made.

        .. versionadded:: 1.0
        """
        self._read()
        return self._state.sid

    @property
    def info(self) -> SessionInfo:
        """The session's owner, its label, and its times.

        .. versionadded:: 1.0
        """
        self._read()
        return info_of_request(self._state)

    @property
    def lifetime(self) -> timedelta | None:
        """The session's own idle timeout, one of SESSION_OWN_LIFETIMES; None for the settings' one.

        .. versionadded:: 1.0
        """
        self._read()
        seconds = self._state.own_lifetime
        return timedelta(seconds=seconds) if seconds else None

    @lifetime.setter
    def lifetime(self, value: timedelta | None) -> None:
        seconds, state = checked_lifetime(value), self._state
        if state.mode is Mode.EXEMPT:  # as with `permanent`: nothing is stored there
            return
        if not state.own_lifetimes and state.mode is Mode.LIVE:
            raise NotSupported(REFUSED_COOKIE if state.in_cookie else REFUSED)
        if seconds == state.own_lifetime:
            self._read()  # set again by each request: no write
        else:
            self._may_write(Write.PERMANENCE)
            state.lifetime = seconds
            state.modify(permanence=True)

    def regenerate(self) -> None:
        """Replace the secret when the response is made: the old cookie ends there.

        Call it whenever the user's rights change (OWASP ASVS 5.0, 7.2.4). The data and the sid
        stay. `clear()` regenerates by itself.

        .. versionadded:: 1.0
        """
        self._rekey(Write.REGENERATE)

    def bind(self, owner: str, label: str | None = None, at_most: int | None = None) -> None:
        """Log a user in: set the session's owner, regenerate it, note the time.

        Call it only if this very request has shown the user's credentials, such as a password: it
        counts as an authentication. If the session ended while the request ran, or another request
        bound it to another user, a new session begins with the names that this request assigned.
        Changes inside values and changes by `update_atomically` are dropped with the rest of the
        session that ended::

            session.clear()
            session.bind(user.id, label="Firefox on Linux")

        `owner` is a text that the application chooses, such as a user's id, of 1 to 1,024 bytes.
        `label` is shown in lists of sessions, such as "Firefox on Linux", and has at most 256
        bytes. Without one, an earlier label is removed, because it may describe another device.
        Raises InvalidName for any other value, and NotSupported on a store without an index.

        `at_most` ends the owner's oldest sessions beyond this number, this one included, when the
        login is saved. Without it SESSION_MAX_PER_OWNER applies, which may refuse the login at that
        time (TooManySessions).

        .. versionadded:: 1.0
        """
        owner = checked_owner(owner, "session.bind")
        label = checked_label(label, "session.bind")
        at_most = checked_at_most(at_most, "session.bind")
        self._change_account(Write.BIND, Bound(owner, label, at_most))

    def unbind(self) -> None:
        """Remove the session's owner, and regenerate the session; its data stays.

        This is for data that outlives a login, such as a cart. To log a user out write `end()`,
        which keeps nothing. Raises NotSupported on a store without an index.

        .. versionadded:: 1.0
        """
        self._change_account(Write.UNBIND, Kept.UNBOUND)

    def confirm(self) -> None:
        """Note that the session's user has just authenticated again, and regenerate it.

        Call it only if this very request has shown the owner's credentials, as with `bind`. The
        time of authentication is now, and the absolute timeout starts again. Owner, label and data
        stay. If the session ended while the request ran, it stays ended. Raises NotBound if the
        session has no owner, and NotSupported on a store without an index.

        .. versionadded:: 1.0
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
        """Log out: when the response is made, delete the record and the cookie.

        The session is empty from now on. A later write or login in this request begins another
        session, with its own sid.

        .. versionadded:: 1.0
        """
        self._may_write(Write.END)
        show(self, {})
        self._state.end()

    def require_fresh(self, minutes: float = 10) -> None:
        """Raise ReauthenticationRequired unless the user has authenticated in the last minutes.

        Call it before an action that a stolen session must not do, such as changing the password
        (OWASP ASVS 5.0, 7.5.1)::

            session.require_fresh(minutes=10)

        The error is a 401. The application's errorhandler turns it into a page that asks for the
        password. `bind` and `confirm` count as authentication. Raises NotSupported on an exempt
        path and on a store without owners, where no user can ever be fresh. Raises the store's
        failure if that is why the user is unknown.

        .. versionadded:: 1.0
        """
        minutes = freshness.checked_minutes(minutes)
        self._read()
        freshness.check(self._state, minutes, self._freshness, bindable=self._bindable)

    # --- parts, which the whole session uses --------------------------------------------------

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
                "session.confirm() needs a session that has an owner: write session.bind(user) "
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
    """Bind a session without an owner to a user that another library has logged in.

    No view calls it. The user has shown no credentials, so this does not count as an
    authentication. With `new_secret`, no user was logged in with the session before. Otherwise the
    secret stays, because other requests send it, and a store without owners is not an error.
    """
    methodcaller("_adopt", owner, label, new_secret=new_secret)(session)
