"""Keys, one for each purpose."""

from __future__ import annotations

from itertools import combinations

import pytest

from samesession.core.keys import Purpose, derive

SECRET = b"a secret key of the tests"
# Each purpose's key as it is derived today: another ends every session.
DERIVED = {
    Purpose.TOKEN: "171af9a1f74757c766adda14f9a4c3154648f6beeb019baf341f0b7ce2ec3363",
    Purpose.RECORD: "856938466f5b56f4d84bbe2f743f9879e83e1f4597e5c9b09c1914511d1236bd",
    Purpose.ENCRYPTION: "f85b4089e424ff15dd2d7be66dd8777e868d1207d4a6fd860ec7b7b0d4c54830",
    Purpose.OWNER: "e7b7238aec37dc37a2f9a3adbd5cf5548743927bd44173e4714d4ea75e58de80",
    Purpose.COOKIE: "188cdff665a3d8d631f6148da14b0698f78e4684e308dc9e657def9e618c6914",
    Purpose.HEADER: "6263d6a627011efa9ede2ff61473899f442271fdec556ebb76a80cf585219dd2",
    Purpose.MIGRATION: "f421ac3e568d9b024ae374dc27d27a7f9bc28a97431089f125c7c26f0292aa71",
    Purpose.DEVICE: "0eab26eb5fe5686033446035bcdd5d47010016be862e360aa3cd4a7479d64f65",
}


@pytest.mark.parametrize("pair", list(combinations(Purpose, 2)), ids=" and ".join)
@pytest.mark.parametrize("context", [(), ("session:", "session"), ("token", "record")], ids=str)
def test_two_purposes_never_share_a_key(
    pair: tuple[Purpose, Purpose], context: tuple[str, ...]
) -> None:
    one, other = (derive(SECRET, purpose, *context) for purpose in pair)
    assert one != other
    # Nor does a purpose share one with another whose context begins with its name.
    assert derive(SECRET, pair[0], pair[1], *context) != other
    assert derive(SECRET, pair[0], *context) != derive(SECRET, pair[0], pair[0], *context)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_purposes_key_is_for_ever(purpose: Purpose) -> None:
    assert derive(SECRET, purpose, "session:", "session").hex() == DERIVED[purpose]


@pytest.mark.parametrize("purpose", Purpose)
def test_each_part_of_a_context_counts_for_itself(purpose: Purpose) -> None:
    contexts = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), ("c", "ab")]
    assert len({derive(SECRET, purpose, *context) for context in contexts}) == len(contexts)
    assert derive(SECRET, purpose, "a") != derive(SECRET + b"x", purpose, "a")
