"""The pages of the documentation, and the blocks of code in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import INSTALLED

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# Pages with a test of their own for what their Python and TOML does: the test names its page.
OWN_TESTS = {
    "docs/guides/jobs.md": "tests/docs/test_jobs_page.py",
    "docs/guides/testing.md": "tests/docs/test_testing_page.py",
    "docs/guides/typed-sessions.md": "tests/docs/test_typed_page.py",
    "docs/stores/write-your-own.md": "tests/docs/test_stores_tutorial.py",
}
PAGES = (
    *("README.md", "CONTRIBUTING.md"),
    *sorted(str(path.relative_to(ROOT)) for path in DOCS.rglob("*.md")),
)


@dataclass(frozen=True)
class Block:
    """A fenced block: where it begins, its language, and its text."""

    place: str
    language: str
    text: str

    @property
    def page(self) -> str:
        return self.place.partition(":")[0]

    @property
    def file(self) -> str | None:
        """The name of the file that it is, which its first line says: `# shop.py`."""
        named = re.match(r"# ([\w./-]+\.\w+)\n", self.text)
        return named[1] if named else None

    @property
    def frameworks(self) -> tuple[str, ...]:
        """Those that it names."""
        return tuple(
            name
            for name in ("quart", "flask")
            if re.search(rf"(from|import) (samesession\.)?{name}\b", self.text)
        )

    @property
    def framework(self) -> str:
        """The framework that it is for; a fragment suits either."""
        return (*self.frameworks, INSTALLED[0])[0]


def blocks(page: str) -> Iterator[Block]:
    text = (ROOT / page).read_text()
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(f"{page}:{line}", found[1], found[2])


BLOCKS = [block for page in PAGES for block in blocks(page)]
