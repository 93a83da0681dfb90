"""Second verifier of receipts, written in plain Python from `receipt-format.md`."""

from __future__ import annotations

import hashlib
import io
import json
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["agrees", "canonical", "is_complete", "is_receipt", "is_signed"]

LONGEST = 1_048_576
SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}

CODE = "[a-z][a-z0-9_]{0,31}"
LIST = "[a-z][a-z0-9.-]{0,63}(:[a-z][a-z0-9-]{0,31})?"
HEX = "[0-9a-f]{64}"
FILE = {"name", "size", "sha256"}
AGAINST = {"kind", "name", "registry", "generation", "built_on", "size", "sha256"}
LIST_MEMBERS = {"name", "on", "time_zone", "valid_until", "days", "source", "certainty"}
COUNTS = {"rows", "clear", "blocked", "invalid"}
MEMBERS = {
    "format",
    "version",
    "input",
    "outputs",
    "columns",
    "region",
    "against",
    "lists",
    "counts",
    "invalid_reasons",
    "blocked_lists",
    "made_at",
    "valid_until",
    "software",
    "journal",
    "signature",
    "digest",
}


def canonical(value: object) -> str:
    """Return the canonical form of a value."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return '"' + "".join(map(escaped, value)) + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, dict):
        pairs = (
            f"{canonical(name)}:{canonical(value[name])}" for name in sorted(value)
        )
        return "{" + ",".join(pairs) + "}"
    assert is_count(value)
    return str(value)


def escaped(char: str) -> str:
    """Return a character as it is written in a string."""
    if char in '"\\':
        return "\\" + char
    if char in SHORT:
        return SHORT[char]
    assert not 0xD800 <= ord(char) <= 0xDFFF
    return char if char >= " " else f"\\u00{ord(char):02x}"


def is_receipt(line: bytes) -> bool:
    """Return whether a line is a receipt of version 1."""
    try:
        check(line)
    except (AssertionError, AttributeError, KeyError, TypeError):
        return False
    except (RecursionError, ValueError):
        return False
    return True


def check(line: bytes) -> dict[str, Any]:
    """Return the content of a receipt, after all checks."""
    assert line.endswith(b"\n")
    assert len(line) <= LONGEST
    record = json.loads(line.decode())
    assert isinstance(record, dict)
    assert record["format"] == "bloctel receipt"
    assert record["version"] == 1
    assert line == canonical(record).encode() + b"\n"
    assert record["digest"] == sha256(without(record, "digest"))
    assert record.keys() == MEMBERS
    check_members(record)
    check_sums(record)
    return record


def check_members(record: dict[str, Any]) -> None:
    """Check the value of each member."""
    check_file(record["input"])
    assert record["outputs"].keys() <= {"clear", "blocked", "invalid", "annotated"}
    for file in record["outputs"].values():
        check_file(file)
    assert isinstance(record["columns"], list)
    for column in record["columns"]:
        assert (
            len(column) <= 255
            if isinstance(column, str)
            else is_count(column) and 1 <= column < 2**31
        )
    assert record["region"] is None or re.fullmatch("[A-Z0-9]{2,3}", record["region"])
    check_against(record["against"])
    assert isinstance(record["lists"], list)
    assert record["lists"]
    for entry in record["lists"]:
        check_list(entry)
    assert record["counts"].keys() == COUNTS
    for counts, name in (
        (record["counts"], CODE),
        (record["invalid_reasons"], CODE),
        (record["blocked_lists"], f"{LIST}( not known)?"),
    ):
        assert all(re.fullmatch(name, key) for key in counts)
        assert all(map(is_count, counts.values()))
    made_at = record["made_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", made_at, re.ASCII)
    datetime.fromisoformat(made_at)
    check_day(record["valid_until"])
    assert re.fullmatch("bloctel [0-9A-Za-z.+!-]{1,40}", record["software"])
    link, signature = record["journal"], record["signature"]
    if link is not None:
        assert link.keys() == {"number", "previous"}
        assert is_count(link["number"])
        assert link["previous"] is None or re.fullmatch(HEX, link["previous"])
    if signature is not None:
        assert signature.keys() == {"algorithm", "public_key", "value"}
        assert signature["algorithm"] == "Ed25519"
        assert re.fullmatch(HEX, signature["public_key"])
        assert re.fullmatch("[0-9a-f]{128}", signature["value"])


def check_file(file: dict[str, Any]) -> None:
    """Check the digest of a file."""
    assert file.keys() == FILE
    check_name(file["name"])
    assert is_count(file["size"])
    assert re.fullmatch(HEX, file["sha256"])


def check_name(name: object) -> None:
    """Check the name of a file."""
    if name is not None:
        assert isinstance(name, str)
        assert 1 <= len(name) <= 255
        assert name not in (".", "..")
        assert "/" not in name
        assert "\0" not in name


def check_against(against: dict[str, Any]) -> None:
    """Check the source of the lists."""
    assert against.keys() == AGAINST
    check_name(against["name"])
    registry, generation, built_on = (
        against[name] for name in ("registry", "generation", "built_on")
    )
    if registry is not None:
        assert isinstance(registry, str)
        assert str(UUID(registry)) == registry
    if against["kind"] == "file":
        assert registry is generation is built_on is None
        assert is_count(against["size"])
        assert re.fullmatch(HEX, against["sha256"])
        return
    assert against["size"] is against["sha256"] is None
    assert is_count(generation)
    if against["kind"] == "snapshot":
        check_day(built_on)
    else:
        assert against["kind"] == "registry"
        assert built_on is against["name"] is None
        assert registry is not None


def check_list(entry: dict[str, Any]) -> None:
    """Check one list of the receipt."""
    assert entry.keys() == LIST_MEMBERS
    assert re.fullmatch(LIST, entry["name"])
    check_day(entry["on"])
    check_day(entry["valid_until"])
    zone = "[A-Za-z]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}"
    assert re.fullmatch(zone, entry["time_zone"])
    assert is_count(entry["days"])
    assert entry["days"] > 0
    assert isinstance(entry["source"], str)
    assert 1 <= len(entry["source"]) <= 1024
    assert entry["certainty"] in ("V1", "V2", "V3", "R", "NF")


def check_sums(record: dict[str, Any]) -> None:
    """Check that the counts, lists, days and journal of a receipt are consistent."""
    counts = record["counts"]
    assert counts["rows"] == counts["clear"] + counts["blocked"] + counts["invalid"]
    assert sum(record["invalid_reasons"].values()) == counts["invalid"]
    assert sum(record["blocked_lists"].values()) == counts["blocked"]
    names = [entry["name"] for entry in record["lists"]]
    assert len(set(names)) == len(names)
    days = [entry["valid_until"] for entry in record["lists"]]
    assert record["valid_until"] == min(days)
    link = record["journal"]
    if link is not None:
        assert link["number"] >= 1
        assert (link["number"] == 1) == (link["previous"] is None)


def check_day(day: str) -> None:
    """Check a day."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", day, re.ASCII)
    date.fromisoformat(day)


