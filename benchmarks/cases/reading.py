"""Normalisation of texts to keys."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

import bloctel
from benchmarks import workload
from benchmarks.peers.phonenumbers_set import PhonenumbersSet
from benchmarks.results import Row, Table
from benchmarks.timing import NS, Contender, measure

if TYPE_CHECKING:
    from benchmarks.suite import Scale

__all__ = ["clean_table", "dirty_table"]


def clean_table(scale: Scale) -> Table:
    """Measure `normalize_many` on national numbers of ten digits."""
    return _table("clean", workload.clean_texts(scale.queries), scale)


def dirty_table(scale: Scale) -> Table:
    """Measure `normalize_many` on texts as they are written in real files."""
    clean = workload.clean_texts(scale.queries)
    return _table("dirty", workload.dirty_texts(clean), scale)


def _table(kind: str, texts: list[str], scale: Scale) -> Table:
    n, few = len(texts), texts[: scale.few]
    contenders = [Contender("bloctel, list", partial(_read, texts), n)]
    missing = []
    if find_spec("pyarrow") is None:
        missing.append(Row("bloctel, Arrow column", None, (), None, "not installed"))
    else:
        column = import_module("pyarrow").array(texts)
        contenders.append(Contender("bloctel, Arrow column", partial(_read, column), n))
    parse = partial(PhonenumbersSet().parse_all, few)
    note = f"only {len(few):,} texts"
    contenders.append(Contender("phonenumbers.parse", parse, len(few), note))
    rows = (*measure(contenders, scale.rounds), *missing)
    title = f"parsing of {n:,} {kind} French texts with normalize_many"
    return Table(f"reading_{kind}", title, NS.name, "", "accepted", rows)


def _read(column: object) -> int:
    return int(np.count_nonzero(bloctel.normalize_many(column, region="FR")))
