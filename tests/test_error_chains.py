"""Errors lead to no phone number, not even through causes and contexts."""

from __future__ import annotations

import ast
import io
import zipfile
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bloctel
from bloctel import (
    Registry,
    Snapshot,
    errors,
    rules,
    scrub_csv,
    scrub_file,
    scrub_files,
)
from bloctel._util.raising import raise_alone
from bloctel.bulk import export_numbers, import_numbers
from bloctel.complaints.files import read_file
from bloctel.errors import BloctelError, StorageError
from bloctel.records import RecordStore
from bloctel.scrub import Outputs, receipts
from bloctel.storage.interface import open_storage
from bloctel.storage.rows import Registration
from bloctel.storage.sql.schema import registration
from tests.helpers.error_chain import shown_by
from tests.helpers.servers import STORAGES, unique

if TYPE_CHECKING:
    from collections.abc import Callable

ON = date(2026, 3, 1)
NUMBER = "0639981234"
KEY = 33639981234
#: The digits that every written form of the number contains.
DIGITS = "39981234"


def raised(call: Callable[[], object]) -> BloctelError:
    """Return the error that a call raises."""
    with pytest.raises(BloctelError) as caught:
        call()
    return caught.value


def test_a_suppressed_context_is_found() -> None:
    """`from None` keeps the bytes that could not be decoded; `raise_alone` does not."""

    def fail(*, alone: bool) -> None:
        try:
            b"\xff0639981234".decode()
        except UnicodeDecodeError:
            if alone:
                raise_alone(StorageError("a", "b"))
            raise StorageError("a", "b") from None

    assert DIGITS in shown_by(raised(lambda: fail(alone=False)))
    assert DIGITS not in shown_by(raised(lambda: fail(alone=True)))


def test_no_error_is_only_hidden() -> None:
    """The code calls `raise_alone`; `from None` is for errors without content."""
    harmless = {*vars(errors), "OSError", "KeyboardInterrupt", "BrokenPipeError"}
    harmless |= {"FileNotFoundError"}
    found = []
    for path in sorted(Path(bloctel.__file__).parent.rglob("*.py")):
        for handler in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(handler, ast.ExceptHandler) or handler.type is None:
                continue
            names = ast.unparse(handler.type).replace("errors.", "").strip("()")
            found += [
                f"{path.name}:{node.lineno}: except {names}"
                for node in ast.walk(handler)
                if isinstance(node, ast.Raise)
                and isinstance(node.cause, ast.Constant)
                and not harmless.issuperset(names.split(", "))
            ]
    assert not found


