"""An old session has one name, however it is found: by its id, or by a file that cachelib named."""

from __future__ import annotations

import hashlib

import pytest

from samesession.core.old_names import name_of_file, names_of

KEY = "session:gr\u00fc\u00df"


def test_an_id_and_a_files_name_give_the_same_name() -> None:
    for number, digest in enumerate((hashlib.sha256, hashlib.md5)):
        file_name = digest(KEY.encode()).hexdigest()
        assert name_of_file(file_name) == names_of(KEY)[number]


def test_names_of_different_ids_differ() -> None:
    names = [
        name for key in ("session:a", "session:b", "a", "", "\ud800") for name in names_of(key)
    ]
    assert len({*names}) == 10


@pytest.mark.parametrize(
    "file_name",
    ["", "README", "a" * 31, "a" * 33, "A" * 32, "g" * 64, "a" * 64 + "\n", "\u0663" * 32],
)
def test_other_files_have_no_name(file_name: str) -> None:
    assert name_of_file(file_name) is None
