"""Many sessions of one user, filed as requests would have filed them, but at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from samesession.core.record import Record
from samesession.core.steps import Steps
from samesession.core.store import Lifetimes
from samesession.core.token import text
from samesession.run.sync import run

from .backend import Backend
from .site import Site

_LONG = Lifetimes(browser=100_000, permanent=100_000)


def fill(
    site: Site,
    backend: Backend,
    owner: str | None,
    count: int,
    *,
    series: int = 0,
    payload: bytes = b"\x80",
) -> list[str]:
    """File sessions, each a second younger than the one before; give their sids in that order.

    Another `series` has other sids.
    """
    records = list(_records(site, owner, count, series, payload))
    store: Any = backend.given or backend.store()
    prefix, sealer = parts_of(site.app)

    def filing() -> Steps[None]:
        for record in records:
            key = prefix + record.sid
            if owner is not None:
                yield from store.enlist(owner, key, lifetime=100_000)
            yield from store.create(key, sealer.seal(key, record), lifetimes=_LONG)
        yield from store.close()

    run(filing())
    return [record.sid for record in records]


def parts_of(app: Any) -> tuple[str, Any]:  # Any: a Flask or a Quart
    """Give the prefix of an application's keys, and what seals its records."""
    administration = app.session_interface.app_sessions.administration
    return administration._prefix, administration._records._sealer


def _records(
    site: Site, owner: str | None, count: int, series: int, payload: bytes
) -> Iterator[Record]:
    began = int(site.clock()) - count
    for number in range(count):
        # Spread, so that neither order is that of age.
        spread = (number * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8, "big")
        sid = text(spread + series.to_bytes(8, "big"))
        yield Record(
            sid=sid,
            secret_hash=bytes(24),
            revision=1,
            permanent=False,
            created=began + number,
            deadline=0,
            auth_time=began + number,
            indexed=began + number,
            owner=owner,
            payload=payload,
        )
