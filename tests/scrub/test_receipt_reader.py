"""Strict reader of receipts: anything else is refused, with the right error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from bloctel._util.canonical_json import canonical
from bloctel.errors import (
    DamagedReceiptError,
    NewerReceiptError,
    NotAReceiptError,
    ReceiptError,
)
from bloctel.scrub.receipts import parse, read
from bloctel.scrub.receipts.reader import LONGEST
from tests.helpers.doc_pages import ROOT
from tests.helpers.receipt_samples import EXAMPLE, FOLDER, edited, respelled
from tests.oracles import receipt as oracle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LINE = EXAMPLE.line


def refusal(line: bytes) -> type[ReceiptError]:
    """Return the error of a line, which the second verifier refuses too."""
    with pytest.raises(ReceiptError) as caught:
        parse(line, "x")

    assert not oracle.is_receipt(line)
    return type(caught.value)


def test_what_is_written_is_read() -> None:
    """A line gives the receipt that it came from, here and to the second verifier."""
    assert parse(LINE, "x") == EXAMPLE
    assert oracle.is_receipt(LINE)


def test_the_golden_receipt_is_what_the_page_shows() -> None:
    """The file never changes, and the page shows that file with line breaks."""
    page = (ROOT / "docs" / "reference" / "receipt-format.md").read_text()
    shown = page.partition("## An example")[2].split("```")[1].removeprefix("text")

    golden = (FOLDER / "example.json").read_bytes()

    assert read(FOLDER / "example.json") == EXAMPLE
    assert golden == LINE
    assert shown.replace("\n", "") + "\n" == golden.decode()


def test_every_altered_byte_is_found() -> None:
    """A changed bit is found, for each bit of each byte."""
    for at in range(len(LINE)):
        for bit in (0x01, 0x20, 0x80):
            altered = bytearray(LINE)
            altered[at] ^= bit
            refusal(bytes(altered))


def test_every_truncation_is_found() -> None:
    """A truncated receipt is refused, also if only the line feed is missing."""
    for end in range(len(LINE)):
        expected = DamagedReceiptError if end else NotAReceiptError
        assert refusal(LINE[:end]) is expected


def test_nothing_may_follow_or_come_before() -> None:
    """Bytes before or after the receipt are refused."""
    for line in (
        *(LINE + more for more in (b"\n", b" ", b"\0", b"{}\n", LINE, LINE[:9])),
        *(more + LINE for more in (b"\n", b" ", b"\xef\xbb\xbf", b"[")),
    ):
        refusal(line)


SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "a blank": lambda line: line.replace(b'":', b'": ', 1),
    "a member twice": lambda line: line.replace(b"{", b'{"version":1,', 1),
    "a member twice, the same": lambda line: line.replace(
        b'"version":1', b'"version":1,"version":1'
    ),
    "another order": lambda line: line.replace(
        b'"signature":null,"software":"bloctel 0.1.0"',
        b'"software":"bloctel 0.1.0","signature":null',
    ),
    "a fraction": lambda line: line.replace(b"33972", b"33972.0"),
    "an exponent": lambda line: line.replace(b"33972", b"33972e0"),
    "a sign": lambda line: line.replace(b"33972", b"-33972"),
    "minus zero": lambda line: line.replace(b"33972", b"-0"),
    "a leading zero": lambda line: line.replace(b"33972", b"033972"),
    "an escape that need not be": lambda line: line.replace(b"own", b"\\u006fwn"),
    "an escaped solidus": lambda line: line.replace(b"Europe/", b"Europe\\/"),
    "CR LF": lambda line: line.replace(b"\n", b"\r\n"),
    "UTF-16": lambda line: line.decode().encode("utf-16"),
    "NaN": lambda line: line.replace(b"33972", b"NaN"),
    "infinity": lambda line: line.replace(b"33972", b"Infinity"),
    "a huge number": lambda line: line.replace(b"33972", b"9" * 5000),
    "a number that is not exact": lambda line: line.replace(b"33972", b"9" * 16),
    "deep nesting": lambda line: line.replace(b"33972", b"[" * 100_000),
    "deep nesting that ends": lambda line: line.replace(
        b"33972", b"[" * 9_000 + b"]" * 9_000
    ),
    "half a surrogate pair": lambda line: line.replace(b"telephone", b"\\ud800"),
    "a raw control character": lambda line: line.replace(b"telephone", b"\t"),
    "bytes that are no UTF-8": lambda line: line.replace(b"telephone", b"\xff"),
    "a UTF-8 surrogate": lambda line: line.replace(b"telephone", b"\xed\xa0\x80"),
}


@pytest.mark.parametrize("change", SPELLINGS.values(), ids=SPELLINGS)
def test_there_is_one_spelling(change: Callable[[bytes], bytes]) -> None:
    """Each receipt has one JSON form; any other form of the same value is refused."""
    refusal(change(LINE))


NOT_RECEIPTS = {
    "nothing": b"",
    "a line feed": b"\n",
    "a call file": b"tel\n0199001234\n",
    "another object": b'{"a":1}\n',
    "an array": b"[1]\n",
    "null": b"null\n",
    "a snapshot": b"\x89BLOCT\r\n",
    "too long": b'"' + b"x" * LONGEST + b'"\n',
    "another format": canonical({"format": "x", "version": 1}) + b"\n",
}


@pytest.mark.parametrize("line", NOT_RECEIPTS.values(), ids=NOT_RECEIPTS)
def test_other_content_is_not_a_receipt(line: bytes) -> None:
    """Content that is not a receipt raises NotAReceiptError."""
    assert refusal(line) is NotAReceiptError


@pytest.mark.parametrize("more", [{}, {"seal": 1}, {"input": None}])
def test_a_later_version_has_an_error_of_its_own(more: dict[str, object]) -> None:
    """A receipt of a later version raises NewerReceiptError, whatever its content."""
    record = json.loads(LINE) | {"version": 2} | more

    assert refusal(respelled(record)) is NewerReceiptError
    assert refusal(json.dumps(record, indent=1).encode()) is NewerReceiptError


@pytest.mark.parametrize("version", [0, -1, True, "1", None, 1.0])
def test_there_is_no_version_before(version: object) -> None:
    """A version below 1, or one that is not an integer, is damage."""
    assert refusal(respelled(json.loads(LINE) | {"version": version})) in (
        DamagedReceiptError,
    )


EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a member more": lambda r: r.update(note="x"),
    "a member less": lambda r: r.pop("region"),
    "a member of a part more": lambda r: r["input"].update(path="/x"),
    "counts that do not add up": lambda r: r["counts"].update(rows=999),
    "reasons that do not": lambda r: r["invalid_reasons"].update(empty=1),
    "lists that do not": lambda r: r["blocked_lists"].update(own=74),
    "a negative count": lambda r: r["counts"].update(clear=-1),
    "true as a count": lambda r: r["input"].update(size=True),
    "a count with a fraction": lambda r: r["input"].update(size=1.0),
    "a huge count": lambda r: r["input"].update(size=10**30),
    "a count as text": lambda r: r["input"].update(size="1"),
    "a count beyond 2^53": lambda r: r["input"].update(size=2**53),
    "no list": lambda r: r.update(lists=[]),
    "a list twice": lambda r: r["lists"].append(r["lists"][0]),
    "lists as an object": lambda r: r.update(lists={}),
    "an invalid day": lambda r: r.update(valid_until="2026-02-30"),
    "a day in another form": lambda r: r["lists"][0].update(on="20261006"),
    "a week": lambda r: r["lists"][0].update(on="2026-W41-2"),
    "a later end than its lists": lambda r: r.update(valid_until="2026-11-06"),
    "a moment elsewhere": lambda r: r.update(made_at="2026-10-06T08:00:00+02:00"),
    "a moment with a fraction": lambda r: r.update(made_at="2026-10-06T08:00:00.5Z"),
    "an invalid moment": lambda r: r.update(made_at="2026-10-06T24:00:00Z"),
    "a leap second": lambda r: r.update(made_at="2026-10-06T23:59:60Z"),
    "a digest in capitals": lambda r: r["input"].update(sha256="A" * 64),
    "a short digest": lambda r: r["input"].update(sha256="a" * 63),
    "a digest and a line feed": lambda r: r["input"].update(sha256="a" * 64 + "\n"),
    "a name that is a path": lambda r: r["input"].update(name="../x.csv"),
    "a name that is a folder": lambda r: r["input"].update(name=".."),
    "an empty name": lambda r: r["input"].update(name=""),
    "a long name": lambda r: r["input"].update(name="x" * 256),
    "an output of a strange kind": lambda r: r["outputs"].update({"A": r["input"]}),
    "an output named input": lambda r: r["outputs"].update(input=r["input"]),
    "column 0": lambda r: r.update(columns=[0]),
    "a column beyond 2^31": lambda r: r.update(columns=[2**31]),
    "null as a column": lambda r: r.update(columns=[None]),
    "a list's name of digits": lambda r: r["lists"][0].update(name="0199001234"),
    "a time zone that is a path": lambda r: r["lists"][0].update(time_zone="../x"),
    "no days": lambda r: r["lists"][0].update(days=0),
    "an invalid certainty": lambda r: r["lists"][0].update(certainty="V9"),
    "a certainty of another kind": lambda r: r["lists"][0].update(certainty=["R"]),
    "no source": lambda r: r["lists"][0].update(source=""),
    "other software": lambda r: r.update(software="something 1"),
    "a region of digits": lambda r: r.update(region="0199001234"),
    "another kind": lambda r: r["against"].update(kind="guess"),
    "a snapshot without its day": lambda r: r["against"].update(built_on=None),
    "a snapshot with a digest": lambda r: r["against"].update(sha256="a" * 64),
    "a registry with a day": lambda r: r["against"].update(kind="registry"),
    "a file with a registry": lambda r: r["against"].update(kind="file"),
    "an identity in capitals": lambda r: r["against"].update(
        registry=r["against"]["registry"].upper()
    ),
    "an identity of digits": lambda r: r["against"].update(registry=5),
    "a first one that follows": lambda r: r["journal"].update(previous="a" * 64),
    "a second one that does not": lambda r: r["journal"].update(number=2),
    "number 0": lambda r: r["journal"].update(number=0, previous="a" * 64),
    "a signature without a value": lambda r: r.update(signature={}),
    "a signature of another kind": lambda r: r.update(
        signature={"algorithm": "none", "public_key": "a" * 64, "value": "a" * 128}
    ),
    "a part as text": lambda r: r.update(input="prospects.csv"),
    "a part as an array": lambda r: r.update(outputs=[]),
    "a reason in capitals": lambda r: r.update(invalid_reasons={"TOO_SHORT": 4}),
}


@pytest.mark.parametrize("change", EDITS.values(), ids=EDITS)
def test_a_fitting_digest_does_not_help(
    change: Callable[[dict[str, Any]], object],
) -> None:
    """Content that our writer never makes is refused, even with the right digest."""
    assert refusal(edited(change)) is DamagedReceiptError


def test_an_edit_of_a_value_gives_another_receipt() -> None:
    """A receipt with another valid size and a new digest is accepted."""
    line = edited(lambda record: record["input"].update(size=1))

    assert parse(line, "x") == replace(EXAMPLE, input=replace(EXAMPLE.input, size=1))
    assert oracle.is_receipt(line)


def test_a_refusal_does_not_repeat_what_it_read() -> None:
    """The error does not repeat what was read, because it could be a phone number."""
    for line in (
        edited(lambda record: record.update(region="0199001234")),
        b'{"against":0199001234}\n',
        b"0199001234\n",
    ):
        with pytest.raises(ReceiptError) as caught:
            parse(line, "x")
        assert "0199" not in repr(caught.value)
        assert "0199" not in str(caught.value.__context__ or "")


def test_a_file_that_cannot_be_read_is_an_error_of_ours(tmp_path: Path) -> None:
    """A folder, a missing file and an endless device raise our error."""
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(ReceiptError, match="cannot be read"):
            read(path)
    with pytest.raises(NotAReceiptError):
        read("/dev/zero")
