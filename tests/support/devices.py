"""The devices demo: its site in the test's own process, and what a browser does there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from .hypercorn import served
from .site import SECRET_KEY
from .tls import Certificates

OTHER = {"flask": "quart", "quart": "flask"}
PASSWORD = "correct horse battery"
AGENTS = {
    "Firefox on Linux": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Chrome on Windows": (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/142.0.0.0 Safari/537.36"
    ),
}


@contextmanager
def devices_site(
    directory: Path,
    *,
    certificates: Certificates | None = None,
    **settings: Any,  # the application's
) -> Iterator[str]:
    """Serve the site over files for the length of a block, which gets its URL."""
    from examples.devices.site import create_site
    from examples.devices.stores import Files, Switch

    store = Files(str(directory))
    switch = Switch(store)
    switch.turn(on=True)
    site = create_site({**store.settings, "SECRET_KEY": SECRET_KEY, **settings}, switch)
    with served(site, certificates=certificates) as url:
        yield url


class Browser(httpx.AsyncClient):
    """A browser that follows redirects, and says who it is."""

    def __init__(self, url: str, label: str | None = None) -> None:
        headers = {} if label is None else {"User-Agent": AGENTS[label]}
        super().__init__(
            base_url=url, headers=headers, trust_env=False, follow_redirects=True, timeout=30
        )

    async def submit(self, path: str, **form: str) -> httpx.Response:
        """Send a form."""
        return await self.post(path, data=form)

    async def sign_up(self, half: str, name: str) -> httpx.Response:
        answer = await self.submit(f"/{half}/signup", username=name, password=PASSWORD)
        assert answer.url.path == f"/{half}/devices", answer.text
        return answer

    async def log_in(self, half: str, name: str) -> httpx.Response:
        answer = await self.submit(f"/{half}/login", username=name, password=PASSWORD)
        assert answer.url.path == f"/{half}/devices", answer.text
        return answer

    async def log_out(self, half: str) -> httpx.Response:
        return await self.submit(f"/{half}/logout")


def listed(page: str) -> list[tuple[str, bool]]:
    """Return each session of a page of devices: its label, and whether it is this one."""
    items = re.findall(r"<li class=.*?</li>", page, re.DOTALL)
    names = [re.findall(r'<h2 id="name-\d+">([^<]*)</h2>', item) for item in items]
    return [(found[0], "this one" in item) for found, item in zip(names, items, strict=True)]


def sids(page: str) -> list[str]:
    """Return the sid of each session of a page of devices."""
    return re.findall(r'name="sid" value="([^"]*)"', page)


def seen(page: str) -> list[datetime]:
    """Return when each session of a page of devices was last seen."""
    found = re.findall(r'<dt>Last seen</dt><dd><time datetime="([^"]*)"', page)
    return [datetime.fromisoformat(each) for each in found]


def held(page: str) -> dict[str, str]:
    """Return what a session holds, as a page or what its script asks for shows it."""
    return dict(re.findall(r"<dt>(account|notes|views)</dt><dd>([^<]*)</dd>", page))


def messages(page: str) -> list[str]:
    """Return what a page tells of what was just done."""
    return re.findall(r'<p class="card notice" role="status">([^<]*)</p>', page)
