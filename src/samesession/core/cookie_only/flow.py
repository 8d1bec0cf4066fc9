"""SESSION_TYPE "cookie": the data itself travels in Flask's own signed-cookie format.

Plain Flask and plain Quart read these cookies, and the other way round (source:
`flask.sessions.SecureCookieSessionInterface`), unless they are encrypted. There is no record, so a
session cannot be revoked, bound to a user, or ended early.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import BadRecord, ConfigError, ReadOnlySession, SessionTooLarge
from .. import policy, values
from ..cookie import MAX_AGE, READ, UNTOUCHED, CookieAction, DropCookie, Reply, SetCookie
from ..encryption import Encryption
from ..events import Event, Notice, Notify
from ..loaded import Terms
from ..policy import Rules
from ..request_state import Mode, SessionState, data_of, is_empty, is_permanent, show, state_of
from ..scopes import Address
from ..session import ServerSession
from ..steps import Steps
from ..store import Clock
from . import tagged_json
from .encrypted_format import EncryptedFormat, Format
from .signed_format import SignedFormat

_EMPTY = "{}"


class CookieFlow:
    """The life of a session that the browser keeps."""

    def __init__(
        self,
        secret_keys: Sequence[bytes],
        rules: Rules,
        *,
        clock: Clock,
        notify: Notify,
        encryption: Encryption | None = None,
    ) -> None:
        """Take the keys, newest first."""
        if rules.absolute is not None:
            raise ConfigError(
                "SESSION_ABSOLUTE_LIFETIME is not possible with SESSION_TYPE 'cookie', because "
                "the browser keeps the session: choose a server-side store, such as 'filesystem'"
            )
        if rules.lifetimes.own:
            raise ConfigError(
                "SESSION_OWN_LIFETIMES is not possible with SESSION_TYPE 'cookie', because the "
                "browser keeps the session: choose a server-side store, such as 'filesystem'"
            )
        self.rules = rules
        self._clock = clock
        self._notify = notify
        plain = SignedFormat(secret_keys, rules.max_bytes, clock)
        self._format: Format = plain
        if encryption is not None:
            self._format = EncryptedFormat(encryption, plain)
        self._terms = Terms(rules.lifetimes, self._format.mark, clock)

    def open(
        self, values: Sequence[str], *, renew: bool = True, address: Address | None = None
    ) -> Steps[ServerSession]:
        """Open the session in the cookie, or a new one."""
        yield from ()
        # As in Flask, the first cookie with the name counts.
        for value in values[:1]:
            try:
                text, stale = self._format.text_of(value, self.rules.lifetimes.longest)
                state = SessionState(baseline=text, renew=renew)
                state.stale, state.terms = stale, self._terms
                return self._session(tagged_json.loads(text), state)
            except BadRecord as error:
                self._notify(Notice(Event.REJECTED, error.reason))
        return self._session({}, SessionState(renew=renew))

    def _session(self, data: dict[str, Any], state: SessionState) -> ServerSession:
        state.new, state.in_cookie = state.baseline is None, True
        return ServerSession(
            data, state=state, permanent_by_default=self.rules.permanent_by_default
        )

    def is_at_rest(self, session: ServerSession) -> bool:
        """Return whether a request changed nothing: then `close` would do the same as `leave`."""
        state = state_of(session)
        return not state.may_differ and state.mode is not Mode.EXEMPT

    def leave(self, session: ServerSession) -> Reply:
        """Return what the response must send for a session that stays as it is."""
        return self._reply(session, state_of(session).baseline)

    def close(
        self, session: ServerSession, *, cookie_possible: bool = True, in_block: bool = False
    ) -> Steps[Reply]:
        """Return what the response must send.

        `in_block`: the block ends before the response, which sends the result later. Raises
        TypeError for data that cannot be encoded, and ReadOnlySession for changes that need a
        cookie if not `cookie_possible` (a WebSocket).
        """
        yield from ()
        state = state_of(session)
        if state.mode is Mode.EXEMPT:
            return UNTOUCHED
        if state.discarded:
            self._discard(session)
        text = before = state.baseline
        if state.accessed and not self._is_as_read(session):
            text = tagged_json.dumps(data_of(session))
        if before is None and is_empty(session):
            text = _EMPTY
        changed = text != (_EMPTY if before is None else before)
        if before is not None and changed:
            # Flask writes the same data with its keys in another order.
            changed = text != tagged_json.dumps(tagged_json.loads(before))
            if changed:
                state.modify()
        state.written = False
        if cookie_possible:
            reply = self._reply(session, text)
            if in_block:
                self._keep(session, text)
            return reply
        if changed and text is not None:
            raise ReadOnlySession(
                "with SESSION_TYPE 'cookie' a WebSocket or a Socket.IO event cannot save a "
                "session, because it cannot send a cookie: write to the session in an HTTP "
                "request, or choose a server-side store"
            )
        return READ

    @staticmethod
    def _discard(session: ServerSession) -> None:
        """Show the cookie's data, or a block's, unless the session was cleared."""
        state = state_of(session)
        state.discarded = False
        emptied = state.cleared or state.baseline is None
        show(session, {} if emptied else tagged_json.loads(state.baseline or _EMPTY))
        state.image = None if state.cleared else values.encode_if_fit(data_of(session))

    @staticmethod
    def _keep(session: ServerSession, text: str | None) -> None:
        """Continue from the data that a block has kept, which the response sends."""
        state = state_of(session)
        state.due = state.due or state.may_be_emptied or (state.modified and not is_empty(session))
        state.baseline = None if is_empty(session) else text
        state.image = values.encode_if_fit(data_of(session))
        state.modified = state.cleared = state.replace_secret = False

    def deletes(self, session: ServerSession) -> bool:
        """Return whether saving the session deletes its record: here there is none."""
        return False

    def _reply(self, session: ServerSession, text: str | None) -> Reply:
        cookie = self._cookie(session, text)
        if cookie is None:
            return READ if state_of(session).accessed else UNTOUCHED
        return Reply(cookie, vary=True)

    @staticmethod
    def _is_as_read(session: ServerSession) -> bool:
        """Return whether the data still equals the cookie's; cheaper than writing its text."""
        state = state_of(session)
        if not state.may_differ:
            return True
        image = state.image
        return (
            image is not None
            and not state.modified
            and image == values.encode_if_fit(data_of(session))
        )

    def _cookie(self, session: ServerSession, text: str | None) -> CookieAction:
        state, permanent = state_of(session), is_permanent(session)
        if is_empty(session) or text is None:
            return DropCookie() if state.may_be_emptied else None
        refresh, must = (
            permanent and state.renew,
            state.modified or state.due or state.replace_secret,
        )
        if state.renew and not must:
            must = state.stale or (state.terms is not None and state.terms.key != self._terms.key)
        if not policy.sends_cookie(modified=must, permanent=refresh, rules=self.rules):
            return None
        expires = int(self._clock()) + min(self.rules.lifetimes.permanent, MAX_AGE)
        return SetCookie(self._value(text), expires if permanent else None)

    def _value(self, text: str) -> str:
        """Return the cookie's value; raise SessionTooLarge if it could not be inflated again."""
        limit = self.rules.max_bytes
        if len(text) > limit:
            raise SessionTooLarge(
                len(text),
                limit,
                "the session's data",
                "keep less in the session, or raise SESSION_MAX_BYTES",
            )
        return self._format.sign(text)
