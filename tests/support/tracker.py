"""A real error tracker, as an application has it, that sends nothing anywhere."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from flask.sansio.scaffold import Scaffold

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports whatever it could track, eventlet too
    import sentry_sdk
    from sentry_sdk import integrations
    from sentry_sdk.integrations.logging import LoggingIntegration
    from sentry_sdk.transport import Transport


class Collector(Transport):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []

    def capture_envelope(self, envelope: Any) -> None:
        event = envelope.get_event()
        if event is not None:
            self.events.append(event)

    def frames(self) -> list[dict[str, Any]]:
        """Give each frame of each error, and of where a line was logged."""
        found: list[dict[str, Any]] = []
        for event in self.events:
            parts = [
                *event.get("exception", {}).get("values", ()),
                *event.get("threads", {}).get("values", ()),
            ]
            for part in parts:
                found.extend((part.get("stacktrace") or {}).get("frames", ()))
        return found

    def locals_of(self, package: str) -> list[tuple[str, dict[str, Any]]]:
        """Give the module and function of each frame of a package, and its locals."""
        return [
            (f"{frame['module']}.{frame['function']}:{frame['lineno']}", frame.get("vars", {}))
            for frame in self.frames()
            if str(frame.get("module")).partition(".")[0] == package
        ]


def track(error: BaseException) -> None:
    """Do what an application does with an error that it catches itself."""
    _ = sentry_sdk.capture_exception(error)


def held_by_frames(error: BaseException, package: str) -> str:
    """Give all that the locals of a package's frames hold, mappings by their content."""
    held: list[str] = []
    told: BaseException | None = error
    known: set[int] = set()
    while told is not None and id(told) not in known:
        known.add(id(told))
        step = told.__traceback__
        while step is not None:
            frame, step = step.tb_frame, step.tb_next
            if frame.f_globals["__name__"].partition(".")[0] == package:
                held.extend(f"{frame.f_code.co_qualname}: {name}" for name in frame.f_locals)
                held.extend(map(_content, frame.f_locals.values()))
        told = told.__cause__ or told.__context__
    return "\n".join(held)


def _content(value: object, depth: int = 5) -> str:
    if depth and isinstance(value, dict):
        return repr([(key, _content(each, depth - 1)) for key, each in dict.items(value)])
    if depth and isinstance(value, list | tuple | set):
        return repr([_content(each, depth - 1) for each in value])
    return repr(value)


@contextmanager
def tracking(framework: str) -> Iterator[Collector]:
    """Have sentry-sdk track an application's errors, the locals of their frames included."""
    collector = Collector()
    logs = LoggingIntegration(level=logging.INFO, event_level=logging.ERROR)
    options: dict[str, Any] = {
        "dsn": "http://public@127.0.0.1:9/1",
        "transport": collector,
        "include_local_variables": True,
        "attach_stacktrace": True,
        "max_value_length": 100_000,
        "default_integrations": False,
        "integrations": [_integration(framework), logs],
        "auto_session_tracking": False,
    }
    with _unpatched(framework):
        try:
            _ = sentry_sdk.init(**options)
            yield collector
        finally:
            sentry_sdk.get_client().close(timeout=0)
            sentry_sdk.get_global_scope().set_client(None)


@contextmanager
def _unpatched(framework: str) -> Iterator[None]:
    """Undo afterwards what the tracker patches."""
    application: Any = getattr(import_module(framework), framework.capitalize())
    patched = [(application, "__call__"), (Scaffold, "route"), (logging.Logger, "callHandlers")]
    before = [(owner, name, getattr(owner, name)) for owner, name in patched]
    known = (integrations._processed_integrations, integrations._installed_integrations)
    had = [set(each) for each in known]
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
        for each, names in zip(known, had, strict=True):
            each.intersection_update(names)


def _integration(framework: str) -> Any:
    module = import_module(f"sentry_sdk.integrations.{framework}")
    return getattr(module, f"{framework.capitalize()}Integration")()
