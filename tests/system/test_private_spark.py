"""Tests of Spark are skipped if it is missing, or fail if it is required."""

from __future__ import annotations

import importlib.util
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.helpers import private_spark

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["pyspark", "java"])
def missing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a program or package that is missing in this test."""
    name: str = request.param
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda module: None if module == name else module
    )
    monkeypatch.setattr(shutil, "which", lambda program: None if program == name else 1)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return name


def test_a_skip_names_what_is_missing(missing: str) -> None:
    """The reason names the missing program or package, and what to install."""
    with pytest.raises(pytest.skip.Exception, match=f"{missing} is not installed \\("):
        private_spark.require(None)


def test_a_variable_makes_missing_spark_a_failure(
    missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Spark has its own environment variable, different from that of the servers."""
    monkeypatch.delenv("BLOCTEL_REQUIRE_SPARK", raising=False)
    monkeypatch.setenv("BLOCTEL_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.skip.Exception):
        private_spark.set_up(monkeypatch, tmp_path)

    monkeypatch.setenv("BLOCTEL_REQUIRE_SPARK", "1")
    with pytest.raises(pytest.fail.Exception, match="BLOCTEL_REQUIRE_SPARK is set"):
        private_spark.set_up(monkeypatch, tmp_path)
