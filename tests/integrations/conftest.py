"""Registries and a Spark cluster for the tests of integrations."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from bloctel import Registry, bulk
from tests.helpers.private_spark import cluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Session of a Spark cluster, shared because it starts slowly."""
    with cluster(tmp_path_factory.mktemp("spark")) as started:
        yield started


@pytest.fixture
def answered(tmp_path: Path) -> Iterator[Registry]:
    """A registry with two operator answers of 3 May 2024: one number is clear."""
    file = tmp_path / "retour.csv"
    file.write_text("Telephone;Identifiant;Statut\n0199001201;a;OK\n0199001202;b;KO\n")
    with Registry.create("memory:", lists=["fr.bloctel"]) as registry:
        bulk.import_answers(registry, file, on=date(2024, 5, 3))
        yield registry
