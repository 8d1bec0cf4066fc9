"""Show that long work makes progress: a bar on standard error, if that is a terminal.

The total is not known before the end, so the bar moves with each batch.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..core.steps import Checkpoint, Steps

T = TypeVar("T")


def shown(label: str, steps: Steps[T]) -> Steps[T]:
    """Return steps that show a bar while they run."""
    if not sys.stderr.isatty():
        return steps
    return _showing(label, steps)


def _showing(label: str, steps: Steps[T]) -> Steps[T]:
    bar = click.progressbar(
        itertools.count(), label=label, file=sys.stderr, show_eta=False, show_percent=False
    )
    with bar:
        result: T = yield from _watched(steps, lambda: bar.update(1))
        return result


def _watched(steps: Steps[T], tick: Callable[[], None]) -> Steps[T]:
    """Return steps that call `tick` at each of their checkpoints, which `yield from` cannot do."""
    try:
        asked: Any = next(steps)
        while True:
            if type(asked) is Checkpoint:
                tick()
            try:
                answer: Any = yield asked
            except BaseException as error:
                asked = steps.throw(error)
            else:
                asked = steps.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
