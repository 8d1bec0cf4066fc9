"""Fixtures of the races: a site on each store and framework whose store can be paused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.conftest import NewSite
from tests.support.backend import UNHURRIED, Backend

from .late import Scene, listening

NewScene = Callable[..., Scene]


@pytest.fixture
def new_scene(new_site: NewSite, backend: Backend) -> Iterator[NewScene]:
    """Give a function that makes a scene; its arguments are `new_site`'s."""
    with ExitStack() as stack:

        def make(*, options: dict[str, Any] | None = None, **settings: Any) -> Scene:
            spy = backend.spy()
            chosen = {"SESSION_STORE_TIMEOUT": UNHURRIED, **settings}
            scene = Scene(new_site(options={"store": spy, **(options or {})}, **chosen), spy)
            stack.enter_context(listening(scene))
            return scene

        yield make


@pytest.fixture
def scene(new_scene: NewScene) -> Scene:
    return new_scene()
