"""SQL functions in DuckDB: results and errors."""

from __future__ import annotations

import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest

from bloctel import MissingExtraError
from bloctel._util import _clocks, clock
from bloctel.errors import ListClosedError, UnknownListError
from bloctel.integrations.duckdb import register
from tests.helpers.asked import INTEGERS, ON, TEXTS, keys, made_book, numbers, statuses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bloctel import Registry


@pytest.fixture
def book() -> Iterator[Registry]:
    """A registry with three numbers on a firm's own list."""
    with made_book() as made:
        yield made


@pytest.fixture
def connection() -> Iterator[Any]:
    """A connection with a table of calls."""
    with duckdb.connect() as made:
        made.execute("CREATE TABLE calls (id INTEGER, tel VARCHAR)")
        made.executemany("INSERT INTO calls VALUES (?, ?)", list(enumerate(TEXTS)))
        yield made


def column(connection: Any, query: str) -> list[Any]:
    """Return the first column of the result of a query."""
    return [row[0] for row in connection.execute(query).fetchall()]


def test_rows_get_the_answers_of_single_calls(book: Registry, connection: Any) -> None:
    """The SQL functions give the answers of `check` and the forms of `normalize`."""
    register(connection, book, on=ON, invalid="block")

    blocked = column(connection, "SELECT is_blocked(tel) FROM calls ORDER BY id")
    key = column(connection, "SELECT phone_key(tel) FROM calls ORDER BY id")
    e164 = column(connection, "SELECT phone_e164(tel) FROM calls ORDER BY id")

    assert blocked == [word != "clear" for word in statuses(book, TEXTS)]
    assert key == keys(TEXTS)
    assert e164 == numbers(TEXTS)
    types = (
        "SELECT typeof(is_blocked('')), typeof(phone_key('')), typeof(phone_e164(''))"
    )
    assert connection.execute(types).fetchone() == ("BOOLEAN", "UBIGINT", "VARCHAR")


def test_batches_of_any_size_and_type(book: Registry, connection: Any) -> None:
    """Columns may have no rows, many batches, constants, dictionaries or integers."""
    register(connection, book, on=ON, invalid="block")
    rows = TEXTS * 1_000
    table = pa.table({"tel": pa.array(rows).dictionary_encode(), "id": range(10_000)})
    connection.register("arrow_calls", table)

    many = column(connection, "SELECT is_blocked(tel) FROM arrow_calls ORDER BY id")
    integers = [row for row in INTEGERS if row and row > 10**10]

    assert many == [word != "clear" for word in statuses(book, TEXTS)] * 1_000
    assert column(connection, "SELECT is_blocked(tel) FROM calls WHERE id < 0") == []
    assert column(connection, "SELECT is_blocked('01 99 00 12 34')") == [True]
    assert column(connection, "SELECT phone_key(NULL)") == [None]
    assert column(connection, f"SELECT is_blocked({integers[0]}::VARCHAR)") == [False]


