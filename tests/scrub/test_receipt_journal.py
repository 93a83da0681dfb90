"""Journal of receipts: append-only; every alteration is found."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from bloctel._util import atomic_files
from bloctel.errors import (
    DamagedReceiptError,
    NotAReceiptError,
    ReceiptError,
    TruncatedJournalError,
)
from bloctel.scrub.receipts import Journal, Receipt, SigningKey, check_journal
from bloctel.scrub.receipts.signatures import is_signed
from tests.helpers.receipt_samples import EXAMPLE, FOLDER, chain
from tests.oracles import receipt as oracle

if TYPE_CHECKING:
    from pathlib import Path

    from bloctel.scrub.receipts import JournalPosition

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


def lines(receipts: list[Receipt]) -> list[bytes]:
    """Return receipts as lines."""
    return [receipt.line for receipt in receipts]


def append(path: Path) -> Receipt:
    """Append the example receipt to a journal."""

    def make(position: JournalPosition) -> Receipt:
        return replace(EXAMPLE, journal=position)

    return Journal(path).append(make)


def refusal(path: Path) -> ReceiptError:
    """Return the error of a journal, which the second verifier refuses too."""
    with pytest.raises(ReceiptError) as caught:
        list(Journal(path).receipts())
    assert not oracle.is_complete(path.read_bytes())
    return caught.value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of five receipts."""
    path = tmp_path / "j.jsonl"
    path.write_bytes(b"".join(lines(chain(5))))
    return path


def test_each_receipt_is_tied_to_the_one_before(tmp_path: Path) -> None:
    """Receipts are numbered from 1; each has the digest of the receipt before it."""
    path = tmp_path / "j.jsonl"

    made = [append(path) for _ in range(3)]

    assert made == chain(3) == list(Journal(path).receipts())
    assert path.read_bytes() == b"".join(lines(made))
    assert oracle.is_complete(path.read_bytes())
    assert Journal(path).receipt(2) == made[1]


def test_the_golden_journal_is_read_and_goes_on(tmp_path: Path) -> None:
    """A journal of an earlier version is read, and its signatures are valid."""
    path = tmp_path / "j.jsonl"
    path.write_bytes((FOLDER / "journal.jsonl").read_bytes())

    append(path)

    receipts = list(Journal(path).receipts())
    assert [is_signed(receipt) for receipt in receipts] == [True] * 3 + [False]
    assert all(oracle.is_signed(receipt.line) for receipt in receipts[:3])
    assert oracle.is_complete(path.read_bytes())


def test_an_empty_journal_is_whole(tmp_path: Path) -> None:
    """An empty journal is valid, and has no receipts."""
    path = tmp_path / "j.jsonl"
    path.touch()

    Journal(path).check()

    assert list(Journal(path).receipts()) == []
    assert append(path).journal == chain(1)[0].journal


def rebuilt(change: str) -> list[bytes]:
    """Return the lines of five receipts after an alteration."""
    five = lines(chain(5))
    other = lines([*chain(4)[:3], replace(EXAMPLE, region="BE")])
    return {
        "reordered": [five[0], five[2], five[1], *five[3:]],
        "first two exchanged": [five[1], five[0], *five[2:]],
        "one removed": [*five[:2], *five[3:]],
        "the first removed": five[1:],
        "one twice": [*five[:3], five[2], *five[3:]],
        "another receipt instead": [
            *five[:2],
            replace(chain(3)[2], region="BE").line,
            *five[3:],
        ],
        "one outside of a journal": [*five, replace(EXAMPLE, journal=None).line],
        "two joined": [*five, *five],
        "an empty line": [*five[:2], b"\n", *five[2:]],
        "one of another journal": [*five[:3], other[3], five[4]],
    }[change]


@pytest.mark.parametrize(
    "change",
    [
        "reordered",
        "first two exchanged",
        "one removed",
        "the first removed",
        "one twice",
        "another receipt instead",
        "one outside of a journal",
        "two joined",
        "an empty line",
        "one of another journal",
    ],
)
def test_whatever_is_done_to_a_chain_is_found(change: str, tmp_path: Path) -> None:
    """Each receipt is valid by itself, but the order of the receipts is wrong."""
    path = tmp_path / "j.jsonl"
    path.write_bytes(b"".join(rebuilt(change)))

    assert isinstance(refusal(path), DamagedReceiptError | NotAReceiptError)
    if change != "an empty line":
        check = check_journal(chain(5)[4], Journal(path))
        assert not check.agrees
        assert "line " in check.got


def test_a_journal_whose_end_was_cut_misses_the_later_receipt(path: Path) -> None:
    """A journal without its last line looks valid; the receipt shows that it is cut."""
    last = chain(5)[4]
    assert check_journal(last, Journal(path)).agrees
    path.write_bytes(b"".join(lines(chain(5))[:4]))

    check = check_journal(last, Journal(path))

    assert len(list(Journal(path).receipts())) == 4
    assert not check.agrees
    assert check.got == "4 receipts without it"


