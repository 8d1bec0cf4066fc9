"""Examine the table of sessions: whether it exists, deletes expired items, and the clock.

These questions need more permissions than requests do: if IAM refuses one, that is the finding.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

from ...core.clock_difference import clock_finding, seconds_ahead
from ...core.findings import Finding, Level, not_looked_at
from ...core.steps import Steps
from ...core.store import Clock
from ...errors import StoreUnavailable
from . import items
from .asking import Asking
from .errors import is_denied

_INIT = "flask sessions init"


def findings(asking: Asking, table: str, clock: Clock) -> Steps[list[Finding]]:
    """Examine the table; if it is missing there is nothing else to examine."""
    found = yield from _table(asking, table)
    if found.level is Level.ERROR:
        return [found]
    before = clock()
    try:
        answer: Any = yield from asking.ask("describe_time_to_live", {})
    except StoreUnavailable as error:
        if not is_denied(error):
            raise
        return [found, not_looked_at("dynamodb.ttl", "whether DynamoDB deletes expired items")]
    return [found, _time_to_live(answer), _clock(answer, before, clock())]


def _table(asking: Asking, table: str) -> Steps[Finding]:
    check = "dynamodb.table"
    try:
        found: Any = yield from asking.table()
    except StoreUnavailable as error:
        if not is_denied(error):
            raise
        return not_looked_at(check, f"the table {table}")
    if found is None:
        return Finding(check, Level.ERROR, f"the table {table} is missing", _INIT)
    if not items.is_ours(found):
        what = f"the table {table} has other keys than pk and sk: it belongs to another program"
        return Finding(check, Level.ERROR, what, 'SESSION_DYNAMODB_TABLE = "..."')
    return Finding(check, Level.OK, "the table exists")


def _time_to_live(answer: Any) -> Finding:
    found = answer.get("TimeToLiveDescription", {})
    is_on = found.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
    if is_on and found.get("AttributeName") == items.TTL:
        return Finding("dynamodb.ttl", Level.OK, "DynamoDB deletes expired items")
    what = "DynamoDB does not delete expired items, and they cost money"
    return Finding("dynamodb.ttl", Level.WARNING, what, _INIT)


def _clock(answer: Any, before: float, after: float) -> Finding:
    """Judge the clock by the time in the answer's headers, to the second."""
    told = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        theirs = parsedate_to_datetime(told).timestamp()
    except (TypeError, ValueError):
        return not_looked_at("clock", "DynamoDB's clock")
    return clock_finding(seconds_ahead(theirs, before, after))
