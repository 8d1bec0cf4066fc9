"""Keys and their MACs, against the standard library's HMAC."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samesession.core.keys import Mac


@given(key=st.binary(max_size=64), parts=st.lists(st.binary(max_size=200), max_size=4))
def test_a_mac_is_hmac_of_all_parts_together(key: bytes, parts: list[bytes]) -> None:
    mac = Mac(key)
    expected = hmac.digest(key, b"".join(parts), "sha256")
    assert mac.digest(*parts) == expected
    sha1 = Mac(key, hashlib.sha1)
    assert sha1.digest(*parts) == hmac.digest(key, b"".join(parts), "sha1")
    # Nothing of one message is left for the next.
    assert mac.digest(*parts) == expected


def test_a_key_longer_than_a_block_is_refused_rather_than_cut() -> None:
    with pytest.raises(ValueError, match="more than 64 bytes"):
        Mac(b"k" * 65)
