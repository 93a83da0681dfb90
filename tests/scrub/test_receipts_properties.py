"""Receipts of any content, and any change to the files that they prove."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bloctel._util.canonical_json import canonical
from bloctel.errors import ReceiptError
from bloctel.rules import Certainty
from bloctel.scrub.receipts import (
    Against,
    Counts,
    FileDigest,
    Journal,
    JudgedList,
    Receipt,
    ReceiptOptions,
    SigningKey,
    check_files,
    check_journal,
    check_signature,
    files_in,
    parse,
    read,
)
from tests.helpers.receipt_samples import EXAMPLE, respelled, scrubbed, write_files
from tests.oracles import receipt as oracle

HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
COUNTS = st.integers(0, 2**40)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
NAMES = TEXTS.filter(
    lambda name: name not in (".", "..") and not set("/\0") & set(name)
)
DAYS = st.dates(date(2016, 6, 1), date(2100, 1, 1))
KINDS = st.sampled_from(["clear", "blocked", "invalid", "annotated"])
CODES = st.from_regex("[a-z][a-z0-9_]{0,31}", fullmatch=True)
LISTS = st.from_regex("[a-z][a-z0-9.-]{0,63}(:[a-z][a-z0-9-]{0,31})?", fullmatch=True)
DIGESTS = st.builds(FileDigest, name=st.none() | NAMES, size=COUNTS, sha256=HEX)
AGAINST = (
    st.builds(Against, kind=st.just("registry"), registry=st.uuids(), generation=COUNTS)
    | st.builds(
        Against,
        kind=st.just("snapshot"),
        name=st.none() | NAMES,
        registry=st.none() | st.uuids(),
        generation=COUNTS,
        built_on=DAYS,
    )
    | st.builds(
        Against, kind=st.just("file"), name=st.none() | NAMES, size=COUNTS, sha256=HEX
    )
)
JUDGED = st.builds(
    JudgedList,
    name=LISTS,
    on=DAYS,
    time_zone=st.sampled_from(["Europe/Paris", "UTC", "America/Port-au-Prince"]),
    valid_until=DAYS,
    days=st.integers(1, 3650),
    source=TEXTS,
    certainty=st.sampled_from(Certainty),
)


@st.composite
def receipts(draw: st.DrawFn) -> Receipt:
    """Any receipt that agrees with itself."""
    reasons = draw(st.dictionaries(CODES, COUNTS, max_size=3))
    blocked = draw(st.dictionaries(LISTS, COUNTS, max_size=3))
    clear = draw(COUNTS)
    n_blocked, n_invalid = sum(blocked.values()), sum(reasons.values())
    lists = draw(
        st.lists(JUDGED, min_size=1, max_size=3, unique_by=lambda judged: judged.name)
    )
    moments = st.integers(1_464_739_200, 4_102_444_800)
    return replace(
        EXAMPLE,
        input=draw(DIGESTS),
        outputs=draw(st.dictionaries(KINDS, DIGESTS)),
        columns=tuple(draw(st.lists(TEXTS | st.integers(1, 2**31 - 1), max_size=3))),
        region=draw(st.none() | st.sampled_from(["FR", "BE"])),
        against=draw(AGAINST),
        lists=tuple(lists),
        counts=Counts(
            rows=clear + n_blocked + n_invalid,
            clear=clear,
            blocked=n_blocked,
            invalid=n_invalid,
        ),
        invalid_reasons=reasons,
        blocked_lists=blocked,
        made_at=datetime.fromtimestamp(draw(moments), UTC),
        valid_until=min(judged.valid_until for judged in lists),
    )


@given(receipts())
def test_any_receipt_comes_back(receipt: Receipt) -> None:
    """The line is read again, the second verifier accepts it, the form is canonical."""
    line = receipt.line

    assert parse(line, "x") == receipt
    assert oracle.is_receipt(line)
    assert parse(line, "x").line == line
    assert line.count(b"\n") == 1


JSON = st.recursive(
    st.none() | st.integers(0, 2**53 - 1) | TEXTS,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(CODES, part, max_size=3),
)


@given(JSON)
def test_the_canonical_form_is_the_one_written_by_hand(value: object) -> None:
    """The library's canonical form equals that of a second implementation."""
    assert canonical(value) == oracle.canonical(value).encode()


@given(receipts(), st.data())
def test_any_altered_byte_is_found(receipt: Receipt, data: st.DataObject) -> None:
    """A byte that is replaced, inserted or removed is found."""
    line = receipt.line
    at = data.draw(st.integers(0, len(line) - 1))
    byte = data.draw(st.binary(min_size=1, max_size=1))
    altered = data.draw(
        st.sampled_from(
            [
                line[:at] + byte + line[at + 1 :],
                line[:at] + byte + line[at:],
                line[:at] + line[at + 1 :],
            ]
        )
    )
    assume(altered != line)

    assert not _is_read(altered)
    assert not oracle.is_receipt(altered)


@given(st.binary(max_size=300), st.sampled_from([b"", b'{"against":', EXAMPLE.line]))
def test_any_bytes_are_a_receipt_or_an_error_of_ours(
    content: bytes, start: bytes
) -> None:
    """Any bytes are a receipt or raise our error, and both verifiers agree."""
    for line in (start + content, content + start):
        assert _is_read(line) == oracle.is_receipt(line)


@st.composite
def edits(draw: st.DrawFn) -> tuple[list[Any], object]:
    """A path in a record, and a value to put there."""
    value, path = json.loads(EXAMPLE.line), []
    while isinstance(value, dict | list) and value and draw(st.integers(0, 3)):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        path.append(draw(st.sampled_from(keys)))
        value = value[path[-1]]
    return path, draw(JSON | st.booleans() | st.sampled_from([0, 1, -1, 2**53, "1"]))


@given(edits())
@settings(max_examples=3 * settings().max_examples)
def test_both_verifiers_judge_any_content_alike(edit: tuple[list[Any], object]) -> None:
    """Both verifiers give the same result for any members with a correct digest."""
    record = json.loads(EXAMPLE.line)
    path, value = edit
    assume(path)
    part = record
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    line = respelled(record)

    assert _is_read(line) == oracle.is_receipt(line)


def _is_read(line: bytes) -> bool:
    try:
        parse(line, "x")
    except ReceiptError:
        return False
    return True


@given(st.data())
@settings(max_examples=settings().max_examples // 4)
def test_a_checked_receipt_stays_so_and_any_change_is_found(
    data: st.DataObject,
) -> None:
    """Receipts agree with their files until a byte of any of the files changes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        key = SigningKey.create(folder / "key.pem")
        options = ReceiptOptions(folder / "r.json", folder / "j.jsonl", key)
        for _ in range(data.draw(st.integers(1, 3))):
            scrubbed(folder, options)
        assert _agrees(folder, key)
        assert _agrees(folder, key)

        names = ["calls.csv", "clear.csv", "blocked.csv", "r.json", "j.jsonl"]
        path = folder / data.draw(st.sampled_from(names))
        content = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)

        assert not _agrees(folder, key)


def _agrees(folder: Path, key: SigningKey) -> bool:
    try:
        receipt = read(folder / "r.json")
        checks = [
            *check_files(receipt, {"input": folder / "calls.csv"}),
            *check_files(receipt, files_in(folder, receipt)),
            check_signature(receipt, key.public_key),
            check_journal(receipt, Journal(folder / "j.jsonl")),
        ]
    except ReceiptError:
        return False
    return all(check.agrees for check in checks)
