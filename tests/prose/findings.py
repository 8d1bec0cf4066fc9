"""Find what rules.toml and proselint object to."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from proselint.checks import __register__
from proselint.registry import CheckRegistry
from proselint.tools import LintFile

from tests.prose.passages import CODE, Kind, Passage, passages

# More words than this are more than one idea.
LONGEST_SENTENCE = 40


@dataclass(frozen=True, order=True)
class Finding:
    """Words that we do not write, and what to write instead."""

    line: int
    text: str
    instead: str


@dataclass(frozen=True)
class Rule:
    """One entry of rules.toml."""

    pattern: re.Pattern[str]
    instead: str
    only: Kind | None = None


def rules() -> tuple[Rule, ...]:
    """Read rules.toml."""
    listed = tomllib.loads((Path(__file__).parent / "rules.toml").read_text())["rule"]
    return tuple(
        Rule(
            re.compile(each["pattern"], re.IGNORECASE),
            each["instead"],
            Kind(each["only"]) if "only" in each else None,
        )
        for each in listed
    )


RULES = rules()
# Of proselint's checks, what is about words. Its typography is for books; a program's name
# (Waitress) is a gender to it, and a weasel word is the only one in "this very request".
CHECKS = dict.fromkeys(
    (
        *("archaism", "cliches", "hedging", "industrial_language", "lexical_illusions"),
        *("malapropisms", "misc", "mixed_metaphors", "mondegreens", "needless_variants"),
        *("nonwords", "redundancy", "spelling", "uncomparables"),
    ),
    True,
)


def of_file(path: Path) -> list[Finding]:
    """Return what is wrong in a file, in the order of its lines."""
    read = list(passages(path))
    own = (found for passage in read for found in of_passage(passage))
    return sorted({*own, *by_proselint(read)})


def of_passage(passage: Passage) -> Iterator[Finding]:
    """Yield where one of our rules is broken."""
    for rule in RULES:
        if rule.only is not None and rule.only is not passage.kind:
            continue
        for match in rule.pattern.finditer(passage.text):
            yield Finding(passage.line_at(match.start()), match[0].strip(), rule.instead)
    for match in re.finditer(r"[^.!?:;]+(?:[.!?:;](?!\s|$)[^.!?:;]*)*", passage.text):
        count = len(re.findall(r"[\w'_/-]+", match[0]))
        if count > LONGEST_SENTENCE:
            start = match.start() + len(match[0]) - len(match[0].lstrip())
            beginning = " ".join(match[0].split()[:4])
            yield Finding(passage.line_at(start), f"{beginning} ...", f"less than {count} words")


def by_proselint(read: list[Passage]) -> Iterator[Finding]:
    """Yield what proselint objects to."""
    _register()
    # A file at a time, as proselint takes its time to begin.
    starts, text = [], ""
    for passage in read:
        starts.append(len(text))
        text += f"{passage.text}\n\n"
    for result in LintFile("passages", text).lint({"max_errors": 1000, "checks": CHECKS}):
        start, end = result.check_result.span
        # proselint puts a line break in front of the text.
        words = text[start - 1 : end - 1]
        if (
            CODE in words
            or "\n" in words
            or not re.search("[a-z]", words)
            or _differs_in_case(words)
        ):
            continue
        at = bisect_right(starts, start - 1) - 1
        line = read[at].line_at(start - 1 - starts[at])
        yield Finding(line, words.strip(), result.check_result.message)


def _differs_in_case(words: str) -> bool:
    """Return whether a word that seems to be said twice is a name and a word."""
    first, _, second = words.partition(" ")
    return first != second and first.lower() == second.lower()


def _register() -> None:
    registry = CheckRegistry()
    if not registry.checks:
        registry.register_many(__register__)
