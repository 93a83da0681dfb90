"""Parquet imports, rejected rows, exports, and the parsing of days."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bloctel import normalize, normalize_many
from bloctel.bulk import Imported, export_numbers, import_numbers
from bloctel.bulk.row_sources import NO_DAY, read_iso_days
from bloctel.errors import InputError, InvalidNumberError, ListClosedError
from bloctel.periods import from_epoch_day
from bloctel.registry.registry import Registry
from bloctel.scrub.opposition_source import read_numbers
from tests.helpers.command_line import run

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = "01 99 00 00 01", "+33 2 61 91 00 02"
DAY = date(2024, 3, 1)


@pytest.fixture
def registry() -> Registry:
    """An empty registry in memory, without any list."""
    return Registry.create("memory:")


ALMOST = st.one_of(
    st.dates().map(date.isoformat),
    st.text("0123456789- ", max_size=11),
    st.from_regex(r"\d{4}-\d{2}-\d{2}", fullmatch=True),
)


def day_of(text: str) -> date | None:
    """Return the day whose ISO form is *text*, or None.

    `date.fromisoformat` of some versions of Python ignores the characters after eight
    digits, as in 0001010100.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None


@given(st.lists(ALMOST, max_size=20))
@example(["0001010100", "2021-W18-1"])
def test_days_are_the_texts_that_python_writes(texts: list[str]) -> None:
    """A text is a day if Python writes the day in this form; other text is no day."""
    found = read_iso_days(text.encode() for text in texts).tolist()
    days = [None if day == NO_DAY else from_epoch_day(day) for day in found]

    assert days == list(map(day_of, texts))


DAYS = [date(2021, 5, 3), date(2022, 1, 1), None]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(DAYS[:2]),
        pa.array(DAYS[:2]).cast(pa.date64()),
        pa.array(DAYS[:2]).cast(pa.timestamp("us")),
        pa.array([" 2021-05-03", "2022-01-01"]),
        pa.array(["2021-05-03", "2022-01-01"]).dictionary_encode(),
    ],
    ids=str,
)
def test_parquet_is_read_as_csv_is(
    registry: Registry, tmp_path: Path, column: pa.Array
) -> None:
    """Numbers and days are read from columns of several types."""
    path = tmp_path / "list.parquet"
    pq.write_table(pa.table({"tel": [FIRST, SECOND], "jour": column}), path)

    done = import_numbers(registry, path, list="own", columns="tel", on_column="jour")

    assert done == Imported(2, 2, 0, 0)
    days = [registry.history(number)[0].registered_on for number in (FIRST, SECOND)]
    assert days == DAYS[:2]


def test_a_bad_row_of_parquet_is_named(registry: Registry, tmp_path: Path) -> None:
    """The first invalid number or day stops the import, with its row number."""
    path = tmp_path / "list.parquet"
    pq.write_table(pa.table({"tel": [FIRST, "06 39 98"], "jour": DAYS[1:]}), path)

    with pytest.raises(InputError, match=r"too_short.*row 2, column 'tel'"):
        import_numbers(registry, path, list="own", columns="tel")
    pq.write_table(pa.table({"tel": [FIRST, SECOND], "jour": DAYS[1:]}), path)
    with pytest.raises(InputError, match=r"a day such as .*row 2, column 'jour'"):
        import_numbers(registry, path, list="own", columns=1, on_column=2)
    path.write_bytes(b"PAR1 and nothing that follows")
    with pytest.raises(InputError, match="expected a Parquet file"):
        import_numbers(registry, path, list="own")
    assert not list(registry.changes())


def test_columns_of_parquet(registry: Registry, tmp_path: Path) -> None:
    """Two phone columns are refused, or both are read; names may be equal."""
    path = tmp_path / "list.parquet"
    names, both = ["tel", "tel"], [pa.array([FIRST]), pa.array([SECOND])]
    pq.write_table(pa.Table.from_arrays(both, names), path)
    with pytest.raises(InputError, match=r"2 columns .* \('tel', 'tel'\)"):
        import_numbers(registry, path, list="own")
    assert import_numbers(registry, path, list="own", columns=2) == (1, 1, 0, 0)
    assert import_numbers(registry, path, list="own", columns=[1, 2]) == (1, 1, 0, 1)

    gaps = pa.array([None] * 300 + [199000003.0])
    pq.write_table(pa.table({"tel": [FIRST] * 301, "x": gaps}), path)
    with pytest.raises(InputError, match=r"a cell that is not read .*, row 301"):
        import_numbers(registry, path, list="own")


