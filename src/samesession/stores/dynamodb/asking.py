"""One operation on DynamoDB, however many requests it takes, within its timeout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...core.steps import Steps, pause, wait
from ...errors import StoreUnavailable
from ...run.clocks import stopwatch
from . import clients, errors, items

_ATTEMPTS = 5  # of ending what others renew
_READS = frozenset(
    ("get_item", "batch_get_item", "query", "scan", "describe_table", "describe_time_to_live")
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A condition did not hold; `item` is what stood there, if that is told."""

    item: items.Item | None


class Asking:
    """One operation, however many requests it takes."""

    # Any: see items.Request
    def __init__(self, client: Any, table: str, timeout: float, *, is_native: bool) -> None:
        self._client = client
        self._table = table
        self._timeout = timeout
        self._until = stopwatch() + timeout
        self._is_native = is_native

    def ask(self, operation: str, request: items.Request) -> Steps[Any]:
        """Send a request; give the answer, or Refused where its condition does not hold."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return (yield from self._send(operation, request))
            except errors.FAILURES as error:
                if "ConditionExpression" in request and errors.is_refused(error):
                    return Refused(errors.refused_item(error))
                nap = errors.pause_after(error, attempt=attempt, reading=operation in _READS)
                if nap is None or not self._has_time_after(nap):
                    raise errors.translated(error, operation, self._table) from None
            if nap:
                yield from pause(nap)

    def ask_all(self, operation: str, request: items.Request, left: str) -> Steps[list[Any]]:
        """Send a request on many items, and again what of it DynamoDB has `left` undone."""
        answers: list[Any] = []
        while True:
            answers.append((yield from self.ask(operation, request)))
            undone = answers[-1].get(left)
            if not undone:
                return answers
            # As it came, and so as the client takes it.
            request = {"RequestItems": undone}
            yield from pause(errors.FIRST_PAUSE)

    def found(self, key: str, now: float) -> Steps[items.Found | None]:
        """Read a live record; delete an expired one, for no later clock to show it again."""
        for _ in range(_ATTEMPTS):
            item = (yield from self.ask("get_item", items.load(key))).get("Item")
            if item and items.is_anothers(item, key):
                continue  # what an HTTP connection had left from another request
            found = live(item, now)
            if found is not None or not item:
                return found
            request = items.end(key, items.found_in(item))
            if not isinstance((yield from self.ask("delete_item", request)), Refused):
                return None
        raise StoreUnavailable("DynamoDB changes its mind about the end of a session")

    def table(self) -> Steps[Any]:
        """Describe the table; None where there is none."""
        try:
            answer: Any = yield from wait(self._client.describe_table(TableName=self._table))
        except errors.FAILURES as error:
            if errors.code_of(error) == "ResourceNotFoundException":
                return None
            raise errors.translated(error, "describe_table", self._table) from None
        return answer["Table"]

    def make_table(self) -> Steps[None]:
        """Make the table; leave one that is being made, which is not described at once."""
        try:
            _ = yield from wait(self._client.create_table(TableName=self._table, **items.table()))
        except errors.FAILURES as error:
            if errors.code_of(error) != "ResourceInUseException":
                raise errors.translated(error, "create_table", self._table) from None

    def expire(self) -> Steps[None]:
        """Have DynamoDB delete what has expired."""
        answer = yield from self.ask("describe_time_to_live", {})
        found = answer.get("TimeToLiveDescription", {})
        if found.get("TimeToLiveStatus") in ("ENABLED", "ENABLING"):
            if found.get("AttributeName") != items.TTL:
                raise StoreUnavailable(
                    f"the table {self._table!r} in DynamoDB has another attribute than "
                    f"{items.TTL!r} for its time to live"
                )
            return
        wanted = {"Enabled": True, "AttributeName": items.TTL}
        _ = yield from self.ask("update_time_to_live", {"TimeToLiveSpecification": wanted})

    def _send(self, operation: str, request: items.Request) -> Steps[Any]:
        if not self._has_time_after(0):
            raise StoreUnavailable(f"DynamoDB did not answer within {self._timeout} s")
        sent = request if self._is_native else items.wired(request)
        if not operation.startswith("batch_"):
            sent = {"TableName": self._table, **sent}
        of_items = operation.endswith("_item") or operation in ("query", "scan")
        if of_items:
            sent["ReturnConsumedCapacity"] = "TOTAL"
        answer = yield from clients.asked(self._client, operation, sent)
        if of_items and "ConsumedCapacity" not in answer:
            # What is no answer of DynamoDB's must not pass for "no such item", or for "done".
            raise StoreUnavailable("DynamoDB gave an answer that the request cannot have")
        return answer

    def _has_time_after(self, pause: float) -> bool:
        """Return whether a request that is sent then is over in time: each may wait for half."""
        return stopwatch() + pause + self._timeout / 2 <= self._until


def live(item: items.Item | None, now: float) -> items.Found | None:
    """Read an item; None where there is none, or an expired one."""
    return items.live_in(item, int(now)) if item else None
