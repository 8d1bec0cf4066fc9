"""Keep records out of what a client library logs at DEBUG: each command, and what it answered."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ours: ContextVar[bool] = ContextVar("samesession_unlogged", default=False)


@contextmanager
def unlogged(*loggers: str) -> Iterator[None]:
    """Have loggers say nothing at DEBUG of what this block sends, here or in tasks it begins.

    What others send through the same client is logged as ever.
    """
    for name in loggers:
        logging.getLogger(name).addFilter(_is_not_ours)  # once, however often it is added
    _ = _ours.set(True)
    try:
        yield
    finally:
        _ = _ours.set(False)


def _is_not_ours(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG or not _ours.get()
