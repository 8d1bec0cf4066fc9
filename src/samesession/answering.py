"""Add to a response what its session needs: cookies and headers.

If sessions are bound to devices, that includes the bound cookie, and the offer to bind one.
"""

from __future__ import annotations

import logging
from typing import cast

from werkzeug.sansio.response import Response

from . import headers, reused_response
from .core.cookie import READ, UNTOUCHED, DropCookie, Reply, SetCookie
from .core.flow import Flow
from .core.request_state import Mode, SessionState
from .current_settings import Parts
from .device_requests import DeviceRequest, protect

log = logging.getLogger("samesession")

_REUSED = (
    "one response object was returned for several requests, where threads or tasks "
    "could send one visitor the cookie of another: make a new response for each request"
)
_NOTHING = headers.Besides()


class Answering:
    """Writes the responses of one application."""

    def __init__(self) -> None:
        self._reuse_told = False

    def write(self, reply: Reply, state: SessionState, response: Response, parts: Parts) -> bool:
        """Write what the flow decided; return whether the body is still running."""
        if reused_response.take_back(response) and not (state.answered or self._reuse_told):
            self._reuse_told = True
            log.warning(_REUSED)
        streaming = state.mode is not Mode.EXEMPT and headers.is_streamed(response)
        if streaming and reply is UNTOUCHED:
            reply = READ  # the body may still read the session
        deleted = None if state.cleanup is None else state.deleted(reply.cookie)
        if state.header_token is not None and parts.header is not None:
            parts.header.apply(reply, response, state.header_token)
            return streaming
        device, besides = state.device, _NOTHING
        # The device's other parts of a response follow a save, which sends the cookie.
        if device is not None and (reply.cookie is not None or device.speaks):
            record = None if state.loaded is None else state.loaded.record
            if device.may_speak(record):
                reply, besides = _of_device(reply, state, parts)
        if reply is not UNTOUCHED or deleted is not None or besides is not _NOTHING:
            headers.apply(reply, response, parts.writer, deleted, besides)
        if device is not None and device.is_ours:
            protect(response)
        return streaming


def _of_device(reply: Reply, state: SessionState, parts: Parts) -> tuple[Reply, headers.Besides]:
    """Return a response's parts for the session's device, and the rest that is left to do."""
    assert state.device is not None
    # Created by `device_requests`, like everything that the flow got.
    request = cast("DeviceRequest", state.device.presented)
    if isinstance(reply.cookie, SetCookie) and request.proves:
        # The browser has it, or a newer one, which this answer may overtake.
        reply = READ
    if parts.device is None or not isinstance(parts.flow, Flow) or parts.flow.devices is None:
        return reply, _NOTHING  # pragma: no cover  # the setting is fixed while the state lives
    ends = isinstance(reply.cookie, DropCookie)
    said = parts.flow.devices.reply(state, ends=ends)
    return reply, _NOTHING if said is None else parts.device.written(said, request)