@pytest.mark.parametrize(
    "second",
    [
        pa.array([[]] * 300 + [[SECOND]], pa.list_(pa.string())),
        pa.array([{"a": None}] * 300 + [{"a": SECOND}]),
        pa.array([None] * 300 + [Decimal(199000003)], pa.decimal128(12, 0)),
        pa.array([None] * 300 + [SECOND.encode()], pa.binary(len(SECOND))),
        pa.array([None] * 300 + [199000003]).cast(pa.duration("s")),
    ],
    ids=lambda column: str(column.type),
)
def test_columns_that_cannot_be_checked_are_refused(
    registry: Registry, tmp_path: Path, second: pa.Array
) -> None:
    """Nested, decimal and binary columns are refused without named phone columns."""
    path = tmp_path / "list.parquet"
    table = pa.table({"tel": [FIRST] * 301, "x": second})
    pq.write_table(table, path)
    with pytest.raises(InputError, match=r"'x' cannot be checked .*: give the"):
        import_numbers(registry, path, list="own")
    assert not list(registry.changes())

    days = pa.array([date(2024, 3, 1)] * 301)
    times = {"day": days, "at": days.cast(pa.timestamp("s")), "ok": [True] * 301}
    pq.write_table(pa.table({"tel": [FIRST] * 301} | times), path)
    assert import_numbers(registry, path, list="own") == (301, 1, 0, 300)
    pq.write_table(table, path)
    done = import_numbers(registry, path, list="own", columns="tel")
    assert done == (301, 0, 0, 301)


def test_every_number_of_a_row_is_registered(registry: Registry) -> None:
    """Each number of a row gets the day of the row."""
    text = f"jour;a;b\n2024-03-01;{FIRST};{SECOND}\n2024-03-02;;\n2024-03-01;{FIRST};\n"

    done = import_numbers(
        registry,
        io.BytesIO(text.encode()),
        list="own",
        columns=["a", "b"],
        on_column="jour",
    )

    assert done == Imported(2, 2, 0, 1)
    days = [registry.history(number)[0].registered_on for number in (FIRST, SECOND)]
    assert days == [DAY, DAY]


ROWS = (
    f'tel;jour;"note"\n{FIRST};2021-05-03;a\n06 39 98;2021-05-03;"b;\n"\n'
    f'{SECOND};demain;c\n;;d\n{SECOND};2016-05-31;e\n{SECOND};2022-01-01;"f"\n'
    f"{FIRST};2999-01-01;g\n"
)


def test_bad_rows_go_aside(registry: Registry, tmp_path: Path) -> None:
    """Rejected rows are written unchanged, with row number and reason."""
    rejects = tmp_path / "rejects.csv"

    done = import_numbers(
        registry,
        io.BytesIO(ROWS.encode()),
        list="own",
        columns="tel",
        on_column="jour",
        rejects=rejects,
    )

    assert done == Imported(6, 2, 4, 0)
    assert rejects.read_text() == (
        'tel;jour;"note";bloctel\n'
        '06 39 98;2021-05-03;"b;\n";row 3: too_short\n'
        f"{SECOND};demain;c;row 4: bad_day\n"
        f"{SECOND};2016-05-31;e;row 6: list_closed\n"
        f"{FIRST};2999-01-01;g;row 8: future_day\n"
    )
    again = import_numbers(
        registry, io.BytesIO(f"tel\n{FIRST}\n".encode()), list="own", rejects=rejects
    )
    assert (again.rejected, rejects.read_text()) == (0, "tel;bloctel\n")


def test_a_day_in_the_future_is_refused(registry: Registry) -> None:
    """The error names the row; `allow_future` accepts the day."""
    rows = f"tel;jour\n{FIRST};2021-05-03\n{SECOND};2999-01-01\n".encode()
    with pytest.raises(InputError, match=r"allow_future.* row 3, column 'jour'"):
        import_numbers(registry, io.BytesIO(rows), list="own", on_column="jour")
    with pytest.raises(InputError, match="allow_future"):
        import_numbers(
            registry,
            io.BytesIO(f"tel\n{FIRST}\n".encode()),
            list="own",
            on=date(2999, 1, 1),
        )

    done = import_numbers(
        registry, io.BytesIO(rows), list="own", on_column="jour", allow_future=True
    )

    assert done == Imported(2, 2, 0, 0)


