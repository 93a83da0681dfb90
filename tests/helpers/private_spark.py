"""Private local Spark cluster for the tests: one driver and two executors.

Where PySpark or Java is missing, the tests are skipped; with BLOCTEL_REQUIRE_SPARK set
they fail instead.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from benchmarks.spark import local_home
from tests.helpers.servers import unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["cluster", "require", "set_up"]

_SWITCH: Final = "BLOCTEL_REQUIRE_SPARK"


def require(required: str | None) -> None:
    """Skip the test if Spark cannot run, or fail it if Spark is required."""
    for module in ("pyspark", "pandas", "pyarrow"):
        if importlib.util.find_spec(module) is None:
            reason = f"{module} is not installed (the extra spark of bloctel)"
            unavailable(reason, required, _SWITCH)
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        reason = "java is not installed (Debian's package openjdk-17-jre-headless)"
        unavailable(reason, required, _SWITCH)


def set_up(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Set the environment so that new Spark sessions use this Python and its modules.

    The first session of a process sets the folder of the executors for all later ones,
    because all share one Java virtual machine.
    """
    require(os.environ.get(_SWITCH))
    monkeypatch.setenv("SPARK_HOME", str(local_home(folder)))
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))


@contextmanager
def cluster(folder: Path) -> Iterator[Any]:
    """Start a cluster with two executors of one core each, and stop it at the end.

    Args:
        folder: Folder for its files.
    """
    with pytest.MonkeyPatch.context() as monkeypatch:
        set_up(monkeypatch, folder)
        from pyspark.sql import SparkSession

        settings = {
            "spark.ui.enabled": "false",
            "spark.local.dir": str(folder / "local"),
            "spark.sql.shuffle.partitions": "2",
            "spark.task.maxFailures": "1",
            "spark.executorEnv.PYTHONPATH": os.environ["PYTHONPATH"],
        }
        builder = SparkSession.builder.master("local-cluster[2,1,1024]")
        for name, value in settings.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        try:
            yield session
        finally:
            session.stop()
