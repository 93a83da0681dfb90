"""Cases of `scripts/bench-compare`, timed by pytest-benchmark on this checkout.

python -m pytest benchmarks/micro -n 0 --benchmark-enable -k lookup
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.micro.cases import CASES, Inputs

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.parametrize("name", CASES)
def test_case(benchmark: BenchmarkFixture, name: str, tmp_path: Path) -> None:
    """Prepare a case once, and then time its runs."""
    benchmark(CASES[name](Inputs(tmp_path)))