@pytest.mark.parametrize("kind", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("name", ["is_blocked", "phone_key", "phone_e164"])
def test_floats_are_refused(
    name: str, kind: str, book: Registry, connection: Any
) -> None:
    """A FLOAT has lost digits of the number, and looks like another number."""
    register(connection, book, on=ON, invalid="block")
    connection.execute("ALTER TABLE calls ADD COLUMN rounded " + kind)
    connection.execute("UPDATE calls SET rounded = 33199001234")

    for number in ("rounded", f"33199001234::{kind}"):
        query = f"SELECT {name}({number}) FROM calls"
        with pytest.raises(duckdb.Error, match=f"{name}: .* whole numbers, got {kind}"):
            connection.execute(query)
    for exact in ("33199001234", "33199001234::HUGEINT", "33199001234::DECIMAL(20, 0)"):
        assert column(connection, f"SELECT phone_key({exact})") == [33199001234]
    text = "'+33199001234'"
    assert column(connection, f"SELECT phone_key({text}::ENUM({text}))") == [
        33199001234
    ]


@pytest.mark.parametrize("name", ["is_blocked", "phone_key", "phone_e164"])
@pytest.mark.parametrize(
    "value",
    [
        "union_value(number := 33199001234::FLOAT)",
        "33199001234::DECIMAL(20, 3)",
        "'33199001234'::BLOB",
        "['33199001234']",
        "[33199001234::FLOAT]",
        "{'number': 33199001234::DOUBLE}",
        "TRUE",
    ],
)
def test_types_other_than_text_and_whole_numbers_are_refused(
    name: str, value: str, book: Registry, connection: Any
) -> None:
    """A type that can contain a FLOAT, or has another text, gives an error."""
    register(connection, book, on=ON, invalid="block")
    with pytest.raises(duckdb.Error, match=f"{name}: expected text or whole numbers"):
        column(connection, f"SELECT {name}({value})")


@pytest.mark.parametrize("text", ["'O199001235'", "''", "'12'", "NULL"])
def test_a_row_without_a_number_ends_the_query(
    text: str, book: Registry, connection: Any
) -> None:
    """A row without a valid phone number gives an error, not false or NULL."""
    register(connection, book, on=ON)

    for query in (
        f"SELECT is_blocked({text})",
        f"SELECT CASE WHEN is_blocked(x) THEN 1 ELSE 0 END FROM (SELECT {text} AS x)",
        f"SELECT x FROM (SELECT {text} AS x) WHERE is_blocked(x) IS NOT TRUE",
    ):
        with pytest.raises(duckdb.Error, match="is not a phone number") as caught:
            column(connection, query)
        assert "199001235" not in str(caught.value).replace(text, "")


def test_a_row_without_a_number_may_be_blocked(book: Registry, connection: Any) -> None:
    """With `block`, a row without a number is blocked in every usual SQL condition."""
    register(connection, book, on=ON, invalid="block")
    clear = [n for n, word in enumerate(statuses(book, TEXTS)) if word == "clear"]

    for condition in ("NOT is_blocked(tel)", "is_blocked(tel) IS NOT TRUE"):
        query = f"SELECT id FROM calls WHERE {condition} ORDER BY id"
        assert column(connection, query) == clear


def test_an_unknown_number_is_never_false(answered: Registry, connection: Any) -> None:
    """A number without an operator's answer gives an error, or true with `block`."""
    on = date(2024, 5, 20)
    register(connection, answered, on=on)

    assert column(connection, "SELECT is_blocked('0199001201')") == [False]
    with pytest.raises(duckdb.Error, match="gave no valid answer"):
        column(connection, "SELECT is_blocked('0199001203')")
    with duckdb.connect() as other:
        register(other, answered, on=on, invalid="block")
        assert column(other, "SELECT is_blocked('0199001203')") == [True]


def test_today_is_the_day_of_each_call(
    book: Registry, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prepared statement gives the answer of the new day after midnight."""
    noon = 1795435200.0  # 23 November 2026
    monkeypatch.setattr(clock, "now", lambda: noon)
    book.register(
        "01 99 00 12 50", list="own", on=date(2026, 11, 24), allow_future=True
    )
    register(connection, book)
    connection.execute("PREPARE look_up AS SELECT is_blocked('01 99 00 12 50')")
    assert column(connection, "EXECUTE look_up") == [False]

    monkeypatch.setattr(clock, "now", lambda: noon + 86400)
    _clocks.skip(2)

    assert column(connection, "EXECUTE look_up") == [True]


def test_later_registrations_are_found(book: Registry, connection: Any) -> None:
    """A number that is registered between two queries is found by the second query."""
    register(connection, book, on=ON)
    connection.execute("PREPARE look_up AS SELECT is_blocked('01 99 00 12 51')")
    assert column(connection, "EXECUTE look_up") == [False]

    book.register("01 99 00 12 51", list="own", on=ON)

    assert column(connection, "EXECUTE look_up") == [True]


def test_a_book_that_cannot_answer_raises(book: Registry, connection: Any) -> None:
    """`register` refuses closed and unknown lists; a query raises after `close`."""
    book.add_list("fr.bloctel")
    book.register("01 99 00 12 40", list="fr.bloctel", on=date(2022, 3, 1))

    with pytest.raises(ListClosedError):
        register(connection, book, on=ON, lists=["fr.bloctel"])
    with pytest.raises(UnknownListError):
        register(connection, book, on=ON, lists=["own:solare"])
    register(connection, book, on=ON)
    book.close()
    with pytest.raises(duckdb.Error, match="closed"):
        column(connection, "SELECT is_blocked(tel) FROM calls")


def test_lists_and_regions_are_those_of_the_registration(
    book: Registry, connection: Any
) -> None:
    """An iterator of lists is read once and used at every call."""
    book.add_list("own:brand-a")
    book.register("01 99 00 12 52", list="own:brand-a", on=ON)
    register(connection, book, on=ON, lists=iter(["own:brand-a"]), region="GB")

    for _ in range(2):
        assert column(connection, "SELECT is_blocked('+33 1 99 00 12 34')") == [False]
        assert column(connection, "SELECT is_blocked('+33 1 99 00 12 52')") == [True]
    assert column(connection, "SELECT phone_e164('07700 900123')") == ["+447700900123"]


def test_missing_pyarrow_is_named(
    book: Registry, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If pyarrow is missing, the error names the extra that installs it."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingExtraError, match=r"bloctel\[duckdb\]"):
        register(connection, book, on=ON)
