"""Create the response for a session that was not read or saved, as Quart's application would."""

from __future__ import annotations

import inspect
from typing import Any

import quart
from quart.globals import app_ctx
from werkzeug.wrappers import Response as WerkzeugResponse

from .. import headers


# Any: Quart's methods take other arguments in 0.23, and it has two kinds of responses.
async def failure_response(app: Any, failure: headers.Failure, *, like: Any) -> Any:
    """Return the response of the application's error handlers, of the kind of `like`."""
    context = headers.unproxied(app_ctx)
    handle, process = app.handle_user_exception, app.process_response
    result = await handle(*headers.context_first(handle, context), failure)
    response = await app.make_response(result)
    return await _alike(like, await process(*headers.context_first(process, context), response))


async def _alike(response: Any, other: Any) -> Any:
    """Return `other` as the kind of `response`, because Quart sends Werkzeug's in another way.

    An HTTPException without a handler is a Werkzeug response, as is a redirect.
    """
    kind = quart.Response if isinstance(response, quart.Response) else WerkzeugResponse
    if isinstance(other, kind):
        return other
    body = other.get_data()
    body = await body if inspect.isawaitable(body) else body
    return kind(body, other.status, other.headers)
