"""A Chromium that binds sessions to its machine, and what it says of that."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from examples.devices.https import Certificate, self_signed
from tests.support.tls import Certificates

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

HOST = "127.0.0.1"
PATIENCE = 20  # seconds; an event comes within a tenth of one

# Any, below: what the protocol of Chromium's developer tools sends.
Event = dict[str, Any]


def pinned(directory: Path) -> tuple[Certificates, Certificate]:
    """Make a certificate, as a server wants it, and as the flags for Chromium do."""
    made = self_signed(str(directory), HOST)
    return Certificates("", made.path, made.key_path, "", ""), made


class Watch:
    """Collects what a page's browser tells of the sessions that it binds."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.known: list[str] | None = None  # sids that it had when it was asked
        self.events: list[Event] = []
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.deviceBoundSessionsAdded", self._note_known)
        session.on("Network.deviceBoundSessionEventOccurred", self._note_event)
        session.send("Network.enableDeviceBoundSessions", {"enable": True})

    def _note_event(self, event: Event) -> None:
        self.events.append(event)

    def _note_known(self, event: Event) -> None:
        self.known = [*(self.known or []), *(each["key"]["id"] for each in event["sessions"])]

    def wait_until(self, holds: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, f"no {what} among {self.events}"
            self._page.wait_for_timeout(20)  # lets events in

    def _details(self, kind: str) -> list[tuple[bool, Event]]:
        found = [each for each in self.events if kind in each]
        return [(each["succeeded"], each[kind]) for each in found]

    def wait_for_sid(self) -> str:
        """Return the sid of the session that the browser bound last, once it did."""

        def bound() -> list[str]:
            return [each["sessionId"] for each in self.events if "creationEventDetails" in each]

        self.wait_until(bound, "registration")
        assert [ok for ok, _ in self._details("creationEventDetails")] == [True] * len(bound())
        return bound()[-1]

    @property
    def refreshes(self) -> list[str]:
        """Return how each refresh ended."""
        found = self._details("refreshEventDetails")
        return [details.get("fetchResult") or details["refreshResult"] for _, details in found]

    @property
    def endings(self) -> list[str]:
        """Return why each session ended in the browser."""
        return [
            details["deletionReason"] for _, details in self._details("terminationEventDetails")
        ]


class Visit:
    """One page of one browser at an application, with what the browser says of it."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE * 1000)
        self.watch = Watch(self.page)

    def go(self, path: str) -> str:
        """Return what a page says."""
        self.page.goto(self.url + path)
        return self.page.locator("body").inner_text()

    def log_in(self) -> str:
        """Log in and be bound; returns the sid."""
        assert self.go("/login") == "logged in"
        return self.watch.wait_for_sid()

    def forget_bound_cookie(self) -> None:
        """Do what the browser does at the end of the bound cookie's Max-Age."""
        self.context.clear_cookies(name=self.named("bound")["name"])

    def named(self, end: str) -> Any:  # of Playwright's own type
        """Return the cookie whose name ends so."""
        (found,) = [each for name, each in self.cookies().items() if name.endswith(end)]
        return found

    def cookies(self) -> dict[str, Any]:
        return {each.get("name", ""): each for each in self.context.cookies()}
