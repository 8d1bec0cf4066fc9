"""The 401 for a login that is too old, and the decorator that raises it.

Werkzeug glue for both frameworks, which supply the current session and the way to wait for a view.
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

# Any: the framework defines what a view takes and returns.
View = TypeVar("View", bound=Callable[..., Any])


class ReauthenticationRequired(StaleLogin, Unauthorized):
    """The user must authenticate again, or for the first time; an HTTP request ends with a 401.

    An application turns it into a login page with an errorhandler::

        @app.errorhandler(ReauthenticationRequired)
        def confirm(error):
            return redirect(url_for("login", next=request.path))

    An errorhandler for 401 also gets it. `minutes`: how recent the login had to be.

    .. versionadded:: 1.0
    """

    description = "This page needs a recent login: please log in again."

    def __init__(self, minutes: float) -> None:
        Unauthorized.__init__(self)
        self.minutes = minutes


def required(minutes: float, current: Callable[[], ServerSession]) -> Callable[[View], View]:
    """Return a decorator for views that need a fresh login; `current` returns the session."""
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
