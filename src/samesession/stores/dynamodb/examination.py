"""How the table of sessions is: whether it is there, whether what expires goes, and the clock.

The permissions that requests need do not cover these questions: where IAM refuses one, that is
what is told.
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
    """Examine the table; without it there is no more to look at."""
    found = yield from _table(asking, table)
    if found.level is Level.ERROR:
        return [found]
    before = clock()
    try:
        answer: Any = yield from asking.ask("describe_time_to_live", {})
    except StoreUnavailable as error:
        if not is_denied(error):
            raise
        return [found, not_looked_at("dynamodb.ttl", "whether DynamoDB deletes what has expired")]
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
        what = f"the table {table} has other keys than pk and sk: it is another's"
        return Finding(check, Level.ERROR, what, 'SESSION_DYNAMODB_TABLE = "..."')
    return Finding(check, Level.OK, "the table is there")


def _time_to_live(answer: Any) -> Finding:
    found = answer.get("TimeToLiveDescription", {})
    is_on = found.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
    if is_on and found.get("AttributeName") == items.TTL:
        return Finding("dynamodb.ttl", Level.OK, "DynamoDB deletes what has expired")
    what = "DynamoDB deletes nothing that has expired, which is paid for"
    return Finding("dynamodb.ttl", Level.WARNING, what, _INIT)


def _clock(answer: Any, before: float, after: float) -> Finding:
    """Judge by the moment that stands in the answer's headers, to the second."""
    told = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        theirs = parsedate_to_datetime(told).timestamp()
    except (TypeError, ValueError):
        return not_looked_at("clock", "DynamoDB's clock")
    return clock_finding(seconds_ahead(theirs, before, after))
