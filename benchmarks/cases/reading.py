"""Text to keys."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

import bloctel
from benchmarks import workload
from benchmarks.peers.phonenumbers_set import PhonenumbersSet
from benchmarks.timing import NS, Contender, Table, measure, not_installed

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.suite import Scale

__all__ = ["clean_table", "dirty_table"]


def clean_table(scale: Scale) -> Table:
    """Measure `normalize_many` on national numbers of ten digits."""
    return _table("clean", workload.clean_texts(scale.queries), scale)


def dirty_table(scale: Scale) -> Table:
    """Measure it on what files hold."""
    return _table("dirty", workload.dirty_texts(scale.queries), scale)


def _table(kind: str, texts: list[str], scale: Scale) -> Table:
    few = texts[: scale.few]
    has_arrow = find_spec("pyarrow") is not None
    contenders = [_contender("bloctel, list", _read, texts)]
    if has_arrow:
        column = import_module("pyarrow").array(texts)
        contenders.append(_contender("bloctel, Arrow column", _read, column))
    contenders.append(
        _contender("phonenumbers.parse", PhonenumbersSet().parse_all, few, "fewer rows")
    )
    missing = [] if has_arrow else [not_installed("bloctel, Arrow column")]
    rows = measure(contenders, scale.rounds)
    title = f"normalize_many, {len(texts):,} {kind} French texts"
    target = "1/100 of phonenumbers.parse"
    return Table(title, NS.name, "read", target, (*rows, *missing))


def _contender(
    name: str, read: Callable[[list[str]], int], column: list[str], note: str = ""
) -> Contender:
    return Contender(name, partial(read, column), len(column), note)


def _read(column: object) -> int:
    return int(np.count_nonzero(bloctel.normalize_many(column, region="FR")))
