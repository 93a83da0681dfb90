"""Files that the operators of registers hand out replace the content of a list."""

from __future__ import annotations

import io
import zipfile
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bloctel import (
    InputError,
    NotKnownError,
    Registry,
    Snapshot,
    UnknownListError,
    normalize,
    scrub_frame,
)
from bloctel.bulk import ImportedRegister, import_register

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 11, 2)
LATER = date(2026, 11, 23)
XML = """<?xml version='1.0' encoding='UTF-8'?>
<list type='full' level='ac' val='416'>
<ac val='416'>
<ph val='5550100'/> <ph val='5550101'/>
</ac>
</list>
"""


def lines(*suffixes: int, area: int = 212, end: str = "\n") -> str:
    """Return a text file with the numbers 555-0100 + suffix of an area code."""
    return "".join(f"{area},55501{suffix:02}{end}" for suffix in suffixes)


def zipped(*texts: str) -> io.BytesIO:
    """Return a zip archive with text files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for index, text in enumerate(texts):
            archive.writestr(f"{index}.txt", text)
    return file


def us(
    registry: Registry, *texts: str, on: date = DAY, allow_fewer: bool = False
) -> ImportedRegister:
    """Import a zip archive of text files into `us.dnc`."""
    return import_register(
        registry,
        zipped(*texts),
        list="us.dnc",
        layout="us-dnc",
        on=on,
        allow_fewer=allow_fewer,
    )


def refused(registry: Registry, text: str | bytes, **options: object) -> str:
    """Return the message with which a file is refused; nothing changes."""
    before = registry.journal_position()
    data = text.encode() if isinstance(text, str) else text
    given = {"list": "us.dnc", "layout": "us-dnc", "on": DAY, **options}
    with pytest.raises(InputError) as error:
        import_register(registry, io.BytesIO(data), **given)  # type: ignore[arg-type]
    assert registry.journal_position() == before
    assert "5550" not in str(error.value.got)
    return str(error.value)


@pytest.fixture
def registry() -> Registry:
    """A registry with the lists that are handed out as files, and the list `own`."""
    lists = ["us.dnc", "ca.dncl", "gb.tps", "own"]
    return Registry.create("memory:", region="US", lists=lists)


def status(
    book: Registry | Snapshot, number: str, on: date = DAY, list: str = "us.dnc"
) -> str:
    """Return the reason of a look-up in one list."""
    return book.check(number, on=on, lists=[list]).reason


def test_before_the_first_file_nothing_is_clear(registry: Registry) -> None:
    """Only numbers of other regions, which are never on the list, are clear."""
    assert status(registry, "212-555-0100") == "not_known"
    for number in ("+33 1 99 00 12 34", "416-555-0100", "+44 20 7946 0123"):
        assert status(registry, number) == "not_listed"
    with pytest.raises(NotKnownError, match=r"no imported file .* covers the phone"):
        registry.is_blocked("212-555-0100", on=DAY)


def test_a_file_covers_its_area_code_for_31_days(registry: Registry) -> None:
    """Listed numbers are blocked, others of the area code clear, until it is stale."""
    assert us(registry, lines(*range(20))) == (20, 1, 20, 0)

    last = DAY + timedelta(days=30)
    for day in (DAY, last):
        assert status(registry, "212-555-0100", day) == "registered"
        assert status(registry, "212-555-0150", day) == "not_listed"
        assert status(registry, "646-555-0100", day) == "not_known"
    stale = last + timedelta(days=1)
    assert status(registry, "212-555-0100", stale) == "registered"
    assert status(registry, "212-555-0150", stale) == "stale_answer"
    with pytest.raises(NotKnownError, match=r"too old: .* import a newer file"):
        registry.is_blocked("212-555-0150", on=stale)
    assert status(registry, "212-555-0150", DAY - timedelta(days=1)) == "not_known"


def test_a_newer_file_replaces_its_area_codes_only(registry: Registry) -> None:
    """Numbers that are missing end on the day of the file; other areas stay."""
    us(registry, lines(*range(20)), lines(*range(20), area=646))

    assert us(registry, lines(*range(1, 21)), on=LATER) == (20, 1, 1, 1)

    yesterday = LATER - timedelta(days=1)
    assert status(registry, "212-555-0100", yesterday) == "registered"
    assert status(registry, "212-555-0100", LATER) == "period_ended"
    assert status(registry, "212-555-0120", yesterday) == "not_yet_protected"
    assert status(registry, "212-555-0120", LATER) == "registered"
    assert status(registry, "646-555-0100", LATER) == "registered"
    stale = DAY + timedelta(days=31)
    assert status(registry, "212-555-0150", stale) == "not_listed"
    assert status(registry, "646-555-0150", stale) == "stale_answer"
    assert us(registry, lines(*range(20)), on=LATER) == (20, 1, 1, 1)
    assert status(registry, "212-555-0100", LATER) == "registered"


def test_a_second_import_changes_nothing(registry: Registry) -> None:
    """The same file, with other line ends and repetitions, makes no change."""
    us(registry, lines(1, 2, 3))
    before = registry.journal_position()

    assert us(registry, lines(3, 2, 1, 1, end="\r\n")) == (4, 1, 0, 0)

    assert registry.journal_position() == before


def test_an_older_file_is_refused(registry: Registry) -> None:
    """A file that is older than an imported file of its area is refused."""
    us(registry, lines(1), on=LATER)

    got = refused(registry, lines(1), n_numbers=1)

    assert "older than the file of 2026-11-23" in got
    us(registry, lines(1, area=646))


def test_too_few_numbers_are_refused(registry: Registry) -> None:
    """A file without many of the known numbers needs `allow_fewer`."""
    us(registry, lines(*range(20)))

    got = refused(registry, lines(*range(17)), n_numbers=17, on=LATER)

    assert "the file lacks 3 of the 20 numbers of the area +1212" in got
    assert us(registry, lines(*range(17)), on=LATER, allow_fewer=True)[2:] == (0, 3)


def test_a_text_file_needs_its_number_of_lines(registry: Registry) -> None:
    """A text file outside of an archive does not show that it is complete."""
    text = lines(1, 2)

    assert "number of its lines" in refused(registry, text)
    assert "expected 3 phone numbers, got 2" in refused(registry, text, n_numbers=3)
    assert refused(registry, text[:-3], n_numbers=2).endswith("line 2")
    assert "without phone numbers" in refused(registry, "", n_numbers=0)
    done = import_register(
        registry,
        io.BytesIO(text[:-1].encode()),  # the last line may have no end
        list="us.dnc",
        layout="us-dnc",
        on=DAY,
        n_numbers=2,
    )
    assert done.registered == 2


@pytest.mark.parametrize(
    "line",
    [
        *("212-5550104", "112,5550104", "212,555010", "212,55501045", ""),
        *("212,555o104", "212,5550104,D,2026-11-01", "212;5550104", "\ufeff12,555010"),
    ],
)
def test_a_line_that_does_not_fit_is_named(registry: Registry, line: str) -> None:
    """The error names the line, without its digits, and mentions lists of changes."""
    text = f"{lines(1, 2)}{line}\n{lines(3)}"

    got = refused(registry, text, n_numbers=4)

    assert got.endswith("line 3")
    assert "a list of changes cannot be imported" in got


def test_xml_of_one_area_code(registry: Registry) -> None:
    """Both the valid XML and the published form, <list ... />, are read."""
    for text in (XML, XML.replace("val='416'>\n<ac", "val='416' />\n<ac")):
        done = import_register(
            registry,
            io.BytesIO(text.encode()),
            list="ca.dncl",
            layout="ca-dncl",
            on=DAY,
        )
        assert done.rows == 2
    assert status(registry, "416-555-0101", list="ca.dncl") == "registered"
    assert status(registry, "416-555-0102", list="ca.dncl") == "not_listed"
    assert status(registry, "905-555-0102", list="ca.dncl") == "not_known"
    assert not registry.is_blocked("+33 1 99 00 12 34", on=DAY)


def test_xml_of_the_whole_list(registry: Registry) -> None:
    """A national file contains several area codes."""
    whole = XML.replace("level='ac' val='416'", "level='all' val=''")
    whole = whole.replace("</list>", "<ac val='905'><ph val='5550100'/></ac></list>")

    done = import_register(
        registry, zipped(whole), list="ca.dncl", layout="ca-dncl", on=DAY
    )

    assert done == (3, 2, 3, 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'full'", "'change'"),
        ("</list>", ""),
        ("</list>", "</list><x/>"),
        ("'5550101'", "'550101'"),
        ("'5550101'", "'55501011'"),
        ("<ph val='5550101'/>", "<ph/>"),
        ("<ph val='5550101'/>", "5550101"),
        ("<ph val='5550101'/>", "<add val='5550101'/>"),
        ("<ac val='416'>", "<ac val='905'>"),
        ("<list", "<!DOCTYPE list [<!ENTITY a 'aaaa'>]><list"),
    ],
)
def test_other_xml_is_refused(registry: Registry, old: str, new: str) -> None:
    """Lists of changes, truncated files, entities and other elements are refused."""
    got = refused(registry, XML.replace(old, new, 1), list="ca.dncl", layout="ca-dncl")

    assert "the full list" in got
    assert ", line " in got


BRITISH = {
    "0207 9460123": "020 7946 0123",
    "01632 960123": "01632 960123",
    "07700 900123": "07700 900123",
    "0191 4980123": "0191 498 0123",
    "02079460124 ": "020 7946 0124",
    "07700900124 ": "07700 900124",
}


def test_british_lines(registry: Registry) -> None:
    """Numbers have 12 characters, with the spaces inside or at the end."""
    text = "".join(f"{line}\r\n" for line in BRITISH)

    done = import_register(
        registry, zipped(text), list="gb.tps", layout="uk-tps", on=DAY
    )

    assert done == (6, 1, 6, 0)
    for number in BRITISH.values():
        found = registry.check(number, on=DAY, lists=["gb.tps"], region="GB")
        assert found.reason == "registered"
    assert status(registry, "+44 1632 960999", list="gb.tps") == "not_listed"
    stale = DAY + timedelta(days=28)
    assert status(registry, "+44 1632 960999", stale, "gb.tps") == "stale_answer"
    assert status(registry, "+33 1 99 00 12 34", stale, "gb.tps") == "not_listed"


def test_a_number_of_another_length_ends(registry: Registry) -> None:
    """A newer file ends numbers of all lengths, also of those that it lacks."""
    short, long, other = 441632960, 441632960123, 441632960124
    for day, keys, n_ended in ((DAY, [short, long, other], 0), (LATER, [long], 2)):
        done = registry.replace_numbers(
            np.array(keys, np.uint64),
            list="gb.tps",
            on=day,
            area_digits=2,
            allow_fewer=True,
        )
        assert done.ended == n_ended
    for key, reason in ((short, "period_ended"), (long, "registered")):
        assert status(registry, f"+{key}", LATER, "gb.tps") == reason


def test_an_erasure_keeps_the_numbers_of_files(registry: Registry) -> None:
    """An erased number is still blocked on a list that its operator maintains."""
    us(registry, lines(*range(20)))
    for _ in range(2):
        registry.register("212-555-0100", list="own", on=DAY)
        assert registry.forget("212-555-0100", on=LATER) == 1
    assert status(registry, "212-555-0100", LATER) == "registered"
    assert status(registry, "212-555-0100", LATER, "own") == "not_listed"


@pytest.mark.parametrize(
    "line",
    [
        *("01632  960123", "1632 960123 ", "01632 96012 ", "01 32 960123"),
        *(" 01632960123", "016329601234", "0163 2960 12", "0123        "),
        *("01632-960123", XML),
    ],
)
def test_other_british_lines_are_refused(registry: Registry, line: str) -> None:
    """The columns, the first 0 and the number of digits must fit."""
    text = f"01632 960100\r\n{line}\r\n"

    got = refused(registry, text, list="gb.tps", layout="uk-tps", n_numbers=2)

    assert got.endswith("line 2")


def test_damaged_and_implausible_archives_are_refused(registry: Registry) -> None:
    """Truncated archives, wrong checksums, bombs and pipes are refused."""
    data = zipped(lines(*range(99))).getvalue()

    assert "damaged" in refused(registry, data[:-30])
    assert "damaged" in refused(registry, data[:60] + b"\0\0" + data[62:])
    for joined in (data + data, lines(1).encode() + data, data + lines(1).encode()):
        assert "joined to other data" in refused(registry, b"PK\3\4" + joined)
        assert "joined to other data" in refused(registry, data + joined)
    assert "plausible size" in refused(registry, zipped("0" * 70_000_000).getvalue())
    assert "file '0.txt', line 1" in refused(registry, zipped("x").getvalue())


def test_layouts_and_lists_must_fit(registry: Registry) -> None:
    """A layout is accepted only for the list of its register."""
    assert "one of the layouts us-dnc" in refused(registry, "", layout="pdf")
    for name in ("own", "gb.tps", "ca.dncl"):
        assert "whose files have the layout" in refused(registry, "", list=name)
    with pytest.raises(UnknownListError):
        import_register(
            registry, zipped(lines(1)), list="us.dnc:brand-a", layout="us-dnc", on=DAY
        )
    later = date(2030, 1, 1)
    assert "a day up to today" in refused(registry, lines(1), n_numbers=1, on=later)


def test_only_files_change_such_a_list(registry: Registry) -> None:
    """Other changes are refused, because the next file would undo them."""
    us(registry, lines(1))

    with pytest.raises(InputError, match="come only from the files of its operator"):
        registry.register("212-555-0150", list="us.dnc")
    with pytest.raises(InputError, match="come only from"):
        registry.withdraw("212-555-0101", list="us.dnc")
    none = np.empty(0, np.uint64)
    key = np.array([normalize("+1 646 555 0150").key], np.uint64)
    with pytest.raises(InputError, match="come only from"):
        registry.record_answers(list="us.dnc", on=DAY, opposed=none, clear=key)


@pytest.mark.parametrize("list", ["us.dnc", "own"])
def test_people_cannot_put_a_number_on_a_list_of_cleared_numbers(list: str) -> None:
    """A number on such a list can be clear, so it is no list for objections."""
    cleared, number = f"{list}.cleared", "+1 646 555 0150"
    registry = Registry.create("memory:", lists=[list, cleared])
    keys = np.array([normalize(number).key], np.uint64)

    for change in (
        lambda: registry.register(number, list=cleared),
        lambda: registry.register_many([number], list=cleared),
        lambda: registry.register_parts([(keys, None)], list=cleared),
        lambda: registry.request(number, "zoe@example.org", list=cleared),
        lambda: registry.record_answers(
            list=cleared, on=DAY, opposed=keys, clear=keys[:0]
        ),
        lambda: registry.allow_prefix("+1646", list=cleared),
        lambda: registry.block_prefix("+1646", list=cleared),
    ):
        with pytest.raises(InputError, match=f"give the name {list}"):
            change()
    assert registry.check(number, on=DAY, lists=list).reason == "not_known"


def test_a_snapshot_and_a_scrub_give_the_same_answers(tmp_path: Path) -> None:
    """A snapshot contains which area codes are covered, and until when."""
    url = f"sqlite:///{tmp_path}/lists.db"
    with Registry.create(url, region="US", lists=["us.dnc"]) as registry:
        us(registry, lines(*range(20)))
        registry.build_snapshot(tmp_path / "us.bloctel", on=LATER)

    with Snapshot.open(tmp_path / "us.bloctel") as book:
        assert status(book, "212-555-0100", LATER) == "registered"
        assert status(book, "212-555-0150", LATER) == "not_listed"
        assert status(book, "646-555-0150", LATER) == "not_known"
        stale = DAY + timedelta(days=31)
        assert status(book, "212-555-0150", stale) == "stale_answer"
        (asked,) = book.question(on=LATER, lists=["us.dnc"]).requested_lists
        assert asked.known_until == stale
        calls = pl.DataFrame(
            {"phone": ["212-555-0100", "212-555-0150", "646-555-0150"]}
        )
        done = scrub_frame(calls, book.question(on=LATER), columns="phone")
    reasons = done["bloctel_reason"].to_list()
    assert reasons == ["us.dnc since 2026-11-02", None, "us.dnc not known"]


@settings(deadline=None)
@given(st.lists(st.sets(st.integers(0, 99), min_size=1), min_size=1, max_size=4))
def test_the_last_file_decides(files: list[set[int]]) -> None:
    """After any sequence of files, exactly the numbers of the last file are blocked."""
    registry = Registry.create("memory:", region="US", lists=["us.dnc"])
    for index, numbers in enumerate(files):
        us(
            registry,
            lines(*numbers),
            on=DAY + timedelta(days=index // 2),
            allow_fewer=True,
        )

    on = DAY + timedelta(days=(len(files) - 1) // 2)
    column = [f"212-555-01{suffix:02}" for suffix in range(100)]
    found = registry.is_blocked_many(column, on=on).tolist()

    assert found == [suffix in files[-1] for suffix in range(100)]
