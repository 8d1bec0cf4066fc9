"""What owners are called in a store, and that a session is found under whichever name."""

from __future__ import annotations

from typing import Any

from samesession.core.batches import KeyWalk
from samesession.core.encryption import Encryption
from samesession.core.owner_entries import OwnerEntries
from samesession.core.steps import Steps
from samesession.core.store import KeyPage
from tests.support.clock import Clock

from .parts import NOW, Asked, IndexingStore, feed

CIPHER: Any = None  # names need none
NEW, OLD = b"n" * 32, b"o" * 32


class PagingStore(IndexingStore):
    """Asks for pages, too."""

    def owned_page(self, owner: str, *, after: str | None) -> Steps[Any]:
        return (yield Asked("owned_page", (owner, after)))

    def delist_many(self, owner: str, keys: Any) -> Steps[Any]:
        return (yield Asked("delist_many", (owner, keys)))


def entries(*keys: bytes, store: Any = None, **how: Any) -> OwnerEntries:
    encryption = Encryption(CIPHER, Clock(), owner_keys=keys, **how)
    asking: Any = store or IndexingStore()
    return OwnerEntries(asking, encryption)


def names_of(noted: OwnerEntries) -> tuple[str, list[str]]:
    """Give the name that an entry is made under, and those that are looked for."""
    _, (added,) = feed(noted.add("ann", "key", lifetime=1), [None])
    _, removed = feed(noted.remove("ann", "key"), [None] * len(noted._names("ann")))
    return added.args[0], [each.args[0] for each in removed]


def test_an_owner_is_called_by_the_newest_key_and_looked_for_under_each() -> None:
    new, [same] = names_of(entries(NEW))
    assert (len(new), new) == (43, same)
    old, _ = names_of(entries(OLD))
    assert names_of(entries(NEW, OLD)) == (new, [new, old])
    assert names_of(entries(OLD, NEW)) == (old, [old, new])
    assert names_of(entries(NEW, plain_until=NOW + 1)) == (new, [new, "ann"])
    assert names_of(entries(NEW, plain_until=NOW)) == (new, [new])
    assert names_of(entries(NEW, OLD, writes=False)) == ("ann", ["ann", new, old])


def test_a_name_is_for_ever() -> None:
    """Another ends the lists of every owner's sessions."""
    assert names_of(entries(NEW))[0] == "Og406W6ryvZiZiLZ6BKP5P08q1bxb4t2laGnKsQ9Khk"


def test_a_write_notes_the_owner_anew_where_that_may_be_noted_under_another_name() -> None:
    assert OwnerEntries(IndexingStore(), None).are_due(stale=True) is False  # type: ignore[arg-type]  # asks
    assert [entries(NEW).are_due(stale=stale) for stale in (False, True)] == [False, True]
    assert entries(NEW, writes=False).are_due(stale=False)


def test_the_pages_of_each_name_follow_one_another() -> None:
    walk = KeyWalk(
        entries(NEW, store=PagingStore(), plain_until=NOW + 1).pages("ann"), wanted=lambda _: True
    )
    new = names_of(entries(NEW))[0]
    asked: list[Asked] = []
    found: list[str] = []
    answers = [
        KeyPage(["a"], "1:2"),
        KeyPage([], ":"),
        KeyPage(["b"], None),
        KeyPage(["c"], "x"),
        KeyPage([], None),
    ]

    def answer(question: Any) -> Any:
        if not isinstance(question, Asked):
            return None  # a checkpoint
        asked.append(question)
        return answers[len(asked) - 1]

    while True:
        steps = walk.batch()
        keys = driven(steps, answer)
        if not keys:
            break
        found += keys
    assert found == ["a", "b", "c"]
    places = [(new, None), (new, "1:2"), (new, ":"), ("ann", None), ("ann", "x")]
    assert [each.args for each in asked] == places


def driven(steps: Steps[Any], answer: Any) -> Any:
    try:
        question = next(steps)
        while True:
            question = steps.send(answer(question))
    except StopIteration as end:
        return end.value


def test_a_session_is_found_whichever_process_writes_it_anew_meanwhile() -> None:
    """Entries under older names stay, as processes may differ in which name is the newest."""
    index: dict[str, set[str]] = {}
    old = names_of(entries(OLD))[0]
    index[old] = {"key"}
    first, second = entries(OLD, NEW), entries(NEW, OLD)

    def answer(question: Any) -> Any:
        if not isinstance(question, Asked):
            return None
        if question.method == "enlist":
            index.setdefault(question.args[0], set()).add(question.args[1])
            return None
        return [*index.get(question.args[0], ())]

    for walker, writer in ((first, second), (second, first)):
        for between in (0, 1, 2):
            pages, after, found = walker.pages("ann"), None, set[str]()
            for turn in range(2):
                if turn == between:
                    driven(writer.add("ann", "key", lifetime=1), answer)
                page = driven(pages(after), answer)
                found |= {*page.keys}
                after = page.after
            assert (found, after) == ({"key"}, None)
