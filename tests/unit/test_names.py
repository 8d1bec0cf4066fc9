"""What may name an owner or a session, and what is refused without being quoted."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import pytest
from markupsafe import Markup

from samesession import ConfigError, InvalidName, SessionError
from samesession.core.names import checked_keep, checked_owner, checked_prefix, checked_sid, is_sid
from samesession.settings import Config
from samesession.testing.abilities import OWNERS
from tests.support.site import SECRET_KEY
from tests.unit.parts import IndexingStore, administration, feed


class Text(str):
    """A str that encodes to what it likes."""

    __slots__ = ()

    def encode(self, *args: Any, **named: Any) -> bytes:
        return b"another"


SID = "AbCdEfGhIjKlMnOpQrStUg"
# Each is no name for an owner.
NO_OWNERS: dict[str, Any] = {
    "nothing": "",
    "half of a surrogate pair": "sec\ud800ret",
    "the other half": "sec\udfffret",
    "both halves": "sec\ud83c\udf6aret",
    "a byte of a shell's": "sec\udcffret",
    "NUL": "sec\0ret",
    "NUL alone": "\0",
    "too long": "secret" * 171,
    "too long in UTF-8": "\u00fc" * 513,
    "far too long": "\ud800" * 10_000_000,
    "a number": 5,
    "None": None,
    "bytes": b"secret",
    "a flag": True,
    "a list": ["secret"],
    "Markup": Markup("secret"),
    "a subclass": Text("secret"),
}
NO_SIDS: dict[str, Any] = {"a number": 5, "None": None, "bytes": SID.encode(), "text": Text(SID)}
NO_KEEPS: dict[str, Any] = {
    **{name: each for name, each in NO_SIDS.items() if each is not None},
    "nothing": "",
    "a whole cookie": f"{SID}.secret.signature",
    "one character less": SID[:-1],
    "one more": SID + "A",
    "a line feed behind": SID + "\n",
    "not canonical": SID[:-1] + "h",
    "half of a surrogate pair": SID[:-1] + "\ud800",
}


def refused(check: Callable[[], object]) -> InvalidName:
    """Give the error, after a look at all that a log would show of it."""
    with pytest.raises(InvalidName) as caught:
        check()
    assert "secret" not in "".join(traceback.format_exception(caught.value))
    error = caught.value
    assert (error.__cause__, error.__context__) == (None, None)  # they would hold the name
    return error


@pytest.mark.parametrize(
    "owner",
    [*(each for each in OWNERS if "\0" not in each), SID, "\ud7ff", "\ue000", "\U0010ffff"],
)
def test_an_owner_is_any_other_text(owner: str) -> None:
    assert checked_owner(owner, "f") == owner


@pytest.mark.parametrize("name", NO_OWNERS)
def test_what_cannot_name_an_owner_is_told_what_to_write(name: str) -> None:
    error = refused(lambda: checked_owner(NO_OWNERS[name], "session.bind"))
    assert "write session.bind(str(user.id))" in str(error)
    assert isinstance(error, SessionError)
    assert isinstance(error, TypeError)
    assert isinstance(error, ValueError)


@pytest.mark.parametrize("name", NO_SIDS)
def test_a_sid_is_a_str(name: str) -> None:
    error = refused(lambda: checked_sid(NO_SIDS[name], "revoke"))
    assert "write session.sid" in str(error)


@pytest.mark.parametrize("name", NO_KEEPS)
def test_what_is_kept_is_a_sid_or_none(name: str) -> None:
    error = refused(lambda: checked_keep(NO_KEEPS[name], "revoke_all"))
    assert "write keep=session.sid" in str(error)
    assert checked_keep(None, "revoke_all") is None
    assert checked_keep(SID, "revoke_all") == SID


@pytest.mark.parametrize(
    "prefix", ["", "a\0b", "a\nb", "\ud800", "x" * 1025, "\u00fc" * 513, b"app:", None, 5], ids=repr
)
def test_a_prefix_that_no_store_can_be_sent_is_a_wrong_setting(prefix: Any) -> None:
    with pytest.raises(ConfigError, match="SESSION_KEY_PREFIX must be"):
        checked_prefix(prefix)
    with pytest.raises(ConfigError, match="SESSION_KEY_PREFIX must be"):
        Config.read({"SECRET_KEY": SECRET_KEY, "SESSION_KEY_PREFIX": prefix})


@pytest.mark.parametrize("prefix", ["session:", "x" * 1024, "\u00fc" * 512, "*", "a b", "{tag}:"])
def test_a_prefix_is_any_printable_text(prefix: str) -> None:
    assert checked_prefix(prefix) == prefix
    assert Config.read({"SECRET_KEY": SECRET_KEY, "SESSION_KEY_PREFIX": prefix}).rules.prefix


def test_a_sid_has_one_form() -> None:
    assert is_sid(SID)
    assert not any(
        is_sid(each) for each in NO_KEEPS.values() if isinstance(each, str) and each != SID
    )


@pytest.mark.parametrize(
    "steps",
    [
        lambda admin: admin.sessions_of("\ud800"),
        lambda admin: admin.sessions_page("\ud800", after=None, limit=5),
        lambda admin: admin.revoke_all("\ud800"),
        lambda admin: admin.revoke_all("ann", keep="\ud800"),
        lambda admin: admin.revoke(5),
        lambda admin: admin.sessions_page("ann", after="5", limit=5),
    ],
    ids=["list", "page", "revoke all", "keep", "revoke", "position"],
)
def test_names_are_checked_before_a_store_is_asked(steps: Any) -> None:
    with pytest.raises(InvalidName):
        feed(steps(administration(IndexingStore())))
