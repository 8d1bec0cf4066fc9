"""Read the devices' headers of requests, and write those of responses.

This module does not know how a proof is verified: `device` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import quote

from werkzeug.http import dump_cookie
from werkzeug.sansio.request import Request
from werkzeug.sansio.response import Response

from . import early_end, headers
from .core import events
from .core.bound_cookie import SUFFIX
from .core.cookie import Attributes
from .core.device_checks import DeviceReply, SetBound
from .core.flow import Flow
from .device_arrival import is_arrival
from .device_settings import SKIPPED, DeviceSettings

ALGORITHMS = ("ES256", "RS256")
REGISTER, REFRESH = "/register", "/refresh"
PROOF, SESSION_ID = "Secure-Session-Response", "Sec-Secure-Session-Id"
_ALLOWING = "access-control-"  # the headers that let other sites in begin so
# Other sites cannot embed our responses, and no cache stores them.
_PROTECTION = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_WORDS = (events.DEVICE_UNREACHABLE, events.DEVICE_SERVER_ERROR, events.DEVICE_QUOTA)


class DeviceRequests:
    """The devices' headers and cookies by one application's settings."""

    def __init__(self, settings: DeviceSettings, cookie: Attributes, flow: Flow) -> None:
        self.flow = flow
        self.cookie = cookie
        self.name = cookie.name + SUFFIX
        self.path = settings.path
        self.register, self.refresh = settings.path + REGISTER, settings.path + REFRESH
        # Headers that a page cannot send or sign: without them no session is loaded.
        self._needed = {self.register: PROOF, self.refresh: SESSION_ID}
        self._paths = (self.register, self.refresh)
        self._attributes: dict[str, Any] = {
            "domain": cookie.domain,
            "path": cookie.path,
            "secure": True,
            "httponly": True,
            "samesite": cookie.samesite,
        }

    def is_endpoint(self, request: Request) -> bool:
        """Return whether a request is for us: a POST to one of our two paths, not a WebSocket."""
        return request.method == "POST" and request.path in self._paths

    def is_in_order(self, request: Request) -> bool:
        """Return whether a request to an endpoint may come from a browser's own code."""
        return self._needed[request.path] in request.headers

    @property
    def attributes(self) -> str:
        """The bound cookie's attributes, as in its Set-Cookie header, without an age."""
        return dump_cookie(self.name, "v", **self._attributes).partition("; ")[2]

    def written(self, reply: DeviceReply, request: DeviceRequest) -> headers.Besides:
        """Return a response's parts besides its session's cookie."""
        cookies, lines = list[str](), list[tuple[str, str]]()
        if isinstance(reply.cookie, SetBound):
            value, age = reply.cookie.value, reply.cookie.max_age
            # No date: it would be the system's time, which may differ from the application's.
            kept = dump_cookie(
                self.name, value, max_age=age, sync_expires=False, **self._attributes
            )
            cookies.append(kept)
        elif reply.cookie is not None:
            cookies.append(dump_cookie(self.name, max_age=0, expires=0, **self._attributes))
        if reply.registration is not None:
            path = quote(request.root_path + self.register)
            offer = f'({" ".join(ALGORITHMS)});path="{path}";challenge="{reply.registration}"'
            lines.append(("Secure-Session-Registration", offer))
        return headers.Besides(cookies, lines)


def protect(response: Response) -> None:
    """Remove the headers that let other sites in, which the application may have added."""
    for name in {name for name, _ in response.headers}:
        if name.lower().startswith(_ALLOWING):
            response.headers.remove(name)
    for name, value in _PROTECTION.items():
        response.headers.set(name, value)


class _Values(dict[str, Any]):
    """The values of a URL that is not routed, for functions that take some from each."""

    def __missing__(self, name: str) -> None:
        return None

    def pop(self, name: str, default: Any = None) -> Any:
        return super().pop(name, default)


class DeviceRequest:
    """The device data of one request, created for each, and mostly computed on demand.

    Its repr shows no cookie.
    """

    proves = False  # the request is for one of our endpoints, with a proof

    def __init__(self, settings: DeviceRequests, request: Request, cookies: Sequence[str]) -> None:
        self._settings = settings
        self._request = request
        self.cookies = cookies  # the values of the bound cookie

    def at_endpoint(self, values: Sequence[str]) -> Sequence[str]:
        """Note that the request is for one of our endpoints; return the tokens that count there.

        None does unless a browser's own code can have sent the request: its session is not loaded,
        so that no page can measure how long that takes.
        """
        self.proves = True
        self.end_early()
        # Routing found no values; functions that take them from URLs run before ours.
        cast("Any", self._request).view_args = _Values()
        return values if self._settings.is_in_order(self._request) else ()

    def end_early(self) -> None:
        """End the request with our response, before any function of the application runs."""
        early_end.note()

    @property
    def skipped(self) -> str | None:
        """The browser's reason for sending no proof; None if it gives none."""
        said: str | None = self._request.headers.get(SKIPPED)
        if said is None:
            return None
        word = said.partition(";")[0].strip()
        return word if word in _WORDS else events.DEVICE_OTHER

    @property
    def arrives(self) -> bool:
        """Whether the request follows a link on another site, so that it has no proof."""
        return is_arrival(self._request)

    @property
    def is_secure(self) -> bool:
        """Whether the browser accepts a Secure cookie from the response."""
        return self._settings.cookie.secure or bool(self._request.is_secure)

    @property
    def root_path(self) -> str:
        """The prefix of the application's own paths."""
        return self._request.root_path
