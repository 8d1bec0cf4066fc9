"""Offer a browser to bind its session to the device. Pure.

session                                     then
of a cookie, in a request over https        the next save offers it
bound already, or not over https            stays as it is: a browser would not answer
of a header's token, of a job or a script   an error
SESSION_DEVICE_BOUND is off                 an error
"""

from __future__ import annotations

from ..errors import NotSupported, ReadOnlySession
from .device_binding import Binding, DeviceChange, Offer, device_of, draw_challenge
from .device_state import DeviceState
from .request_state import Mode, SessionState

_OFF = (
    'sessions are not bound to devices here: write SESSION_DEVICE_BOUND = "offer", with a '
    "server-side store"
)
_BY_HEADER = (
    "a session whose token comes in a header cannot be bound to a device, because no browser "
    "keeps a cookie for it"
)
_NO_RESPONSE = (
    "a WebSocket, a Socket.IO event and a response that is made cannot send an offer to bind a "
    "session to the device: do it in the view of an HTTP request"
)


def offer(state: SessionState) -> None:
    """Make the next save send the offer; raise NotSupported or ReadOnlySession if it cannot."""
    if state.mode is Mode.BROKEN:
        return  # a throwaway session, which an error page may use
    if state.of_socket or state.answered:
        raise ReadOnlySession(_NO_RESPONSE)
    device = state.device
    if device is None:
        raise NotSupported(_OFF if state.header_token is None else _BY_HEADER)
    if not _is_bound(state) and (found := if_possible(device)) is not None:
        note(state, found)


def if_possible(device: DeviceState) -> Offer | None:
    """Return an offer with a new challenge; None if the browser would not accept it."""
    if not device.presented.is_secure:
        return None
    return Offer(draw_challenge(device.means.entropy), int(device.means.clock()))


def note(state: SessionState, change: DeviceChange) -> None:
    """Note the next save's change to the session's device."""
    state.device_change = change
    state.accessed = state.may_differ = state.written = True


def _is_bound(state: SessionState) -> bool:
    """Return whether the session is bound, and stays so as far as is known."""
    if state.loaded is None or state.cleared or state.owner != state.loaded.record.owner:
        return False
    return isinstance(device_of(state.loaded.record), Binding)
