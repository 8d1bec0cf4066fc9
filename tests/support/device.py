"""A browser that binds its session to its device, as Chromium does, at an application under test.

It registers where it is told to, holds requests back until the device is proved, and follows a
redirect to the same URL. Everything goes over https.
"""

from __future__ import annotations

import json
from typing import Any

from .authenticator import Authenticator, Bend, challenge_of, registration_of
from .browser import Answer, Jar
from .site import Site, View, Visitor

BOUND = "session_bound"
_MOST_REDIRECTS = 20
# What Chromium sends with each request to an endpoint.
_SENT = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"}


# What a view does to its session; `owner` is what it answers.


def owner(session: Any) -> Any:
    return session.info.owner


def regenerate(session: Any) -> None:
    session.regenerate()


def log_in_again(session: Any) -> None:
    session.bind("ada")


def log_in_as_another(session: Any) -> None:
    session.bind("bob")


def log_out(session: Any) -> None:
    session.end()


class DeviceBrowser:
    """One browser with its key, at one site."""

    def __init__(self, site: Site, alg: str = "ES256", *, root: str = "") -> None:
        """`root`: where the application is mounted."""
        self.site = site
        self.visitor: Visitor = site.visitor()
        self.device = Authenticator(alg)
        self.root = root
        self.known: dict[str, Any] | None = None  # what the registration's answer said
        self.challenge: str | None = None  # the last one, for the next refresh
        self.refreshes = 0

    @property
    def jar(self) -> Jar:
        return self.visitor.jar

    @property
    def sid(self) -> str:
        assert self.known is not None
        return str(self.known["session_identifier"])

    # --- one request each ---------------------------------------------------------------

    async def visit(self, func: View, **options: Any) -> Answer:
        """Have `func(session)` run in a view, holding nothing back."""
        answer = await self.visitor.visit(func, scheme="https", **options)
        return self.heard(answer)

    async def value(self, func: View, **options: Any) -> Any:
        """Give what `func(session)` gives in a view, holding nothing back."""
        answer = await self.visit(func, **options)
        assert answer.status == 200, answer.text
        return self.visitor.result

    async def post(self, path: str, **headers: str) -> Answer:
        """POST to an endpoint as the browser's own code does."""
        sent = {**_SENT, **{name.replace("_", "-"): value for name, value in headers.items()}}
        answer = await self.visitor.driver.post(path, headers=sent, scheme="https")
        return self.heard(answer)

    def heard(self, answer: Answer) -> Answer:
        """Note the challenge that a response has."""
        self.challenge = challenge_of(answer) or self.challenge
        return answer

    # --- what the browser does by itself ------------------------------------------------

    async def log_in(self, owner: str = "ada") -> Answer:
        """Log in, and bind the session as the response offers."""
        answer = await self.visit(lambda session: session.bind(owner))
        assert answer.status == 200, answer.text
        registered = await self.register(answer)
        assert registered.status == 200, registered.text
        return registered

    async def register(self, offer: Answer, *, bend: Bend | None = None) -> Answer:
        """Do what a response offers."""
        found = registration_of(offer)
        assert found is not None, offer.headers
        assert self.device.alg in found["algs"].split()
        proof = self.device.proof(found["challenge"], new=True, bend=bend)
        answer = await self.post(
            found["path"].removeprefix(self.root), Secure_Session_Response=proof
        )
        if answer.status == 200:
            self.known = json.loads(answer.body)
        return answer

    async def ask(self, *, sid: str | None = None, **headers: str) -> Answer:
        """Ask the endpoint for a challenge, or whatever these headers ask for."""
        asked = self.sid if sid is None else sid
        return await self.post(self.refresh_path, Sec_Secure_Session_Id=asked, **headers)

    async def prove(self, challenge: str | None = None, *, bend: Bend | None = None) -> Answer:
        """Prove the device by a challenge, the last that a response had."""
        known = challenge or self.challenge
        assert known is not None
        if challenge is None:
            self.challenge = None
        return await self.ask(Secure_Session_Response=self.device.proof(known, bend=bend))

    async def refresh(self) -> Answer:
        """Prove the device by whatever it takes; the last answer."""
        self.refreshes += 1
        answer = await (self.ask() if self.challenge is None else self.prove())
        for _ in range(4):
            if answer.status != 403 or self.challenge is None:
                break
            answer = await self.prove()
        is_over = answer.status == 200 and answer.json().get("continue") is False
        if is_over or 400 <= answer.status < 500:
            self.known = None
        return answer

    @property
    def refresh_path(self) -> str:
        assert self.known is not None
        return str(self.known["refresh_url"]).removeprefix(self.root)

    async def go(self, func: View, **options: Any) -> Answer:
        """Have `func(session)` run in a view as a page does: the device is proved before it."""
        self.site.actions.append(lambda session, web: self._keep(func(session)))
        return await self.fetch("GET", f"/visit/{len(self.site.actions) - 1}", **options)

    async def fetch(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request, held back while the bound cookie is missing, and where it leads."""
        for _ in range(_MOST_REDIRECTS):
            header = self.jar.header() or ""
            if self.known is not None and f"{BOUND}=" not in header:
                _ = await self.refresh()
            answer = self.heard(
                await self.visitor.driver.request(method, path, scheme="https", **options)
            )
            if answer.status != 307:
                return answer
            path = str(answer.header("Location")).removeprefix(self.root)
        raise AssertionError("sent in a circle")

    def _keep(self, result: Any) -> str:
        self.visitor.result = result
        return "visited"

    def stolen(self) -> DeviceBrowser:
        """Give another browser with a copy of all cookies, and without the key."""
        thief = DeviceBrowser(self.site, self.device.alg)
        thief.visitor.driver.jar = self.jar.copy()
        return thief


async def bound_browser(site: Site, *, ago: int = 60) -> DeviceBrowser:
    """Give a browser that logged in and bound its session some seconds ago."""
    browser = DeviceBrowser(site)
    await browser.log_in()
    site.clock.advance(ago)
    return browser
