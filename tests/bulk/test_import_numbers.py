"""Import of a CSV file into a registry: if a row is invalid, nothing is registered."""

from __future__ import annotations

import io
from datetime import date
from typing import TYPE_CHECKING

import pytest

from bloctel.bulk import import_numbers
from bloctel.errors import InputError, ListClosedError
from bloctel.registry.registry import Registry
from tests.helpers.command_line import run, sentence

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = "01 99 00 00 01", "+33 2 61 91 00 02"
DAY = date(2024, 3, 1)


@pytest.fixture
def registry() -> Registry:
    """An empty registry in memory, without any list."""
    return Registry.create("memory:", lists=["own", "fr.bloctel"])


def stream(text: str) -> io.BytesIO:
    """Return a file with a text."""
    return io.BytesIO(text.encode())


def test_one_day_for_all(registry: Registry) -> None:
    """Every number is registered on that day, and the column is found."""
    text = f"nom;Téléphone\nA;{FIRST}\nB;{SECOND}\n"

    counts = import_numbers(registry, stream(text), list="own", on=DAY)

    assert counts == (2, 2, 0, 0)
    assert registry.is_blocked(FIRST, on=DAY)
    assert not registry.is_blocked(SECOND, on=date(2024, 2, 29))


def test_a_column_of_days(registry: Registry) -> None:
    """Each phone number gets the day of its own row, even after blank rows."""
    text = f"jour;tel\n2021-05-03;{FIRST}\n;\n\n2022-01-01;\n 2023-06-07 ;{SECOND}\n"

    for day_column in ("jour", 1):
        assert import_numbers(
            registry, stream(text), list="fr.bloctel", on_column=day_column
        ) == ((2, 2, 0, 0) if day_column == "jour" else (2, 0, 0, 2))

    days = [registry.history(number)[0].registered_on for number in (FIRST, SECOND)]
    assert days == [date(2021, 5, 3), date(2023, 6, 7)]


def test_the_columns_may_be_given_by_place(registry: Registry) -> None:
    """A file without a header has column numbers only."""
    text = f"{FIRST};{SECOND};2024-03-01\n"

    import_numbers(registry, stream(text), list="own", columns=2, on_column=3)

    assert registry.is_blocked(SECOND, on=DAY)
    assert not registry.is_blocked(FIRST, on=DAY)


def test_importing_again_changes_nothing(registry: Registry) -> None:
    """A second import of a file, or a repeated number, registers nothing new."""
    text = f"tel\n{FIRST}\n{FIRST}\n0199000001\n"

    assert import_numbers(registry, stream(text), list="own", on=DAY) == (3, 1, 0, 2)
    before = list(registry.changes())
    assert import_numbers(registry, stream(text), list="own", on=DAY) == (3, 0, 0, 3)
    assert list(registry.changes()) == before


BAD_ROWS = {
    "number": (
        f"tel;jour\n\n{FIRST};2024-03-01\nO1;2024-03-01\n",
        "row 4, column 'tel'",
    ),
    "day": (
        f"tel;jour\n\n{FIRST};2024-03-01\n{SECOND};01/03/2024\n",
        "row 4, column 'jour'",
    ),
    "no day": (f"tel;jour\n{FIRST};2024-03-01\n{SECOND};\n", "row 3, column 'jour'"),
    "short row": (f"tel;jour\n{FIRST};2024-03-01\n{SECOND}\n", "row 3, column 'jour'"),
    "quote": (f'tel;jour\n{FIRST};2024-03-01\n"{SECOND};', "row 3"),
    "two quotes": (
        f'tel;jour;n\n{FIRST};2024-03-01;"A\n{SECOND};2024-03-01;"B\n',
        "row 2",
    ),
}


@pytest.mark.parametrize(("text", "where"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_named_and_nothing_is_kept(
    text: str, where: str, registry: Registry, tmp_path: Path
) -> None:
    """The error names the invalid row; the header and blank lines count as rows."""
    path = tmp_path / "n.csv"
    path.write_text(text)

    with pytest.raises(InputError) as caught:
        import_numbers(registry, path, list="own", columns="tel", on_column="jour")

    assert str(caught.value).endswith(f"{path}, {where}")
    assert registry.history(FIRST) == []
    assert not list(registry.changes())


def test_a_day_on_which_the_list_is_closed(registry: Registry) -> None:
    """A file with a day on which the list is closed is refused."""
    text = f"tel;jour\n{FIRST};2024-03-01\n{SECOND};2026-09-01\n"

    with pytest.raises(ListClosedError):
        import_numbers(registry, stream(text), list="fr.bloctel", on_column="jour")

    assert registry.history(FIRST) == []


@pytest.mark.parametrize("text", ["tel\n", "tel\n\n \n", "tel;x\n;a\n"])
def test_a_file_without_a_number_is_refused(text: str, registry: Registry) -> None:
    """An empty file is refused, and the registry does not get the list."""
    with pytest.raises(
        InputError, match="expected a row with a phone number, got no rows"
    ):
        import_numbers(registry, stream(text), list="own")

    assert not list(registry.changes())


def test_a_hundred_thousand_rows(registry: Registry, tmp_path: Path) -> None:
    """No row is lost between batches, and each number keeps its own day."""
    numbers = [
        f"0{start}{i:04}"
        for start in (19900, 26191, 35301, 46571, 53649, 63998)
        for i in range(10_000)
    ]
    days = [date(2020 + i % 5, 1 + i % 12, 1 + i % 28) for i in range(100_000)]
    rows = [(numbers[i % len(numbers)], day) for i, day in enumerate(days)]
    path = tmp_path / "n.csv"
    path.write_text("tel,jour\n" + "".join(f"{n},{day}\n" for n, day in rows))
    distinct = set(rows)

    counts = import_numbers(registry, path, list="own", on_column="jour")

    assert counts == (len(rows), len(distinct), 0, len(rows) - len(distinct))
    for i in (0, 65_535, 65_536, 99_999):
        number, day = rows[i]
        assert day in {entry.registered_on for entry in registry.history(number)}
    first: dict[str, date] = {}
    for number, day in rows:
        first[number] = min(day, first.get(number, day))
    on = date(2022, 6, 15)
    expected = [first[number] <= on for number in numbers]
    assert registry.is_blocked_many(numbers, on=on).tolist() == expected


def test_an_import_from_standard_input(tmp_path: Path) -> None:
    """`-` is standard input; the counts are printed; an invalid row is named."""
    url = f"sqlite:///{tmp_path / 'own.db'}"
    run("registry", "create", url)
    command = ("registry", "import", url, "-", "--list", "own", "--format", "csv")

    done = run(*command, input=f"tel\n{FIRST}\n\n{SECOND}\n")
    again = run(*command, input=f"tel\n{FIRST}\n")
    bad = run(*command, input="tel\nO1\n")

    assert done.stdout == "rows,registered,known already\n2,2,0\n"
    assert again.stdout == "rows,registered,known already\n1,0,1\n"
    assert sentence(bad).endswith("at the input stream, row 2, column 'tel'")
    assert run("check", FIRST, "--against", url).code == 1
