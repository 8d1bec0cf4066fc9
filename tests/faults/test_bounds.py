"""Randomness that a fork does not repeat, and inputs that claim to be larger than they are."""

from __future__ import annotations

import re

from samesession.core.token import SID_PATTERN

from .children import BOMBS, child


def test_a_hundred_forks_of_a_seeded_process_mint_no_token_twice() -> None:
    minted = child("mint", 100)
    assert len(minted) == 1000
    for part in zip(*minted, strict=True):
        assert len(set(part)) == 1000
    assert all(re.fullmatch(SID_PATTERN, sid) for sid, _ in minted)


def test_what_claims_to_be_large_is_refused_in_little_memory() -> None:
    told = child("bombs")
    assert told["refused"] == ["refused"] * len(BOMBS)


def test_a_cookie_that_inflates_beyond_the_limit_is_refused_in_little_memory() -> None:
    told = child("bombs")
    assert told["size"] < 4096
    assert (told["inflated"], told["read"]) == ({}, {"a": 1})
