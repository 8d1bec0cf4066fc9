"""Examine the collections of sessions: whether expired ones are deleted, and the server's clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

from ...core.clock_difference import clock_finding, seconds_ahead
from ...core.findings import Finding, Level, not_looked_at
from ...core.steps import Steps
from ...core.store import Clock
from . import clients
from .documents import INDEXES

_Wait: TypeAlias = Callable[[Any], Steps[Any]]  # Any: pymongo's answers, in either colour


def findings(here: clients.Opened, wait: _Wait, clock: Clock) -> Steps[list[Finding]]:
    """Examine the collections and the server."""
    return [(yield from _clock(here, wait, clock)), (yield from _indexes(here, wait))]


def _clock(here: clients.Opened, wait: _Wait, clock: Clock) -> Steps[Finding]:
    before = clock()
    answer: Any = yield from wait(here.client.admin.command("hello"))
    theirs = answer.get("localTime")
    if not isinstance(theirs, datetime):
        return not_looked_at("clock", "the server's clock")
    moment = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
    return clock_finding(seconds_ahead(moment.timestamp(), before, clock()))


def _indexes(here: clients.Opened, wait: _Wait) -> Steps[Finding]:
    for collection, index in zip((here.records, here.owners), INDEXES, strict=True):
        there: Any = yield from wait(collection.index_information())
        if index["name"] not in there:
            what = (
                f"the collection {collection.name} has no index by which MongoDB deletes "
                "expired sessions"
            )
            return Finding("mongodb.indexes", Level.WARNING, what, "flask sessions init")
    return Finding("mongodb.indexes", Level.OK, "MongoDB deletes expired sessions")
