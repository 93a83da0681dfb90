"""The tests of Spark skip where it is missing, and fail under a switch of their own."""

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
    """Have everything that Spark needs but one thing."""
    name: str = request.param
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda module: None if module == name else module
    )
    monkeypatch.setattr(shutil, "which", lambda program: None if program == name else 1)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return name


def test_what_is_missing_is_named(missing: str) -> None:
    """A skip says what is not there, and what to install."""
    with pytest.raises(pytest.skip.Exception, match=f"{missing} is not installed \\("):
        private_spark.require(None)


def test_the_switch_turns_a_skip_into_a_failure(
    missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Spark is required by its own switch, and not by that of the servers."""
    monkeypatch.delenv("BLOCTEL_REQUIRE_SPARK", raising=False)
    monkeypatch.setenv("BLOCTEL_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.skip.Exception):
        private_spark.set_up(monkeypatch, tmp_path)

    monkeypatch.setenv("BLOCTEL_REQUIRE_SPARK", "1")
    with pytest.raises(pytest.fail.Exception, match="BLOCTEL_REQUIRE_SPARK is set"):
        private_spark.set_up(monkeypatch, tmp_path)
