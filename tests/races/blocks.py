"""Views whose acts are saved one after another, written once for both frameworks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tests.support.site import Site, View

from .late import Act


@dataclass(frozen=True)
class Block:
    """An act in a block that saves the session at its end."""

    act: Act
    caught: type[Exception] | tuple[type[Exception], ...] = ()  # what its save may raise


class Steps:
    """A view that does one act after another, and notes what the session shows after each."""

    def __init__(self, site: Site, *acts: Act | Block) -> None:
        self.shown: list[dict[str, Any]] = []
        self.caught: list[Exception] = []
        self._acts = acts
        self._block = import_module(f"samesession.{site.framework}").saving
        self.view: View = self._sync if site.framework == "flask" else self._coroutine

    def _sync(self, session: Any, web: Any) -> str:
        for act in self._acts:
            if isinstance(act, Block):
                try:
                    with self._block() as found:
                        act.act(found)
                except act.caught as error:
                    self.caught.append(error)
            else:
                act(session)
            self.shown.append(dict(session))
        return "done"

    async def _coroutine(self, session: Any, web: Any) -> str:
        for act in self._acts:
            if isinstance(act, Block):
                try:
                    async with self._block() as found:
                        act.act(found)
                except act.caught as error:
                    self.caught.append(error)
            else:
                act(session)
            self.shown.append(dict(session))
        return "done"


class Held:
    """A value that a view took out of its session, and changes when it likes."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.value: Any = None

    def take(self, session: Any) -> None:
        self.value = session[self.key]

    def append(self, item: int) -> Callable[[Any], None]:
        return lambda session: self.value.append(item)

    def is_there(self, session: Any) -> None:
        assert session[self.key] is self.value
