"""Every link of the documentation that stays within the project leads somewhere."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.support.pages import PAGES, ROOT

_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)")
_FENCED = re.compile(r"^(`{3,})[^`\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MyST make them."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#{1,6} (.+)$", _FENCED.sub("", text), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md"])
def test_a_link_within_the_project_leads_somewhere(page: str) -> None:
    path = ROOT / page
    for target, anchor in _LINK.findall(_FENCED.sub("", path.read_text())):
        to = (path.parent / target) if target else path
        assert to.exists(), target
        if anchor and to.suffix == ".md":
            assert anchor in anchors(to.read_text()), f"{target}#{anchor}"


def test_anchors_are_those_of_headings() -> None:
    page = "# What's `new`\n\n```sh\n# not this\n```\n\n## Go back\n\n## Go back\n"
    assert anchors(page) == {"whats-new", "go-back", "go-back-1"}
