"""Every order in which several acts can take their turns at a store, a few switches deep.

An act is steps of the core over a store in memory; it stops before each call of that store.
Nothing waits, so that one order after another is played in a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from samesession.core.steps import Steps
from samesession.core.store import Store

_CALLS = (
    *("load", "create", "commit", "remove", "enlist", "delist", "owned", "load_many", "load_dated"),
    *("remove_many", "owned_page", "delist_many", "keys_page", "load_foreign", "remove_foreign"),
)


class Stop:
    """A call of the store is about to be made, by its name, or has been."""

    def __init__(self, name: str, *, done: bool) -> None:
        self.name = name
        self.done = done


class StoppingStore:
    """Stops before each call of the store inside, and after it, for whoever drives it."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        for name in _CALLS:
            setattr(self, name, self._stopping(name))

    def _stopping(self, name: str) -> Callable[..., Steps[Any]]:
        method = getattr(self._inner, name)

        def steps(*args: Any, **named: Any) -> Steps[Any]:
            yield Stop(name, done=False)
            answer = yield from method(*args, **named)
            yield Stop(name, done=True)
            return answer

        return steps


@dataclass
class Act:
    """Steps under way: how often they went on, and how they ended."""

    steps: Steps[Any]
    result: Any = None
    is_over: bool = False
    calls: list[str] = field(default_factory=list)

    def go_on(self) -> None:
        """Make the next call of the store, and go on to the one after it, or to the end."""
        while True:
            try:
                found = next(self.steps)
            except StopIteration as end:
                self.result, self.is_over = end.value, True
                return
            if isinstance(found, Stop) and not found.done:
                self.calls.append(found.name)
                return

    def begin(self) -> Act:
        self.go_on()
        return self


def schedules(acts: int, switches: int, longest: int) -> Iterator[Sequence[tuple[int, int]]]:
    """Give orders: whose turn it is, and for how many calls; the last ones go on to their ends."""

    def continued(
        before: tuple[tuple[int, int], ...], left: int
    ) -> Iterator[Sequence[tuple[int, int]]]:
        yield before
        if left:
            last = before[-1][0] if before else None
            for act in range(acts):
                if act != last:
                    for count in range(1, longest + 1):
                        yield from continued((*before, (act, count)), left - 1)

    return continued((), switches)


def played(begin: Callable[[], Sequence[Act]], order: Sequence[tuple[int, int]]) -> Sequence[Act]:
    """Play acts in an order, and then each to its end, the first one first."""
    acts = begin()
    for act, count in order:
        for _ in range(count):
            if not acts[act].is_over:
                acts[act].go_on()
    for each in acts:
        while not each.is_over:
            each.go_on()
    return acts
