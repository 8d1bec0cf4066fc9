"""What real releases of other libraries wrote comes back as they gave it: see `write_golden`."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from samesession import BadRecord
from samesession.core import codec
from samesession.core.old_sessions import OldSessions
from samesession.migration.readers import readers

from .write_golden import SECRET_KEY

GOLDEN: list[dict[str, Any]] = json.loads(Path(__file__).with_name("golden.json").read_text())
FILED = [each for each in GOLDEN if "raw" in each]
PICKLED = [each for each in FILED if each["release"] in ("0.5.0", "0.6.0")]
READABLE = [each for each in FILED if each not in PICKLED]
SIGNED = [each for each in GOLDEN if "raw" not in each]
KEYS = (b"the newest key of all, which signed nothing", SECRET_KEY.encode())
LIFETIME = 31 * 86_400


def named(entry: dict[str, Any]) -> str:
    return "-".join((entry["library"], entry["release"], entry["kind"])).replace(", ", "-")


def reader(entry: dict[str, Any], **changes: Any) -> OldSessions:
    prefix = entry.get("key", "session:").rpartition(":")[0] + ":"
    chosen = {"prefix": prefix, "lifetime": LIFETIME, "max_bytes": 1024 * 1024, **changes}
    (found,) = readers([entry["library"]], KEYS, **chosen)
    return found


def raw(entry: dict[str, Any]) -> bytes:
    return base64.b64decode(entry["raw"])


def given_back(entry: dict[str, Any]) -> str:
    """Give the repr of the data: it tells one type from another, and one order from another."""
    text: str = entry["gave_back"]
    return text.replace(" '_addr': '<local>',", "")


@pytest.mark.parametrize("entry", FILED, ids=named)
def test_the_cookie_names_the_key(entry: dict[str, Any]) -> None:
    presented = reader(entry).presented(entry["cookie"], 0.0)
    assert presented is not None
    assert presented == (entry["key"], None, None)


@pytest.mark.parametrize("entry", READABLE, ids=named)
def test_the_data_comes_back_as_the_library_gave_it(entry: dict[str, Any]) -> None:
    data = reader(entry).data(raw(entry))
    assert repr(data) == given_back(entry)
    assert repr(codec.decode(codec.encode(data))) == given_back(entry), "a session keeps it"


@pytest.mark.parametrize("entry", PICKLED, ids=named)
def test_a_pickle_is_no_session(entry: dict[str, Any]) -> None:
    with pytest.raises(BadRecord) as raised:
        reader(entry).data(raw(entry))
    words = "it is pickled: only `sessions migrate --unsafe-pickle` reads pickles"
    assert raised.value.reason == words


@pytest.mark.parametrize("entry", SIGNED, ids=named)
def test_a_signed_cookie_holds_the_data(entry: dict[str, Any]) -> None:
    found = reader(entry)
    signed, _, _ = entry["cookie"].rpartition(".")
    written = written_at(entry)
    presented = found.presented(entry["cookie"], written + LIFETIME)
    assert presented is not None
    assert repr(presented.data) == entry["gave_back"]
    assert (presented.id, presented.expires) == (signed, written + LIFETIME + 1)
    assert found.presented(entry["cookie"], written + LIFETIME + 1) is None
    with pytest.raises(BadRecord):
        found.data(b"{}")


def written_at(entry: dict[str, Any]) -> int:
    stamp = entry["cookie"].split(".")[-2]
    return int.from_bytes(base64.urlsafe_b64decode(stamp + "=="), "big")


@pytest.mark.parametrize("entry", GOLDEN, ids=named)
@pytest.mark.parametrize("library", ["flask-session", "quart-session", "signed-cookie"])
def test_no_library_takes_anothers_cookie_for_its_own(entry: dict[str, Any], library: str) -> None:
    if library == entry["library"]:
        return
    found = reader({**entry, "library": library})
    shaped_alike = entry["library"] == "quart-session" or entry["release"] == "0.5.0"
    if shaped_alike and library != "signed-cookie" and "signed" not in entry["kind"]:
        return  # both made UUIDs: what is filed tells whose it is
    assert found.presented(entry["cookie"], float(written_or_now(entry))) is None


def written_or_now(entry: dict[str, Any]) -> int:
    return written_at(entry) if entry in SIGNED else 1_800_000_000
