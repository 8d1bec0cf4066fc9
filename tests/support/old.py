"""Old sessions of a library that never was, and a flow that takes them over."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from samesession.core.events import Notice
from samesession.core.flow import Flow
from samesession.core.migrated import OldIds
from samesession.core.migrating import Migration, MigrationParts
from samesession.core.old_sessions import Presented
from samesession.core.policy import Rules
from samesession.core.record import Sealer
from samesession.core.session import ServerSession
from samesession.core.steps import Steps
from samesession.core.store import Foreign, Lifetimes, Store
from samesession.core.token import TokenSigner
from samesession.errors import BadRecord
from samesession.run.sync import run
from samesession.stores.memory import MemoryStore

from .clock import Clock, Entropy
from .site import SECRET_KEY

LIBRARY = "flask-session"
DATA = {"user": "ann", "cart": [1]}
OLD_ID = "session:old-id"
VALUE = "old-id"  # of the cookie
RULES = Rules(
    prefix="session:",
    lifetimes=Lifetimes(browser=1000, permanent=1000),
    absolute=None,
    refresh_each_request=True,
    permanent_by_default=False,
    max_bytes=4096,
)


class FiledReader:
    """Reads JSON that is filed under "session:" and the cookie's value."""

    library = LIBRARY

    def presented(self, value: str, now: float) -> Presented | None:
        return None if value.startswith("!") else Presented(f"session:{value}")

    def data(self, raw: bytes) -> dict[str, Any]:
        try:
            found = json.loads(raw)
        except ValueError as error:
            raise BadRecord("it is not JSON") from error
        assert isinstance(found, dict)
        return found


class CookieReader:
    """Reads cookies that hold the data themselves, as JSON, and expire at some moment."""

    library = "signed-cookie"

    def __init__(self, *, expires: int | None = None) -> None:
        self._expires = expires

    def presented(self, value: str, now: float) -> Presented | None:
        if not value.startswith("{") or (self._expires is not None and now >= self._expires):
            return None
        return Presented(value, json.loads(value), self._expires)

    def data(self, raw: bytes) -> dict[str, Any]:
        raise BadRecord("nothing is filed")


class ForeignMemoryStore(MemoryStore):
    """A store where another library has filed its sessions, too."""

    def __init__(self, *, clock: Clock, foreign: Mapping[str, bytes] | None = None) -> None:
        super().__init__(clock=clock, longest=RULES.lifetimes.longest)
        self.foreign = dict(foreign or {})

    def load_foreign(self, key: str) -> Steps[Foreign | None]:
        yield from ()
        raw = self.foreign.get(key)
        return None if raw is None else Foreign(raw, None)

    def remove_foreign(self, key: str) -> Steps[None]:
        yield from ()
        _ = self.foreign.pop(key, None)

    @property
    def keys(self) -> list[str]:
        return sorted(self._records)


def owner_of(data: Mapping[str, Any]) -> str | None:
    user: str | None = data.get("user")
    return user


class Bench:
    """A flow that takes old sessions over."""

    def __init__(
        self,
        store: Store | None = None,
        *,
        keys: tuple[bytes, ...] = (b"newest key of all",),
        readers: Any = None,
        clock: Clock | None = None,
        owners: Callable[[Mapping[str, Any]], str | None] = owner_of,
        rules: Rules = RULES,
        until: float = 0,
        encryption: Any = None,
    ) -> None:
        self.clock = Clock() if clock is None else clock
        self.memory = ForeignMemoryStore(
            clock=self.clock, foreign={OLD_ID: json.dumps(DATA).encode()}
        )
        self.store = self.memory if store is None else store
        self.events: list[Notice] = []
        self.sealer = Sealer(keys, "session:", "sid", rules.max_bytes, encryption=encryption)
        self.old_ids = OldIds(keys, "session:", "sid")
        self.flow = Flow(
            store=self.store,
            rules=rules,
            signer=TokenSigner(keys, "session:", "sid", Entropy()),
            sealer=self.sealer,
            clock=self.clock,
            notify=self.events.append,
            old_sessions=MigrationParts(
                self.old_ids,
                [FiledReader(), CookieReader()] if readers is None else readers,
                owners,
                until,
            ),
        )

    @property
    def migration(self) -> Migration:
        assert self.flow.migration is not None
        return self.flow.migration

    def opening(
        self, *values: str, ours: str | None = None, cookie_possible: bool = True
    ) -> Steps[ServerSession]:
        """Open the session of a request with old cookies, and perhaps one of ours."""
        session = yield from self.flow.open([] if ours is None else [ours])
        if not values:
            return session
        steps = self.migration.arrive(session, values, cookie_possible=cookie_possible)
        return (yield from steps)

    def opened(self, *values: str, **options: Any) -> ServerSession:
        return run(self.opening(*values, **options))

    @property
    def told(self) -> list[str]:
        return [each.event.value for each in self.events]


class _Dated(TimestampSigner):
    """Signs at the moment that a test says."""

    now = 0

    def get_timestamp(self) -> int:
        return self.now


def signed_cookie(
    data: Mapping[str, Any], now: float, *, key: str = SECRET_KEY, tagged: Any = None
) -> str:
    """Give the cookie that a plain Flask or Quart sends at a moment."""
    serializer = URLSafeTimedSerializer(
        [key],
        salt="cookie-session",
        serializer=json if tagged is None else tagged,
        signer=type("At", (_Dated,), {"now": int(now)}),
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha1},
    )
    value = serializer.dumps(dict(data))
    return value if isinstance(value, str) else value.decode()