@pytest.mark.parametrize("kind", [kind for kind in STORAGES if kind != "memory"])
def test_errors_of_drivers(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The cause of a storage error is a copy without statement and parameters."""
    url = f"sqlite:///{tmp_path}/r.db"
    if kind != "sqlite":
        url = request.getfixturevalue(kind).url(unique())
    Registry.create(url, lists=["own"]).close()
    row = Registration(KEY, 1, 20_000, 20_000, 20_001, None)
    with closing(open_storage(url)) as opened:
        storage: Any = opened

        def fail() -> None:
            with storage.write() as writer:
                if kind == "valkey":
                    storage._server.send_once(("SET", "{x}", KEY, KEY))
                columns = (*Registration._fields, "cursor")
                writer._insert(registration, columns, [(*row, 1), (*row, 2)])

        error = raised(fail)
    assert isinstance(error, StorageError)
    assert error.__cause__ is not None
    assert DIGITS not in shown_by(error)


def parquet(column: Any) -> bytes:
    """Return a Parquet file with one column of numbers and one other column."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"tel": [NUMBER], "on": column}), sink)
    return sink.getvalue()


def damaged(data: bytes) -> bytes:
    """Return a file of which the first page is damaged."""
    return data[:4] + b"\xff" * 8 + data[12:]


def workbook() -> bytes:
    """Return a workbook whose XML is not valid."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("xl/workbook.xml", f"<a>{NUMBER}</b>")
    return sink.getvalue()


LISTS = {
    "r.csv": b"tel;on\n0639981234;2026-02-30\n",
    "encoding.csv": b"tel;nom\n0639981234;\xc3\xa9\n0639981234;\xff\n",
    "two.csv": b"tel\n0639981234/0639981235\n",
    "days.parquet": parquet([f"day {NUMBER}"]),
    "seconds.parquet": parquet(pa.array([33639981234], pa.timestamp("s"))),
    "lists.parquet": parquet([[NUMBER]]),
    "damaged.parquet": damaged(parquet(["2026-01-01"])),
    "book.xlsx": workbook(),
}


@pytest.mark.parametrize("name", LISTS)
def test_errors_of_readers_of_lists(name: str, tmp_path: Path) -> None:
    """A list that cannot be read is refused without its cells."""
    path = tmp_path / name
    path.write_bytes(LISTS[name])
    refusals = []
    with Registry.create("memory:", lists=["own"]) as registry:
        calls: list[Callable[[], object]] = [
            lambda: import_numbers(registry, path, list="own", on_column="on"),
            lambda: bloctel.scrub_file(path, path, columns="tel"),
            lambda: bloctel.scrub_file(path, registry, columns="tel"),
        ]
        for call in calls:
            try:
                call()
            except BloctelError as error:
                refusals.append(error)
    assert refusals
    assert not [error for error in refusals if DIGITS in shown_by(error)]


@pytest.mark.parametrize(
    "text",
    [
        b'{"complaints": [0639981234]}',
        b'{"complaints": [{"number": 639981234}]}',
        b'{"complaints": ["0639981234',
        b'number,at\n"0639981234"x,2026-01-01\n',
        b"number\n0639981234\xff\n",
    ],
)
def test_errors_of_complaints(text: bytes) -> None:
    """A file of complaints that cannot be read is refused without its cells."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    error = raised(lambda: list(read_file(io.BytesIO(text), at=at)))
    assert DIGITS not in shown_by(error)


def test_errors_of_columns_and_records() -> None:
    """Columns of days and fields of records are refused without their values."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    with (
        Registry.create("memory:", lists=["own"]) as registry,
        RecordStore.create("memory:") as store,
    ):
        days: list[object] = [["0639981234"], [f"{NUMBER}-02-30"], np.array([KEY])]
        for day in days:
            error = raised(
                lambda: registry.register_many([NUMBER], list="own", on=day)  # noqa: B023
            )
            assert DIGITS not in shown_by(error)

        def append(fields: dict[str, object]) -> None:
            with store.write() as writer:
                writer.append("x", KEY, at, fields)

        values: list[object] = [{NUMBER}, 0.5 * KEY, f"{NUMBER}\ud800", object()]
        for value in values:
            error = raised(lambda: append({"a": NUMBER, "b": value}))  # noqa: B023
            assert DIGITS not in shown_by(error)


_URL = "postgresql://user:confidential@host.invalid/lists?password=confidential"

#: Functions that take a path, called with a URL.
_WITH_PATHS: dict[str, Callable[[Registry, Path], object]] = {
    "Snapshot.open": lambda _, path: Snapshot.open(_URL),
    "Snapshot.open, a path": lambda _, path: Snapshot.open(Path(_URL)),
    "Snapshot.open, no slashes": lambda _, path: Snapshot.open(_URL.replace("//", "")),
    "Snapshot.follow": lambda _, path: Snapshot.follow(_URL),
    "build_snapshot": lambda registry, path: registry.build_snapshot(_URL),
    "backup": lambda registry, path: registry.backup(_URL),
    "import_numbers": lambda registry, path: import_numbers(
        registry, _URL, list="own", on=ON
    ),
    "export_numbers": lambda registry, path: export_numbers(registry, _URL, list="own"),
    "scrub_csv": lambda registry, path: scrub_csv(_URL, registry, columns=1),
    "scrub_csv, output": lambda registry, path: scrub_csv(
        path, registry, columns=1, outputs=Outputs(clear=_URL)
    ),
    "scrub_file, receipt": lambda registry, path: scrub_file(
        path, registry, columns=1, receipt=_URL
    ),
    "scrub_file, report": lambda registry, path: scrub_file(
        path, registry, columns=1, report=_URL
    ),
    "scrub_files": lambda registry, path: scrub_files(
        f"{_URL}/*.csv", registry, columns=1, into=path.parent
    ),
    "scrub_files, into": lambda registry, path: scrub_files(
        path, registry, columns=1, into=_URL
    ),
    "receipts.read": lambda _, path: receipts.read(_URL),
    "Journal": lambda _, path: list(receipts.Journal(_URL).receipts()),
    "SigningKey.read": lambda _, path: receipts.SigningKey.read(_URL),
    "SigningKey.create": lambda _, path: receipts.SigningKey.create(_URL),
    "rules.register": lambda _, path: rules.register(_URL),
}


@pytest.mark.parametrize("name", _WITH_PATHS)
def test_a_url_in_place_of_a_path_does_not_show_its_password(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No error of a function that takes a path shows the password of a URL."""
    monkeypatch.chdir(tmp_path)
    calls = tmp_path / "calls.csv"
    calls.write_text("number\n0199001234\n")
    registry = Registry.create("sqlite:///own.db", lists=["own"])

    with registry, pytest.raises((BloctelError, OSError)) as caught:
        _WITH_PATHS[name](registry, calls)

    assert "confidential" not in shown_by(caught.value)
