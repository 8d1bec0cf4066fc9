"""Translate DynamoDB's errors, without the data that was sent."""

from __future__ import annotations

from typing import Any, cast

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from ...errors import StoreUnavailable

FAILURES = (BotoCoreError, ClientError, ResponseParserError, OSError)

_LOST = (exceptions.ConnectionError, exceptions.HTTPClientError, OSError)
# Refused before any work was done.
_LATER = {
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionConflictException",
}
_DENIED = "AccessDeniedException"
FIRST_PAUSE = 0.05  # seconds, as in Amazon's own clients for DynamoDB


def code_of(error: Exception) -> str | None:
    """Return DynamoDB's own code for a refusal; None if DynamoDB was not reached."""
    if not isinstance(error, ClientError):
        return None
    # Any: the answer is a tree that no type describes.
    return str(cast("Any", error).response.get("Error", {}).get("Code", "an unknown error"))


def is_refused(error: Exception) -> bool:
    """Return whether the condition of a write did not hold."""
    return code_of(error) == "ConditionalCheckFailedException"


def refused_item(error: Exception) -> dict[str, Any] | None:
    """Return the item that made a conditional write fail."""
    found: dict[str, Any] | None = cast("Any", error).response.get("Item")
    return found


def pause_after(error: Exception, *, attempt: int, reading: bool) -> float | None:
    """Return the seconds after which a request may be repeated; None if it must not be.

    A write whose answer got lost may have been done: its caller gets an error.
    """
    if code_of(error) in _LATER:
        return FIRST_PAUSE * 2.0 ** (attempt - 1)
    lost = isinstance(error, _LOST)
    return 0 if lost and reading and attempt == 1 else None


def translated(error: Exception, operation: str, table: str) -> StoreUnavailable:
    """Return our error for one of DynamoDB's; only its code is kept, as its text may quote data."""
    code = code_of(error)
    if code == "ResourceNotFoundException":
        return StoreUnavailable(
            f"the table {table!r} is missing in DynamoDB: run `flask sessions init` or `quart "
            "sessions init`, or create it as described in docs/stores/dynamodb.md"
        )
    if code is not None:
        return StoreUnavailable(f"DynamoDB refused {operation}: {code}")
    return StoreUnavailable(f"DynamoDB is not available: {type(error).__name__}")


def is_denied(error: StoreUnavailable) -> bool:
    """Return whether DynamoDB was reached, but its user has no right to the request."""
    return str(error).endswith(f": {_DENIED}")
