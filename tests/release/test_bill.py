"""The bill of materials names the release, and all that it requires."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.release.bill import complete, licences, metadata_of, missing

METADATA = """\
Metadata-Version: 2.4
Name: samesession
Version: 1.2.3
Requires-Dist: MarkupSafe>=3.0
Requires-Dist: flask>=3.1; extra == 'flask'
Requires-Dist: sqlalchemy[asyncio]>=2; extra == 'sqlalchemy'
Requires-Dist: quart_auth; extra == 'quart-auth'

# A readme, with Requires-Dist: nothing
"""


def bill() -> dict[str, Any]:
    return {
        "metadata": {"component": {"name": "samesession"}},
        "components": [
            {"name": "Flask", "version": "3", "licenses": [{"license": {"id": "BSD-3-Clause"}}]},
            {"name": "MarkupSafe", "version": "3", "licenses": [{"expression": "BSD-3-Clause"}]},
            {"name": "sqlalchemy", "licenses": []},
        ],
    }


def test_the_wheel_says_what_it_requires(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        wheel.writestr("samesession-1.2.3.dist-info/METADATA", METADATA)
    required = ["flask", "markupsafe", "quart-auth", "sqlalchemy"]
    assert metadata_of(tmp_path / "a.whl") == ("1.2.3", required)


def test_what_is_not_there_or_has_no_version_is_missing() -> None:
    assert missing(bill(), ["flask", "markupsafe"]) == []
    assert missing(bill(), ["flask", "quart-auth", "sqlalchemy"]) == ["quart-auth", "sqlalchemy"]


def test_the_release_is_named_with_its_wheel() -> None:
    made = bill()
    complete(made, version="1.2.3", digest="ab", time=datetime(2026, 1, 2, tzinfo=UTC))
    assert made["metadata"] == {
        "timestamp": "2026-01-02T00:00:00+00:00",
        "component": {
            "name": "samesession",
            "version": "1.2.3",
            "purl": "pkg:pypi/samesession@1.2.3",
            "hashes": [{"alg": "SHA-256", "content": "ab"}],
        },
    }


def test_licences_are_counted() -> None:
    assert licences(bill()) == {"BSD-3-Clause": 2, "none that is said": 1}
