"""The mutants still fit the source and the tests; `nox -s mutation` runs them."""

from __future__ import annotations

import pytest

from .mutants import MUTANTS, Mutant
from .runner import ROOT, changed, source


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.check)
def test_a_mutant_fits_the_source(mutant: Mutant) -> None:
    for change in mutant.changes:
        path = source(ROOT, change)
        text = changed(path.read_text(), change)
        _ = compile(text, path.name, "exec")
    assert (ROOT / mutant.tests[0]).is_file()


def test_each_check_is_disabled_by_one_mutant() -> None:
    assert len({mutant.check for mutant in MUTANTS}) == len(MUTANTS) >= 10
