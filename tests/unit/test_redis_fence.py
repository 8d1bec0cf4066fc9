"""Commands between two words: the answers are theirs, whatever is dropped or doubled."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from redis.exceptions import InvalidResponse, ResponseError

from samesession.stores.redis.fence import Fence


def answered(fence: Fence, *answers: Any) -> list[Any]:
    """Give what a server answers to all that a fence sends."""
    (_, before), *_, (_, after) = fence.commands
    return [before, *answers, after]


def test_the_answers_between_the_words_are_the_commands() -> None:
    fence = Fence([("GET", "a"), ("GET", "b")])
    assert [command[0] for command in fence.commands] == ["PING", "GET", "GET", "PING"]
    assert fence.within(answered(fence, None, b"2")) == [None, b"2"]


def test_a_refusal_of_a_command_is_an_answer_and_of_a_word_is_raised() -> None:
    fence = Fence([("GET", "a")])
    refusal = ResponseError("WRONGTYPE")
    assert fence.within(answered(fence, refusal)) == [refusal]
    for place in (0, 2):
        answers = answered(fence, None)
        answers[place] = ResponseError("NOPERM")
        with pytest.raises(ResponseError, match="NOPERM"):
            fence.within(answers)


def test_no_answer_that_is_dropped_or_doubled_puts_anothers_in_its_place() -> None:
    """The stream: another's answer, a word, the own answer, the other word, another's."""
    passed = 0
    for fates in itertools.product((0, 1, 2), repeat=5):
        fence = Fence([("GET", "a")])
        said = [b"before", *answered(fence, b"own"), b"after"]
        stream = [each for each, times in zip(said, fates, strict=True) for _ in range(times)]
        for start in (0, 1, 2):  # in step, or out of it by one either way
            ours = stream[start : start + 3]
            if len(ours) == 3:  # or else it waits for more, until its time is over
                try:
                    assert fence.within(ours) == [b"own"], fates
                except InvalidResponse:
                    continue
                passed += 1
    assert passed > 10
