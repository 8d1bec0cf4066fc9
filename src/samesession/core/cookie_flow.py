"""SESSION_TYPE "cookie": the data itself travels in Flask's own signed-cookie format.

Plain Flask and plain Quart read what this writes, and the other way round
(source: `flask.sessions.SecureCookieSessionInterface`). There is no record, so
nothing can be revoked, bound to a user, or ended before its time.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from typing import Any

from itsdangerous import BadData, BadPayload, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode

from ..errors import BadRecord, ConfigError
from . import policy, tagged
from .cookie import MAX_AGE, MAX_BYTES, CookieAction, DropCookie, Reply, SetCookie
from .events import Event, Notify
from .facts import Facts, Mode
from .policy import Rules
from .session import ServerSession
from .steps import Steps
from .store import Clock


class CookieFlow:
    """The life of a session that the browser keeps."""

    def __init__(
        self, secret_keys: Sequence[bytes], rules: Rules, *, clock: Clock, notify: Notify
    ) -> None:
        """`secret_keys`: the newest first."""
        if rules.absolute is not None:
            raise ConfigError(
                "SESSION_ABSOLUTE_LIFETIME cannot be kept with SESSION_TYPE 'cookie', where the "
                "browser keeps the session: choose a server-side store, such as 'filesystem'"
            )
        self.rules = rules
        self._clock = clock
        self._notify = notify
        self._serializer = _Serializer(secret_keys, rules.max_bytes, clock)

    def open(self, values: Sequence[str], *, renew: bool = True) -> Steps[ServerSession]:
        """Open the session in the cookie, or a new one."""
        yield from ()
        # As Flask does, the first cookie of the name counts.
        for value in values[:1]:
            try:
                text = self._serializer.text_of(value, self.rules.lifetimes.longest)
                return self._session(tagged.loads(text), Facts(baseline=text, renew=renew))
            except BadRecord as error:
                self._notify(Event.REJECTED, None, error.reason)
            except BadData:
                self._notify(Event.REJECTED, None, "the cookie is not one of ours, or too old")
        return self._session({}, Facts(renew=renew))

    def fresh(self) -> ServerSession:
        """Give the session of a request that has no cookie."""
        return self._session({}, Facts())

    def _session(self, data: dict[str, Any], facts: Facts) -> ServerSession:
        facts.new = facts.baseline is None
        return ServerSession(
            data, facts=facts, permanent_by_default=self.rules.permanent_by_default
        )

    def close(self, session: ServerSession, *, cookie_possible: bool = True) -> Steps[Reply]:
        """Say what the response must say; a WebSocket can keep nothing.

        Raises TypeError for data that cannot be encoded.
        """
        yield from ()
        facts = session.facts
        if facts.mode is Mode.EXEMPT:
            return Reply(None, vary=False)
        data = session.data()
        text = tagged.dumps(data) if facts.accessed else facts.baseline
        if facts.accessed and facts.baseline is not None and text != facts.baseline:
            # Flask spells the same data in another order of keys.
            facts.modified = facts.modified or text != tagged.dumps(tagged.loads(facts.baseline))
        cookie = self._cookie(session, text) if cookie_possible else None
        return Reply(cookie, vary=facts.accessed or cookie is not None)

    def _cookie(self, session: ServerSession, text: str | None) -> CookieAction:
        facts, permanent = session.facts, session.is_permanent()
        if not session.data() or text is None:
            return DropCookie() if facts.modified else None
        refresh = permanent and facts.renew
        if not policy.sends_cookie(modified=facts.modified, permanent=refresh, rules=self.rules):
            return None
        expires = int(self._clock()) + min(self.rules.lifetimes.permanent, MAX_AGE)
        return SetCookie(self._serializer.sign(text), expires if permanent else None)


class _Signer(TimestampSigner):
    """Flask's signer, on a clock that is passed in."""

    def __init__(self, *args: Any, clock: Clock, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock())


class _Text:
    """Lets the JSON text pass through the serializer as it is."""

    @staticmethod
    def dumps(obj: str) -> str:
        return obj

    @staticmethod
    def loads(payload: str) -> str:
        return payload


class _Serializer(URLSafeTimedSerializer):
    """Flask's serializer for JSON text, which inflates no more than it may."""

    def __init__(self, secret_keys: Sequence[bytes], max_bytes: int, clock: Clock) -> None:
        super().__init__(
            list(reversed(secret_keys)),  # itsdangerous expects the newest key last
            salt="cookie-session",
            serializer=_Text,
            signer=_Signer,
            signer_kwargs={
                "key_derivation": "hmac",
                "digest_method": hashlib.sha1,
                "clock": clock,
            },
        )
        self._max_bytes = max_bytes

    def sign(self, text: str) -> str:
        signed = self.dumps(text)
        return signed.decode("ascii") if isinstance(signed, bytes) else signed

    def text_of(self, value: str, max_age: int) -> str:
        """Give a cookie's JSON text; raises BadData for one not ours, or too old."""
        if len(value) > MAX_BYTES or not value.isascii():
            raise BadPayload("no cookie of ours is that large, or not ASCII")
        text: str = self.loads(value, max_age=max_age)
        return text

    def load_payload(self, payload: bytes, *args: Any, **kwargs: Any) -> str:
        compressed = payload.startswith(b".")
        try:
            raw = base64_decode(payload[1:] if compressed else payload)
            if compressed:
                inflater = zlib.decompressobj()
                raw = inflater.decompress(raw, self._max_bytes)
                if inflater.unconsumed_tail:
                    raise BadPayload("the cookie's data inflates beyond SESSION_MAX_BYTES")
            return raw.decode("utf-8")
        except (ValueError, zlib.error) as error:
            raise BadPayload("the cookie's data cannot be read", original_error=error) from error
