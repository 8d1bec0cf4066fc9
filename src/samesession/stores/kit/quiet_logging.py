"""Keep records out of a client library's DEBUG log, which has each command and answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ours: ContextVar[bool] = ContextVar("samesession_unlogged", default=False)


@contextmanager
def unlogged(*loggers: str) -> Iterator[None]:
    """Silence loggers at DEBUG for commands from this block, here or in tasks that it starts.

    Commands from other code through the same client are logged as always.
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
