"""Feed a reader with bytes that atheris mutates: `python -m tests.fuzz cookie -runs=100000`.

What follows the reader's name goes to libFuzzer. A run ends with status 0, or
with the input that made a reader raise what it does not promise, take more
than 50 MB or longer than a second.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # of the fuzz group

with atheris.instrument_imports(include=["samesession"]):
    from .readers import READERS


def main() -> None:
    name, *options = sys.argv[1:]
    make = READERS[name]
    # Whatever libFuzzer does at its end, nothing is left in the checkout.
    with tempfile.TemporaryDirectory() as corpus:
        read, seeds = make()
        for number, seed in enumerate(seeds):
            _ = Path(corpus, str(number)).write_bytes(seed)
        limits = ["-timeout=1", "-malloc_limit_mb=50", "-max_len=8192"]
        quiet = ["-verbosity=0", "-print_final_stats=1"]
        arguments = [sys.argv[0], *limits, *quiet, f"-artifact_prefix={corpus}/", *options, corpus]
        _ = atheris.Setup(arguments, read)
        atheris.Fuzz()


main()
