"""What is wrong with a page, as a browser sees it: errors, overflow, accessibility."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page, Request, Response

# By how many pixels the page is wider than the window.
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Whether what stands in the header stands side by side.
ONE_LINE = """() => {
    const boxes = [...document.querySelectorAll("header > *")].map(e => e.getBoundingClientRect());
    return Math.max(...boxes.map(box => box.top)) < Math.min(...boxes.map(box => box.bottom));
}"""


@dataclass(frozen=True)
class Look:
    """The size of a browser's window, and the colours that its user likes."""

    width: int
    height: int
    scheme: Literal["light", "dark"]

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}"


class Tab:
    """A tab that collects what a developer's console would show in red."""

    def __init__(self, page: Page, look: Look, pictures: Path) -> None:
        self.page = page
        self.look = look
        self._pictures = pictures
        self._problems: list[str] = []
        self._failures: dict[str, int] = {}
        self._complaints: list[tuple[str, str]] = []
        page.set_default_timeout(20_000)
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self._problems.append(f"uncaught: {error}"))
        page.on("requestfailed", self._note_no_answer)
        page.on("response", self._note_answer)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complaints.append((message.location["url"], message.text))

    def _note_no_answer(self, request: Request) -> None:
        if request.failure == "net::ERR_ABORTED":
            return  # the page that asked was left meanwhile
        self._problems.append(f"no answer: {request.url}: {request.failure}")

    def _note_answer(self, response: Response) -> None:
        if response.status >= 400:
            if response.request.is_navigation_request():
                self._failures[response.url] = response.status
            else:
                self._problems.append(f"{response.status}: {response.url}")

    def problems(self, *, status: int = 200) -> list[str]:
        """Return what is wrong with the page that is shown, where it should have this status."""
        self.page.wait_for_load_state("load")
        self.page.evaluate("document.fonts.ready")
        shown = self._failures.pop(self.page.url, 200)
        found = [] if shown == status else [f"{shown}, not {status}: {self.page.url}"]
        found += [f"{failed}: {url}" for url, failed in self._failures.items()]
        # The browser logs the status of a page that is meant to be an error, too.
        found += [
            f"console: {text} ({url})"
            for url, text in self._complaints
            if not (status >= 400 and url == self.page.url and f"status of {status}" in text)
        ]
        found += self._problems
        self._failures, self._complaints, self._problems = {}, [], []
        if (pixels := self.page.evaluate(OVERFLOW)) > 0:
            found.append(f"{pixels} pixels wider than the window")
        if not self.page.evaluate(ONE_LINE):
            found.append("the header is broken into lines")
        return found + self._barriers()

    def _barriers(self) -> list[str]:
        # It ships no types.
        from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

        said = cast("dict[str, Any]", Axe().run(self.page, options={}).response)
        return [
            f"{rule['id']}: {rule['help']}: {node['html']}"
            for kind in ("violations", "incomplete")
            for rule in said[kind]
            for node in rule["nodes"]
        ]

    def see(self, name: str, *, status: int = 200) -> None:
        """Take a picture of the page as it is now, and find nothing wrong with it."""
        found = self.problems(status=status)
        picture = self._pictures / f"{name}-{self.look}.png"
        self.page.screenshot(path=picture, full_page=True)
        assert found == [], f"{self.page.url}: {found}; see {picture}"
