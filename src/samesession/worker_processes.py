"""Detect that a server runs an application in several processes.

No server reports this in all cases. Each of these signs is reliable if it appears: WSGI's own flag,
a fork after the application was created, a number in the name of a child process of
multiprocessing, or the number of workers in a known server's options.
"""

from __future__ import annotations

import os
import re
import sys
import weakref
from collections.abc import Mapping
from typing import Any, Protocol

_SERVERS = ("gunicorn", "uvicorn", "hypercorn", "granian")
_COUNT = re.compile(r"\s(?:-w|--workers)[\s=]*(\d+)")
_NUMBERED = re.compile(r"-(\d+)$")

process_id = os.getpid


class _Clearable(Protocol):
    def clear(self) -> None: ...


_cleared_in_children: weakref.WeakSet[_Clearable] = weakref.WeakSet()


def clear_in_children(memory: _Clearable) -> None:
    """Clear a memory in each process that is forked."""
    _cleared_in_children.add(memory)


def _clear() -> None:
    for each in list(_cleared_in_children):
        each.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_clear)


def are_several(environ: Mapping[str, Any], *, born: int) -> bool:  # Any: as WSGI has it
    """Return whether this process is one of several.

    `environ`: a request's, empty under ASGI. `born`: the process that created the application.
    """
    return (
        bool(environ.get("wsgi.multiprocess"))
        or process_id() != born
        or _number_of_child() > 1
        or _workers() > 1
    )


def _number_of_child() -> int:
    """Return this process's number among its parent's children, 0 without multiprocessing."""
    module: Any = sys.modules.get("multiprocessing.process")
    found = None if module is None else _NUMBERED.search(str(module.current_process().name))
    return 0 if found is None else int(found[1])


def _workers() -> int:
    """Return the number of workers in the command line or environment of a known server."""
    if not any(server in sys.argv[0] for server in _SERVERS):
        return 0
    found = _COUNT.search(" ".join(sys.argv))
    asked = os.environ.get("WEB_CONCURRENCY", "") if found is None else found[1]
    return int(asked) if asked.isdecimal() else 0
