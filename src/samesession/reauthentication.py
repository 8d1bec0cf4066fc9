"""The 401 of a login that is too long ago, and what keeps a view for fresh ones.

Werkzeug glue for both frameworks: which session is meant, and how a view is waited for, is
theirs to say.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from werkzeug.exceptions import Unauthorized

from .core.freshness import checked_minutes
from .core.session import ServerSession
from .errors import StaleLogin

# Any: what a view takes and returns is the framework's business.
View = TypeVar("View", bound=Callable[..., Any])


class ReauthenticationRequired(StaleLogin, Unauthorized):
    """The user must authenticate again, or for the first time; an HTTP request ends with a 401.

    An application makes a login page of it, by `errorhandler(ReauthenticationRequired)`; one
    for 401 takes what has none. `minutes`: how lately it had to be.
    """

    description = "This needs a login that is not long ago: please log in again."

    def __init__(self, minutes: float) -> None:
        Unauthorized.__init__(self)
        self.minutes = minutes


def required(minutes: float, current: Callable[[], ServerSession]) -> Callable[[View], View]:
    """Return what has a view called for fresh logins only; `current` gives a request's session."""
    if callable(minutes):
        raise TypeError("fresh_required takes minutes: write @fresh_required() above the view")
    minutes = checked_minutes(minutes)

    def decorate(view: View) -> View:
        if inspect.iscoroutinefunction(view):

            @wraps(view)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                current().require_fresh(minutes)
                return await view(*args, **kwargs)

            return cast("View", awaited)

        @wraps(view)
        def called(*args: Any, **kwargs: Any) -> Any:
            current().require_fresh(minutes)
            return view(*args, **kwargs)

        return cast("View", called)

    return decorate
