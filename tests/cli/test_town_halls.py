"""Scrubs of real rows: the town halls of the test data."""

from __future__ import annotations

import codecs
import csv
import io
import json
import random
from pathlib import Path

import pytest

from tests.helpers.command_line import run
from tests.helpers.plain_scrub import counts, key, keys, kind, rows

pytestmark = pytest.mark.slow  # each test reads 25,000 rows

TOWN_HALLS = Path(__file__).parents[1] / "data" / "town-halls.csv"
CONTENT = TOWN_HALLS.read_text(encoding="utf-8")
TABLE = rows(CONTENT, ";")
KINDS = {"clear": "--output", "blocked": "--blocked", "invalid": "--invalid"}
COUNTS = {"clear": 24_584, "invalid": 4}

#: Numbers of works of fiction, half of which are listed.
INVENTED = [f"0{start}{i:04}" for start in (19900, 63998) for i in range(500)]
LISTED = INVENTED[::2]
FORMS = (
    "0{a} {b} {c} {d} {e}",
    "0{a}{b}{c}{d}{e}",
    "0{a}.{b}.{c}.{d}.{e}",
    "0{a}-{b}-{c}-{d}-{e}",
    "0{a}/{b}/{c}/{d}/{e}",
    "(0{a}) {b} {c} {d} {e}",
    "0{a}\u00a0{b}\u00a0{c}\u00a0{d}\u00a0{e}",
    "0{a}\u202f{b}\u202f{c}\u202f{d}\u202f{e}",
    "0 {a}{b}{c} {d}{e}",
    "+33 {a} {b} {c} {d} {e}",
    "+33{a}{b}{c}{d}{e}",
    "+33 (0){a} {b} {c} {d} {e}",
    "0033{a}{b}{c}{d}{e}",
    "33{a}{b}{c}{d}{e}",
    "{a}{b}{c}{d}{e}",
    "tel:+33-{a}-{b}-{c}-{d}-{e}",
    "  0{a} {b} {c} {d} {e}  ",
)


def written(national: str, form: str) -> str:
    """Return a national phone number (ten digits) in the given written form."""
    a, rest = national[1], national[2:]
    b, c, d, e = (rest[i : i + 2] for i in range(0, 8, 2))
    return form.format(a=a, b=b, c=c, d=d, e=e)


def mixed() -> list[list[str]]:
    """Return the town halls with invented rows among them, in every form."""
    draw = random.Random(20160601)  # noqa: S311 - the same rows every time
    table = list(TABLE)
    for position, number in enumerate(INVENTED):
        form = FORMS[position % len(FORMS)]
        row = [
            f"P{position}",
            "Prospect; \u00ab\u00a0invité\u00a0\u00bb",
            written(number, form),
        ]
        table.insert(draw.randrange(len(table) + 1), row)
    return table


