"""One operation on DynamoDB, with any number of requests, within its timeout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...core.steps import Steps, pause
from ...errors import StoreUnavailable
from ...run.clocks import stopwatch
from . import clients, errors, items

_ATTEMPTS = 5  # to end a record that others renew
_READS = frozenset(
    ("get_item", "batch_get_item", "query", "scan", "describe_table", "describe_time_to_live")
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A condition did not hold; `item` is the present item, if it is known."""

    item: items.Item | None


class Asking:
    """One operation, with any number of requests."""

    # Any: see items.Request
    def __init__(self, client: Any, table: str, timeout: float, *, is_native: bool) -> None:
        self._client = client
        self._table = table
        self._timeout = timeout
        self._until = stopwatch() + timeout
        self._is_native = is_native

    def ask(self, operation: str, request: items.Request) -> Steps[Any]:
        """Send a request; return the answer, or Refused if its condition does not hold."""
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
        """Send a request on many items, and repeat the part that DynamoDB has `left` undone."""
        answers: list[Any] = []
        while True:
            answers.append((yield from self.ask(operation, request)))
            undone = answers[-1].get(left)
            if not undone:
                return answers
            # As it came, in the form that the client takes.
            request = {"RequestItems": undone}
            yield from pause(errors.FIRST_PAUSE)

    def found(self, key: str, now: float) -> Steps[items.Found | None]:
        """Return a live record; delete an expired one, so that no later clock shows it again."""
        for _ in range(_ATTEMPTS):
            item = (yield from self.ask("get_item", items.load(key))).get("Item")
            if item and items.is_anothers(item, key):
                continue  # the answer to another request on the HTTP connection
            found = live(item, now)
            if found is not None or not item:
                return found
            request = items.end(key, items.found_in(item))
            if not isinstance((yield from self.ask("delete_item", request)), Refused):
                return None
        raise StoreUnavailable("DynamoDB gives different answers on the expiry of a session")

    def table(self) -> Steps[Any]:
        """Describe the table; return None if there is none."""
        try:
            answer: Any = yield from clients.answered(
                self._client.describe_table(TableName=self._table)
            )
        except errors.FAILURES as error:
            if errors.code_of(error) == "ResourceNotFoundException":
                return None
            raise errors.translated(error, "describe_table", self._table) from None
        return answer["Table"]

    def make_table(self) -> Steps[None]:
        """Create the table; accept one that is being created, which cannot be described at once."""
        try:
            _ = yield from clients.answered(
                self._client.create_table(TableName=self._table, **items.table())
            )
        except errors.FAILURES as error:
            if errors.code_of(error) != "ResourceInUseException":
                raise errors.translated(error, "create_table", self._table) from None

    def expire(self) -> Steps[None]:
        """Make DynamoDB delete expired items."""
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
            # An answer that is not DynamoDB's must not count as "no such item", or as "done".
            raise StoreUnavailable("DynamoDB gave an answer that does not fit the request")
        return answer

    def _has_time_after(self, pause: float) -> bool:
        """Return whether a request sent then would end in time: it may take half the timeout."""
        return stopwatch() + pause + self._timeout / 2 <= self._until


def live(item: items.Item | None, now: float) -> items.Found | None:
    """Read an item; return None if there is none, or if it has expired."""
    return items.live_in(item, int(now)) if item else None
