"""Complete the bill of materials that CycloneDX's tool writes, and check it.

The tool takes the library's name from pyproject.toml, where the version and the wheel are not. What
is added: the version, the wheel's SHA-256, and the time of the release. `python -m
tests.release.bill BILL WHEEL` fails where something that the wheel requires is not on the bill.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections import Counter
from datetime import UTC, datetime
from email.parser import Parser
from hashlib import sha256
from pathlib import Path
from typing import Any

from .building import epoch


def metadata_of(wheel: Path) -> tuple[str, list[str]]:
    """Return a wheel's version, and the names of what it requires, extras included."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        fields = Parser().parsestr(archive.read(name).decode())
    required = [re.split(r"[\[<>=!~; ]", text)[0] for text in fields.get_all("Requires-Dist", [])]
    return str(fields["Version"]), sorted({normal(each) for each in required})


def normal(name: str) -> str:
    """Return a project's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def complete(bill: dict[str, Any], *, version: str, digest: str, time: datetime) -> None:
    """Add what the tool could not know of the library."""
    bill["metadata"]["timestamp"] = time.isoformat()
    bill["metadata"]["component"].update(
        version=version,
        purl=f"pkg:pypi/samesession@{version}",
        hashes=[{"alg": "SHA-256", "content": digest}],
    )


def missing(bill: dict[str, Any], required: list[str]) -> list[str]:
    """Name what is required and not on the bill, or there without a version."""
    found = {normal(each["name"]) for each in bill["components"] if each.get("version")}
    return [name for name in required if name not in found]


def licences(bill: dict[str, Any]) -> Counter[str]:
    """Count the components by what they say of their licence."""
    found: Counter[str] = Counter()
    for each in bill["components"]:
        said = [_named(one) for one in each.get("licenses", ())]
        found[" and ".join(sorted(set(said))) or "none that is said"] += 1
    return found


def _named(entry: dict[str, Any]) -> str:
    licence = entry.get("license", {})
    return str(entry.get("expression") or licence.get("id") or licence.get("name"))


def main(path: Path, wheel: Path) -> None:
    """Complete and check a bill in its place."""
    bill = json.loads(path.read_text())
    version, required = metadata_of(wheel)
    time = datetime.fromtimestamp(int(epoch()), tz=UTC)
    complete(bill, version=version, digest=sha256(wheel.read_bytes()).hexdigest(), time=time)
    lacking = [name for name in missing(bill, required) if name != "samesession"]
    if lacking:
        sys.exit(f"not on the bill: {', '.join(lacking)}")
    _ = path.write_text(json.dumps(bill, indent=2, sort_keys=True) + "\n")
    print(f"{path.name}: {len(bill['components'])} components")
    for licence, number in licences(bill).most_common():
        print(f"  {number:3} {licence}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