def is_count(value: object) -> bool:
    """Return whether a value is an integer that a receipt may contain."""
    return type(value) is int and 0 <= value < 2**53


def is_complete(journal: bytes) -> bool:
    """Return whether the lines of a journal are receipts in one hash chain."""
    previous = None
    for number, line in enumerate(io.BytesIO(journal), 1):
        if not is_receipt(line):
            return False
        record = json.loads(line)
        if record["journal"] != {"number": number, "previous": previous}:
            return False
        previous = record["digest"]
    return True


def agrees(file: dict[str, Any], path: Path) -> bool:
    """Return whether a file has the size and the digest of a receipt."""
    content = path.read_bytes()
    found = len(content), hashlib.sha256(content).hexdigest()
    return found == (file["size"], file["sha256"])


def is_signed(line: bytes) -> bool:
    """Return whether a receipt is signed by the key that it contains."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    record = json.loads(line)
    signature = record["signature"]
    body = canonical(without(record, "digest", "signature"))
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature["public_key"]))
    try:
        key.verify(
            bytes.fromhex(signature["value"]), b"bloctel receipt 1\n" + body.encode()
        )
    except InvalidSignature:
        return False
    return True


def without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return a record without some members."""
    return {name: value for name, value in record.items() if name not in names}


def sha256(value: object) -> str:
    """Return the SHA-256 of a canonical form."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
