"""Amazon DynamoDB: everything about it."""

from __future__ import annotations

from .store import DynamoDBStore, open_store

__all__ = ["DynamoDBStore", "open_store"]