def test_a_receipt_of_another_journal_is_found(path: Path) -> None:
    """A receipt of another journal does not agree, because its digest differs."""
    other = replace(chain(5)[4], region="BE")
    alone = replace(EXAMPLE, journal=None)

    digest = Journal(path).receipt(5).digest
    assert check_journal(other, Journal(path)).got == f"digest {digest}"
    assert not check_journal(alone, Journal(path)).agrees


def test_every_altered_byte_of_the_middle_is_found(path: Path) -> None:
    """An altered byte is found in a line, and in the line feeds around it."""
    content = path.read_bytes()
    start = content.index(b"\n")
    for at in range(start, content.index(b"\n", start + 1) + 1, 3):
        altered = bytearray(content)
        altered[at] ^= 1
        path.write_bytes(altered)
        with pytest.raises(ReceiptError):
            list(Journal(path).receipts())


def test_half_a_line_is_found_and_never_written_over(path: Path) -> None:
    """Nothing is appended, complete lines are read, the error says what to do."""
    content = path.read_bytes()
    for cut in (1, 100, len(lines(chain(5))[4]) - 1):
        path.write_bytes(content[:-cut])

        for write in (append, lambda path: Journal(path).check()):
            with pytest.raises(TruncatedJournalError, match="bloctel receipt mend"):
                write(path)

        found: list[Receipt] = []
        with pytest.raises(TruncatedJournalError, match="line 5"):
            found.extend(Journal(path).receipts())
        assert found == chain(4)[: len(found)]
        assert path.read_bytes() == content[:-cut]
        check = check_journal(chain(4)[3], Journal(path))
        assert check.agrees
        assert check.got.endswith("an incomplete last line")


def test_mending_moves_the_half_line_aside(path: Path) -> None:
    """`mend` moves an incomplete last line to another file; then the journal works."""
    whole = b"".join(lines(chain(4)))
    path.write_bytes(path.read_bytes()[:-9])
    half = path.read_bytes()[len(whole) :]

    moved_to = Journal(path).mend()

    assert moved_to is not None
    assert moved_to.read_bytes() == half
    assert path.read_bytes() == whole
    assert Journal(path).mend() is None
    assert append(path) == chain(5)[4]


def test_a_journal_that_is_one_half_line_is_mended(tmp_path: Path) -> None:
    """The line is moved, also if a crash left zeros instead of text."""
    path = tmp_path / "j.jsonl"
    path.write_bytes(b"\0" * 20_000)

    with pytest.raises(TruncatedJournalError):
        append(path)
    Journal(path).mend()

    assert append(path) == chain(1)[0]


@pytest.mark.parametrize("n", [0, 6, 10**12])
def test_a_number_that_is_not_there_is_an_error(n: int, path: Path) -> None:
    """The error about a missing receipt says how many receipts the journal has."""
    with pytest.raises(ReceiptError, match="got a journal of 5 receipts"):
        Journal(path).receipt(n)


@posix
def test_what_is_no_journal_stays_as_it_is(tmp_path: Path) -> None:
    """Other files, folders and pipes are refused, and do not change."""
    calls, own, pipe = (tmp_path / name for name in ("c.csv", "r.json", "pipe"))
    calls.write_bytes(b"tel\n0199001234\n")
    own.write_bytes(replace(EXAMPLE, journal=None).line)
    os.mkfifo(pipe)
    for path in (calls, own, pipe, tmp_path, tmp_path / "no" / "j.jsonl"):
        before = path.read_bytes() if path.is_file() else None
        for use in (append, lambda path: Journal(path).check()):
            with pytest.raises(ReceiptError):
                use(path)
        assert before is None or path.read_bytes() == before


def test_a_full_disk_leaves_the_journal_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is unchanged, also if a part of the line was written."""
    content = path.read_bytes()

    def full(descriptor: int) -> None:
        assert len(path.read_bytes()) > len(content)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(ReceiptError, match="No space left"):
            append(path)

    assert path.read_bytes() == content
    assert append(path).journal is not None


def test_a_journal_that_is_replaced_while_one_waits_is_opened_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the journal was replaced meanwhile, the line is written to the new file."""
    calls: list[int] = []

    def locked(descriptor: int, *, shared: bool = False) -> object:
        if not calls:
            path.rename(path.with_name("old.jsonl"))
        calls.append(descriptor)
        return atomic_files.locked(descriptor, shared=shared)

    monkeypatch.setattr("bloctel.scrub.receipts.journal.locked", locked)

    append(path)

    assert list(Journal(path).receipts()) == chain(1)
    assert list(Journal(path.with_name("old.jsonl")).receipts()) == chain(5)


def test_a_signature_that_was_taken_away_breaks_the_chain(tmp_path: Path) -> None:
    """A removed signature breaks the hash chain, because the digest covers it."""
    key = SigningKey.create(tmp_path / "key.pem")
    signed = chain(3, key)
    path = tmp_path / "j.jsonl"
    path.write_bytes(b"".join(lines([replace(signed[0], signature=None), *signed[1:]])))

    assert isinstance(refusal(path), DamagedReceiptError)
