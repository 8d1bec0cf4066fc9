"""Work around Hypercorn 0.18: it fails on WSGI responses without a body.

Hypercorn starts a WSGI response at the first chunk of its body. A response without a body, such as
a 304 or the answer to a HEAD request, is never started, and the client gets a bare 500. See
https://github.com/pgjones/hypercorn/issues/331.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, TypeAlias

from werkzeug.wsgi import ClosingIterator

# As in PEP 3333: the environ, `start_response`, and the chunks of the body.
WsgiApp: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def with_a_chunk(app: WsgiApp) -> WsgiApp:
    """End each body with an empty chunk, which starts the response and sends nothing."""

    def wsgi_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = app(environ, start_response)
        return ClosingIterator(chain(body, [b""]), getattr(body, "close", None))

    return wsgi_app
