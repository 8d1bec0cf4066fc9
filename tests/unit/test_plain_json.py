"""Whatever a session can hold has a spelling in JSON."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given

from samesession.core.plain_json import plain

from .strategies import VALUES


@given(VALUES)
def test_what_a_session_holds_is_spelt_in_json_and_the_same_each_time(value: Any) -> None:
    spelt = json.dumps(plain(value), allow_nan=False)
    assert json.dumps(plain(value), allow_nan=False) == spelt
    assert json.loads(spelt) == plain(value)