def test_nothing_is_left_of_a_failed_import(registry: Registry, tmp_path: Path) -> None:
    """After an error there are neither registrations nor a file of rejects."""
    rejects = tmp_path / "rejects.csv"
    bad = ROWS.encode() + b'"never closed'
    with pytest.raises(InputError, match="closing quote"):
        import_numbers(
            registry, io.BytesIO(bad), list="own", columns="tel", rejects=rejects
        )
    with pytest.raises(ListClosedError):
        import_numbers(
            registry,
            io.BytesIO(f"tel,jour\n{FIRST},2015-01-01\n".encode()),
            list="own",
            on_column="jour",
        )

    assert list(tmp_path.iterdir()) == []
    assert not list(registry.changes())


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_export_can_be_imported(tmp_path: Path, suffix: str) -> None:
    """An exported list can be imported again, with overseas numbers and withdrawals."""
    one = Registry.create("memory:")
    numbers = [FIRST, "06 39 98 12 34", "05 08 41 00 01", "+44 7700 900001"]
    days = [date(2020, 1, 1 + i) for i in range(len(numbers))]
    one.register_many(numbers, list="own", on=days)
    path = tmp_path / f"list.{suffix}"

    assert export_numbers(one, path, list="own") == 4
    other = Registry.create("memory:")
    done = import_numbers(
        other, path, list="own", columns="number", on_column="registered_on"
    )

    assert done == Imported(4, 4, 0, 0)
    for number in numbers:
        assert other.history(number) == one.history(number)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("region", ["US", "ES", "FR", None])
def test_an_exported_number_is_not_a_national_number(
    tmp_path: Path, suffix: str, region: str | None
) -> None:
    """+36 1 234 2276 is exact in an exported list, but may be a number of New York."""
    one = Registry.create("memory:", region=region)
    texts = ["+36 (0)1 234 2276", "+687 12 34 56", "+516 733 8400", "+44 7700 900001"]
    numbers = [normalize(text, region=None) for text in texts]
    one.register_many(numbers, list="own", on=date(2020, 1, 1))
    path = tmp_path / f"list.{suffix}"
    export_numbers(one, path, list="own")

    other = Registry.create("memory:", region=region)
    done = import_numbers(other, path, list="own", on_column="registered_on")

    assert done == Imported(4, 4, 0, 0)
    assert all(other.is_blocked(number) for number in numbers)
    if suffix == "csv":  # `scrub --against` reads it too
        assert sum(map(len, read_numbers(path, region=region))) == 4


def test_a_list_that_blocks_more_than_its_numbers_is_not_exported() -> None:
    """Prefix rules, and numbers without an answer, are in no file of numbers."""
    registry = Registry.create("memory:", lists=["own", "own:b"])
    registry.register(FIRST, list="own", on=date(2020, 1, 1))
    registry.block_prefix("0162", list="own", on=date(2020, 1, 1))
    keys = normalize_many([FIRST])
    registry.record_answers(
        list="own:b", on=date(2020, 1, 1), opposed=keys, clear=keys[:0]
    )

    for name, got in (("own", "prefix rules"), ("own:b", "in no answer")):
        with pytest.raises(InputError, match=got):
            export_numbers(registry, io.BytesIO(), list=name)
        assert export_numbers(registry, io.BytesIO(), list=name, numbers_only=True) == 1
    registry.drop_prefix("0162", list="own")
    assert export_numbers(registry, io.BytesIO(), list="own") == 1


def test_an_exported_row_says_all(registry: Registry) -> None:
    """The columns are the number in E.164 and four days; an empty cell means no day."""
    registry.register("06 39 98 12 34", list="own", on=date(2020, 1, 1))
    registry.withdraw("06 39 98 12 34", list="own", on=date(2021, 1, 1))
    registry.register(FIRST, list="own", on=date(2020, 1, 1))
    file = io.BytesIO()

    export_numbers(registry, file, list="own")

    rows = sorted(csv.reader(io.StringIO(file.getvalue().decode())))
    assert rows == [
        ["+262639981234", "2020-01-01", "2020-01-01", "2021-01-01", "2021-01-01"],
        ["+33199000001", "2020-01-01", "2020-01-01", "", ""],
        ["number", "registered_on", "starts_on", "ends_on", "withdrawn_on"],
    ]


def test_the_commands(tmp_path: Path) -> None:
    """`registry import` writes rejected rows to a file; `export` writes the list."""
    url = f"sqlite:///{tmp_path}/r.db"
    (tmp_path / "in.csv").write_text(ROWS)
    assert run("registry", "create", url).code == 0

    done = run(
        *("registry", "import", url, tmp_path / "in.csv", "--list", "own"),
        *("--column", "tel", "--on-column", "jour", "--format", "csv"),
        *("--keep-going", tmp_path / "rejects.csv"),
    )
    out = run("registry", "export", url, "-", "--list", "own")

    assert done.stdout == "rows,registered,known already,rejected\n6,2,0,4\n"
    assert len((tmp_path / "rejects.csv").read_text().splitlines()) == 6
    assert out.stdout.splitlines()[1].startswith("+33199000001,2021-05-03")
    assert out.stderr == "exported  2\n"


def test_a_key_that_is_bad_is_no_number(registry: Registry) -> None:
    """A row that cannot be registered raises before anything is stored."""
    with pytest.raises(InvalidNumberError):
        registry.register("06 39 98", list="own", on=DAY)
    assert not list(registry.changes())
