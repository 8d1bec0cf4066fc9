"""Send the session's token in a header in place of the cookie: SESSION_HEADER.

    request                         session              the response has
    without the header              the cookie's         the cookie, as always
    with an empty one               a new one            the header, if one has begun
    with a token                    the token's          the header, if the token has changed
    with an invalid token           a new one            the header, if one has begun
    with the header several times   a new one            the header, if one has begun

A token that has ended is answered by an empty header. The header alone decides which of the two
a request uses: a request with the header reads no cookie and gets none. A header's token has
its own signing key. So a cookie's token, which any site can make a browser send, is worthless in
a header, where an application may take it as proof that no other site sent the request. A
header's token is also worthless as a cookie.
"""

from __future__ import annotations

from werkzeug.sansio.request import Request
from werkzeug.sansio.response import Response

from . import headers, reused_response
from .core.cookie import DropCookie, Reply, SetCookie
from .core.flow import Flow
from .core.request_state import state_of
from .core.session import ServerSession
from .core.steps import Steps


class SessionHeader:
    """Opens the sessions of requests that have the header, and answers them."""

    def __init__(self, name: str, flow: Flow) -> None:
        self.name = name
        self.flow = flow

    def token(self, request: Request) -> str | None:
        """Return the header's value; None if the request does not have it."""
        found = request.headers.getlist(self.name)
        # Several are not a token, however a server passes them on: no token has a comma.
        return ",".join(found) if found else None

    def open(self, token: str, *, renew: bool) -> Steps[ServerSession]:
        """Open the session of a request that has the header."""
        session = yield from self.flow.open((token,) if token else (), renew=renew)
        state_of(session).header_token = token
        return session

    def apply(self, reply: Reply, response: Response, token: str) -> None:
        """Make a response send what the flow decided; `token`: the request's."""
        before, sent = reused_response.lines(response), self._sent(reply, token)
        names = {name.lower() for name, _ in before}
        if sent is not None:
            response.headers.set(self.name, sent)
            headers.keep_from_caches(response, names)
        if sent is not None or reply.vary:
            headers.vary_by(response, names, ("Cookie", self.name))
        reused_response.note(response, before, [] if sent is None else [sent])

    @staticmethod
    def _sent(reply: Reply, token: str) -> str | None:
        match reply.cookie:
            case SetCookie(value, _) if value != token:
                return value
            case DropCookie():
                return ""
            case _:
                return None
