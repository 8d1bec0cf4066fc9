"""Checks of the built site: each link leads somewhere, and nothing is asked of another host.

`python -m docs.tools.check DIRECTORY` prints what is wrong, and fails if anything is.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Attributes whose address a browser asks for by itself; that of an `a` it asks for on a click.
_LOADED = {
    "link": ("href",),
    "script": ("src",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "iframe": ("src",),
    "use": ("href", "xlink:href"),
    "image": ("href", "xlink:href"),
}
_IN_CSS = re.compile(r"""(?:url\(\s*['"]?|@import\s+['"])([^'")\s]+)""")


@dataclass
class Page(HTMLParser):
    """What a page of HTML refers to."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    pictures_without_words: int = 0

    def __post_init__(self) -> None:
        """Begin with nothing read."""
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element's anchor and addresses."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        self.loaded += [found[name] for name in _LOADED.get(tag, ()) if name in found]
        self.loaded += _IN_CSS.findall(found.get("style", ""))
        self.pictures_without_words += tag == "img" and not found.get("alt")


def problems(site: Path) -> list[str]:
    """Return what is wrong with a site, a line each."""
    read = cache(_read)
    found: list[str] = []
    for path in sorted(site.rglob("*.html")):
        page = read(path)
        name = path.relative_to(site)
        found += [f"{name}: loads {each}" for each in page.loaded if _is_elsewhere(each)]
        if page.pictures_without_words:
            found.append(f"{name}: a picture has no words that say what it shows")
        for link in [*page.links, *page.loaded]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                found.append(f"{name}: {link} is not there")
            elif target.suffix == ".html" and not _has(read(target), unquote(parts.fragment)):
                found.append(f"{name}: {link} has no such anchor")
    for path in sorted(site.rglob("*.css")):
        addresses = _IN_CSS.findall(path.read_text())
        found += [f"{path.name}: loads {each}" for each in addresses if _is_elsewhere(each)]
    return found


def _read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text())
    return page


def _is_elsewhere(address: str) -> bool:
    return bool(re.match(r"(?!data:)\w+:|//", address.strip()))


def _has(page: Page, anchor: str) -> bool:
    return not anchor or anchor in page.anchors or anchor in ("top", "searchbox")


def main(arguments: list[str]) -> int:
    """Print what is wrong, and return how a process ends."""
    (directory,) = arguments
    site = Path(directory)
    found = problems(site)
    print(*found, f"{len([*site.rglob('*.html')])} pages, {len(found)} problems", sep="\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
