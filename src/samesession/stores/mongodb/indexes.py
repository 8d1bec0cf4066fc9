"""Create the indexes by which MongoDB deletes expired documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pymongo

from ...core.steps import Steps
from . import clients
from .documents import INDEXES

_SECONDS = 60.0  # the least time that creating an index may take


# Any: pymongo's answers, in either colour.
def make_indexes(
    here: Callable[[], clients.Opened], wait: Callable[[Any], Steps[Any]], *, timeout: float
) -> Steps[None]:
    """Create the missing indexes."""
    try:
        with pymongo.timeout(max(timeout, _SECONDS)):
            opened = here()
            both = zip((opened.records, opened.owners), INDEXES, strict=True)
            for collection, index in both:
                yield from wait(collection.create_index("expires", **index))
    except clients.OUTAGES as error:
        raise clients.translated(error) from None
