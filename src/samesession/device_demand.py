"""Call a view only if the device was proved just now: `device_bound_now`.

    the session                                         the response
    was proved in the last 30 seconds                   the view's
    is bound, and was proved before that                307 to the same URL, which deletes the bound
                                                        cookie and has a challenge: the browser
                                                        proves the session and sends the request
                                                        again; for a link from another site, a page
                                                        that loads the URL again
    the same, while two such challenges are open, or    403
      one, if the request has no fresh bound cookie
    is not bound                                        403

So a client that cannot prove anything is redirected once for each challenge, and a page may load
two such views at once. Werkzeug code for both frameworks; it never verifies a proof itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final, NamedTuple, TypeVar, cast

from werkzeug.exceptions import Forbidden
from werkzeug.sansio.request import Request

from . import headers
from .core.device_binding import CHALLENGE_LIFE, Binding
from .core.device_notes import device_now, note_challenge
from .core.request_state import Mode, state_of
from .core.session import ServerSession
from .device_arrival import is_arrival, once_more, same_url
from .errors import NotSupported, SessionError
from .structured_fields import string

# Any: the framework decides what a view takes and returns, and what a response is.
View = TypeVar("View", bound=Callable[..., Any])

JUST_NOW: Final = 30  # seconds
_MOST_OPEN = 2


class Demand(NamedTuple):
    """A response that asks for a proof: body, status and headers."""

    page: str
    status: int
    said: Mapping[str, str]


class DeviceProofRequired(SessionError, Forbidden):
    """The session is bound to a device, or has to be, and the request did not prove it.

    The response is a 403. Register `errorhandler(DeviceProofRequired)` to show your own page;
    without it, an error handler for 403 is called.
    """

    description = (
        "This needs a browser that proves its device, and a session that is bound to it: "
        "please log in again there."
    )

    def __init__(self) -> None:
        Forbidden.__init__(self)

    def __str__(self) -> str:
        return str(self.description)


def challenge_field(challenge: str, sid: str) -> dict[str, str]:
    """Return the header with a challenge for a session."""
    return {"Secure-Session-Challenge": f"{string(challenge)};id={string(sid)}"}


def demanding(
    view: View,
    current: Callable[[], ServerSession],
    request: Callable[[], Request],
    app: Any,
) -> View:
    """Return a view that is called only if the device was proved just now.

    `current` and `request` return the current session and request; `app` is the current
    application.
    """

    def turned_away() -> Any:
        said = demanded(current(), request())
        return None if said is None else app.response_class(*said)

    if inspect.iscoroutinefunction(view):

        @wraps(view)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            response = turned_away()
            return (await view(*args, **kwargs)) if response is None else response

        return cast("View", awaited)

    @wraps(view)
    def called(*args: Any, **kwargs: Any) -> Any:
        response = turned_away()
        return view(*args, **kwargs) if response is None else response

    return cast("View", called)


def demanded(session: ServerSession, request: Request) -> Demand | None:
    """Return the response that asks for a proof; None if the device was proved just now.

    Raises DeviceProofRequired, and NotSupported if SESSION_DEVICE_BOUND is off.
    """
    state = state_of(session)
    device = state.device
    if device is None:
        if state.mode is Mode.LIVE and state.header_token is None:
            raise NotSupported(
                "no session is bound to a device here, so none can be proved: write "
                'SESSION_DEVICE_BOUND = "offer" or "require"'
            )
        raise DeviceProofRequired
    bound, now = device_now(session), device.means.clock()
    if not isinstance(bound, Binding) or state.loaded is None:
        raise DeviceProofRequired
    if device.proved_at is not None and now - device.proved_at <= JUST_NOW:
        return None
    is_open = [each.demanded and now - each.at <= CHALLENGE_LIFE for each in bound.challenges]
    most = 0 if device.proved_at is None else _MOST_OPEN - 1
    if sum(is_open) > most or headers.is_for_socket(request):
        raise DeviceProofRequired
    challenge = note_challenge(session, demanded=True)
    assert challenge is not None  # it is bound
    device.drop_cookie()
    sid = state.loaded.record.sid
    field = challenge_field(challenge, sid)
    if is_arrival(request):  # a browser does not hold it back, nor what it is redirected to
        said, page = once_more(request)
        return Demand(page, 200, {**said, **field})
    return Demand("", 307, {"Location": same_url(request), **field})
