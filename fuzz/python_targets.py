"""Fuzz targets of atheris: the readers of untrusted bytes.

`scripts/fuzz` starts this: `python fuzz/python_targets.py TARGET [libFuzzer options]`.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import atheris
import xxhash

with atheris.instrument_imports(include=["bloctel"]):
    from bloctel import Snapshot, rules
    from bloctel.complaints import read_file, write_file
    from bloctel.errors import BloctelError
    from bloctel.numbers import _digits
    from bloctel.scrub import receipts

if TYPE_CHECKING:
    from collections.abc import Callable

_ON: Final = date(2020, 2, 1)
_AT: Final = datetime(2026, 11, 25, tzinfo=UTC)
_NUMBERS: Final = [33199001234, 33639980003, 33261910007, 447700900123, 64, 2**50]
_SECTION: Final = struct.Struct("<8sQQQ")


def seal(content: bytes) -> bytes:
    """Return a file with a correct size and correct checksums, as far as possible."""
    file = bytearray(content.ljust(128, b"\0"))
    struct.pack_into("<Q", file, 16, len(file))
    end = 128 + 32 * struct.unpack_from("<I", file, 12)[0]
    for position in range(128, min(end, len(file) - 31), 32):
        name, offset, size, _ = _SECTION.unpack_from(file, position)
        checksum = xxhash.xxh3_64_intdigest(bytes(file[offset : offset + size]))
        _SECTION.pack_into(file, position, name, offset, size, checksum)
    file[120:128] = bytes(8)
    struct.pack_into("<Q", file, 120, xxhash.xxh3_64_intdigest(bytes(file[:end])))
    return bytes(file)


def snapshot(data: bytes) -> None:
    """Open a file, with correct checksums unless it begins with 0, and look up."""
    content = data[1:] if data[:1] == b"\0" else seal(data[1:])
    with tempfile.NamedTemporaryFile(suffix=".bloctel") as file:
        file.write(content)
        file.flush()
        for verify in (False, True):
            try:
                with Snapshot.open(file.name, verify=verify) as opened:
                    _look_up(opened)
            except BloctelError:
                pass


def _look_up(opened: Snapshot) -> None:
    opened.check_many(_NUMBERS, on=_ON)
    for number in _NUMBERS[:4]:
        opened.is_blocked(number, on=_ON)
        opened.check(number, on=_ON)
    opened.verify()


def digits(data: bytes) -> None:
    """Read bytes as a phone number."""
    for national in (False, True):
        key = _digits.read(data, national)
        if key == _digits.WORLD:
            _digits.clean(data, national)


def toml(data: bytes) -> None:
    """Read the rules of a list."""
    try:
        rules.parse(data.decode("utf-8", "replace"), "fuzz")
    except BloctelError:
        pass


def receipt(data: bytes) -> None:
    """Read a line as a receipt, with a correct digest unless it begins with 0."""
    line = data[1:] if data[:1] == b"\0" else sealed(data[1:])
    try:
        assert receipts.parse(line, "fuzz").line == line  # noqa: S101 - the check
    except BloctelError:
        pass


def sealed(content: bytes) -> bytes:
    """Return the canonical form of a record with its digest, or *content*."""
    try:
        record = json.loads(content)
        record.pop("digest", None)
        record["digest"] = hashlib.sha256(canonical(record)).hexdigest()
        return canonical(record) + b"\n"
    except (AttributeError, RecursionError, TypeError, ValueError):
        return content


def canonical(record: object) -> bytes:
    """Return the canonical form of a record."""
    compact = json.dumps(
        record, ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )
    return compact.encode()


def complaints(data: bytes) -> None:
    """Read a file of complaints, and write the complaints."""
    try:
        cases = list(read_file(io.BytesIO(data), at=_AT))
    except BloctelError:
        return
    write_file(io.BytesIO(), cases, format="json")
    write_file(io.BytesIO(), cases, format="csv")


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "snapshot": snapshot,
    "digits": digits,
    "rules": toml,
    "receipt": receipt,
    "complaints": complaints,
}


def seeds(target: str) -> list[bytes]:
    """Return the initial inputs of a target."""
    root = Path(__file__).parents[1]
    if target == "snapshot":
        files = sorted((root / "tests" / "data" / "snapshots").glob("*.bloctel"))
        return [flag + file.read_bytes() for file in files for flag in (b"\0", b"\1")]
    if target == "receipt":
        lines = (root / "tests/data/receipts/journal.jsonl").read_bytes()
        return [
            flag + line for line in lines.splitlines(True) for flag in (b"\0", b"\1")
        ]
    if target == "complaints":
        complaint = b'{"called": "0639981234", "called_on": "2026-11-23", "text": "x"}'
        head = b'{"format": "bloctel.complaints", "version": 1, "complaints": ['
        return [head + complaint + b"]}", b"called;called_on\n0639981234;2026-11-23\n"]
    if target == "rules":
        return [f.read_bytes() for f in (root / "src/bloctel/rules").glob("*.toml")]
    return [b"06 39 98 12 34", b"+33 (0)1.99.00.12.34", b"tel:0199001234;ext=2"]


def main() -> None:
    """Fuzz the target that the first argument names."""
    target = sys.argv.pop(1)
    with tempfile.TemporaryDirectory() as folder:
        for i, seed in enumerate(seeds(target)):
            (Path(folder) / str(i)).write_bytes(seed)
        atheris.Setup([*sys.argv, folder], TARGETS[target])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
