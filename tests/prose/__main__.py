"""Look for words that we do not write: `python -m tests.prose`, part of `nox -s lint`.

Reads the pages, and the docstrings, comments and messages of the source. Two lists are asked:
our own, rules.toml, and proselint's. unchecked.txt names pages that have not been rewritten; it
may only get shorter, so that a page in it without a finding is an error, too.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.prose.findings import Finding, of_file

ROOT = Path(__file__).parents[2]
UNCHECKED = Path(__file__).parent / "unchecked.txt"
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


def main() -> int:
    """Print each finding as path:line; return 1 if there is any."""
    unchecked = set(UNCHECKED.read_text().split())
    found = 0
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        findings = of_file(path)
        if name in unchecked:
            unchecked.remove(name)
            if findings:
                continue
            findings = [Finding(1, name, f"take it out of {UNCHECKED.relative_to(ROOT)}")]
        for each in findings:
            print(f"{name}:{each.line}: {each.text!r}: write {each.instead}")
        found += len(findings)
    for name in sorted(unchecked):
        print(f"{UNCHECKED.relative_to(ROOT)}: {name} does not exist")
    return 1 if found or unchecked else 0


def files() -> list[Path]:
    """Return the files that are read, in order."""
    pages = [ROOT / name for name in PAGES if (ROOT / name).exists()]
    trees = (("docs", "*.md"), ("src", "*.py"), ("examples", "*.py"))
    return pages + [each for tree, glob in trees for each in sorted((ROOT / tree).rglob(glob))]


if __name__ == "__main__":
    sys.exit(main())