def text_of(
    table: list[list[str]], *, delimiter: str = ";", quoting: int = csv.QUOTE_MINIMAL
) -> str:
    """Return a table as a CSV file with the header of the town halls."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator="\n")  # type: ignore[arg-type]
    writer.writerows([["code_commune", "nom", "telephone"], *table])
    return file.getvalue()


@pytest.fixture
def oppositions(tmp_path: Path) -> Path:
    """A list of invented numbers, in every form."""
    path = tmp_path / "oppositions.csv"
    lines = [written(n, FORMS[i % len(FORMS)]) for i, n in enumerate(LISTED)]
    path.write_text("telephone\n" + "".join(f"{line}\n" for line in lines), "utf-8")
    return path


def scrub(content: bytes, oppositions: Path) -> tuple[dict[str, int], dict[str, bytes]]:
    """Return the counts of a scrub, without zeros, and its outputs."""
    folder = oppositions.parent
    (folder / "calls.csv").write_bytes(content)
    outputs = [part for name in KINDS for part in (KINDS[name], folder / name)]
    done = run(
        *("scrub", folder / "calls.csv", "--against", oppositions, *outputs),
        *("--column", "telephone", "--format", "json"),
    )
    warnings = done.stderr.splitlines()
    assert done.code == 0
    # the scrub finds only the invented numbers
    assert all("reserved for works of fiction" in warning for warning in warnings)
    assert len(warnings) == (b"invit" in content.replace(b"\0", b""))
    summary = json.loads(done.stdout)
    found = {name: summary[name] for name in KINDS if summary[name]}
    assert sum(found.values()) == summary["rows"]
    return found, {name: (folder / name).read_bytes() for name in KINDS}


def test_no_town_hall_is_blocked(oppositions: Path) -> None:
    """The counts are those of `csv`, `phonenumbers` and a set, without the package."""
    expected = counts(TABLE, 2, keys(LISTED))

    found, outputs = scrub(TOWN_HALLS.read_bytes(), oppositions)

    assert found == expected == COUNTS
    assert outputs["blocked"] == b"code_commune;nom;telephone;bloctel\n"


def test_unusual_cells_get_the_expected_status(oppositions: Path) -> None:
    """Misplaced blanks are accepted; numbers with too few digits are invalid."""
    _, outputs = scrub(TOWN_HALLS.read_bytes(), oppositions)

    assert outputs["invalid"].decode().splitlines()[1:] == [
        "13055;Marseille;30 13;short_number",
        "13202;Marseille 2e Arrondissement;30 13;short_number",
        "79260;Saint-Jouin-de-Marnes;05 49 65 12 6;too_short",
        "13055SR02;Marseille — 2e secteur;30 13;short_number",
    ]
    clear = outputs["clear"].decode().splitlines()
    for row in (
        "80074;Becquigny;03 22 3 750 53",
        "80300;Falvy;03 22 88 365 0",
        "08401;Saulces-Champenoises;0324714563",
    ):
        assert row in clear


def test_spaces_in_odd_places_hide_no_number(tmp_path: Path) -> None:
    """An invented number that is written as `03 22 3 750 53` is found on the list."""
    path = tmp_path / "oppositions.csv"
    path.write_text("telephone\n+33 3 53 01 50 53\n+33 3 53 01 65 00\n")
    odd = "X1;A;03 53 0 150 53\nX2;B;03 53 01 650 0\nX3;C;03 53 01 65 0\n"

    found, outputs = scrub((CONTENT + odd).encode(), path)

    assert found == {"clear": 24_584, "blocked": 2, "invalid": 5}
    blocked = outputs["blocked"].decode().splitlines()[1:]
    assert [row[:2] for row in blocked] == ["X1", "X2"]


def test_listed_numbers_among_them_are_found_in_every_form(oppositions: Path) -> None:
    """Each row has the answer that `csv`, `phonenumbers` and a set give."""
    table, listed = mixed(), keys(LISTED)
    expected = counts(table, 2, listed)

    found, outputs = scrub(text_of(table).encode(), oppositions)

    assert found == expected
    assert found["blocked"] == len(LISTED)
    for name in KINDS:
        written = [row[:3] for row in rows(outputs[name].decode(), ";")]
        assert written == [row for row in table if kind(row[2], listed) == name]


ENCODINGS = {
    "UTF-8 with a mark": ("utf-8", codecs.BOM_UTF8),
    "cp1252": ("cp1252", b""),
    "UTF-16 LE": ("utf-16-le", codecs.BOM_UTF16_LE),
    "UTF-16 BE": ("utf-16-be", codecs.BOM_UTF16_BE),
    "UTF-16 LE without a mark": ("utf-16-le", b""),
}


@pytest.mark.parametrize(("encoding", "mark"), ENCODINGS.values(), ids=ENCODINGS)
def test_the_encoding_changes_no_count(
    encoding: str, mark: bytes, oppositions: Path
) -> None:
    """Each encoding gives the same counts, except for blanks that cp1252 lacks."""
    table = mixed()
    content = mark + text_of(table).encode(encoding, errors="replace")

    found, outputs = scrub(content, oppositions)

    # "?" for a narrow no-break space makes a number invalid
    lost = [row for row in table if b"?" in row[2].encode("cp1252", errors="replace")]
    expected = counts(table, 2, keys(LISTED))
    if encoding == "cp1252":
        for row in lost:
            expected[kind(row[2], keys(LISTED))] -= 1
        expected["invalid"] += len(lost)
    assert found == expected
    assert all(output.startswith(mark) for output in outputs.values())


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_the_dialect_changes_no_count(
    delimiter: str, quoting: int, ending: str, oppositions: Path
) -> None:
    """Delimiters, quotes and line ends are detected, and kept."""
    table = mixed()
    text = text_of(table, delimiter=delimiter, quoting=quoting).replace("\n", ending)

    found, outputs = scrub(text.encode(), oppositions)

    assert found == counts(table, 2, keys(LISTED))
    header = text[: text.index(ending)]
    assert outputs["clear"].decode().startswith(header + ending)


def test_the_independent_method_reads_every_form() -> None:
    """The independent method gives the same number for every form."""
    assert {key(written("0199000001", form)) for form in FORMS} == {199_000_001}
    assert [key(text) for text in ("30 13", "05 49 65 12 6", "")] == [None] * 3
