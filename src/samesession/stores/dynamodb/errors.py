"""Tell what went wrong in DynamoDB, without what was sent to it."""

from __future__ import annotations

from typing import Any, cast

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from ...errors import StoreUnavailable

FAILURES = (BotoCoreError, ClientError, ResponseParserError, OSError)

_LOST = (exceptions.ConnectionError, exceptions.HTTPClientError, OSError)
# Refused before anything was done.
_LATER = {
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionConflictException",
}
_DENIED = "AccessDeniedException"
FIRST_PAUSE = 0.05  # seconds, as Amazon's own clients wait for DynamoDB


def code_of(error: Exception) -> str | None:
    """Return DynamoDB's own word for what it refused; None where it was not reached."""
    if not isinstance(error, ClientError):
        return None
    # Any: the answer is a tree that no type describes.
    return str(cast("Any", error).response.get("Error", {}).get("Code", "an unknown error"))


def is_refused(error: Exception) -> bool:
    """Return whether the condition of a write did not hold."""
    return code_of(error) == "ConditionalCheckFailedException"


def refused_item(error: Exception) -> dict[str, Any] | None:
    """Return what stood in the way of a conditional write."""
    found: dict[str, Any] | None = cast("Any", error).response.get("Item")
    return found


def pause_after(error: Exception, *, attempt: int, reading: bool) -> float | None:
    """Return the seconds after which a request may be sent again; None: it must not be.

    A write whose answer got lost may have been done: whoever asked gets an error.
    """
    if code_of(error) in _LATER:
        return FIRST_PAUSE * 2.0 ** (attempt - 1)
    lost = isinstance(error, _LOST)
    return 0 if lost and reading and attempt == 1 else None


def translated(error: Exception, operation: str, table: str) -> StoreUnavailable:
    """Return an error as ours; its text may quote what was sent, so only the code goes on."""
    code = code_of(error)
    if code == "ResourceNotFoundException":
        return StoreUnavailable(
            f"the table {table!r} is missing in DynamoDB: run `flask sessions init` or "
            "`quart sessions init`, or create it as docs/stores/dynamodb.md says"
        )
    if code is not None:
        return StoreUnavailable(f"DynamoDB refused {operation}: {code}")
    return StoreUnavailable(f"DynamoDB is not available: {type(error).__name__}")


def is_denied(error: StoreUnavailable) -> bool:
    """Return whether DynamoDB was reached, and its user has no right to what was asked."""
    return str(error).endswith(f": {_DENIED}")
