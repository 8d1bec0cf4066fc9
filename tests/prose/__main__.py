"""Look for words that we do not write: `python -m tests.prose`, part of `nox -s lint`.

Reads the pages, and the docstrings, comments and messages of the source. Two lists are asked:
our own, rules.toml, and proselint's.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.prose.findings import of_file

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


def main() -> int:
    """Print each finding as path:line; return 1 if there is any."""
    found = 0
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        for each in of_file(path):
            print(f"{name}:{each.line}: {each.text!r}: write {each.instead}")
            found += 1
    return 1 if found else 0


def files() -> list[Path]:
    """Return the files that are read, in order."""
    pages = [ROOT / name for name in PAGES if (ROOT / name).exists()]
    trees = (("docs", "*.md"), ("src", "*.py"), ("examples", "*.py"))
    return pages + [each for tree, glob in trees for each in sorted((ROOT / tree).rglob(glob))]


if __name__ == "__main__":
    sys.exit(main())
