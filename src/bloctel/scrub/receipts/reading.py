"""The strict reader of receipts: a line of bytes in, a `Receipt` or an error out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar
from uuid import UUID

from bloctel.errors import (
    DamagedReceiptError,
    NewerReceiptError,
    NotAReceiptError,
    ReceiptError,
)
from bloctel.rules import Certainty
from bloctel.scrub.receipts.canonical import (
    GREATEST,
    LONGEST,
    canonical,
    read_object,
)
from bloctel.scrub.receipts.receipt import (
    FORMAT,
    MOMENT,
    VERSION,
    Against,
    Counts,
    FileMark,
    JudgedList,
    Place,
    Receipt,
    Signature,
)

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import DataclassInstance

__all__ = ["parse", "read"]

_Check = Callable[[Any], object]
_D = TypeVar("_D", bound="DataclassInstance")

_LONGEST_TEXT: Final = 1024
_LONGEST_NAME: Final = 255
_GREATEST_COLUMN: Final = 2**31 - 1


def read(path: str | Path) -> Receipt:
    """Return the receipt in a file of its own.

    Raises:
        ReceiptError: The file holds something else, or cannot be read.
    """
    try:
        with open(path, "rb") as file:
            line = file.read(LONGEST + 1)
    except OSError as error:
        got = f"one that cannot be read ({error.strerror})"
        raise ReceiptError("a file with a receipt", got, str(path)) from error
    return parse(line, str(path))


def parse(line: bytes, where: str) -> Receipt:
    """Return the receipt that a line holds, the line feed included.

    Args:
        line: The bytes, which are exactly those that were written.
        where: What to call them in messages.

    Raises:
        NotAReceiptError: They are no receipt.
        NewerReceiptError: A later version of the format wrote them.
        DamagedReceiptError: They were cut or altered.
    """
    if len(line) > LONGEST:
        got = "a longer one"
        raise NotAReceiptError(f"a receipt of at most {LONGEST} bytes", got, where)
    record = read_object(line, where)
    if record.get("format") != FORMAT:
        raise NotAReceiptError("a receipt", "something else", where)
    _require_version(record.get("version"), where)
    _require_seal(record, line, where)
    try:
        return _agreeing(_record(Receipt)(record))
    except (ValueError, TypeError) as error:
        # its digest is right and its content is not: no writer of ours made it
        got = "others"
        raise DamagedReceiptError(
            "members as the format says", got, f"{where}, {error}"
        ) from None


def _require_version(version: object, where: str) -> None:
    if type(version) is int and version > VERSION:
        raise NewerReceiptError(f"version {VERSION} of receipts", "a later one", where)
    if type(version) is not int or version < VERSION:
        raise DamagedReceiptError(f"version {VERSION} of receipts", "none", where)


def _require_seal(record: dict[str, Any], line: bytes, where: str) -> None:
    """Require the one spelling of the record, and the digest that it has."""
    try:
        spelled = canonical(record) + b"\n"
    except (ValueError, RecursionError):  # half of a surrogate pair has no UTF-8
        spelled = b""
    if spelled != line:
        got = "another spelling of one, or more"
        raise DamagedReceiptError("a receipt and nothing else", got, where)
    digest = record.pop("digest", None)
    if digest != hashlib.sha256(canonical(record)).hexdigest():
        got = "one that was altered"
        raise DamagedReceiptError("a receipt with its own digest", got, where)
    del record["format"], record["version"]


def _agreeing(receipt: Receipt) -> Receipt:
    """Require that what a receipt says twice is the same."""
    counts, against = receipt.counts, receipt.against
    _require(counts.rows == counts.clear + counts.blocked + counts.invalid, "counts")
    _require(sum(receipt.invalid_reasons.values()) == counts.invalid, "invalid_reasons")
    _require(sum(receipt.blocked_lists.values()) == counts.blocked, "blocked_lists")
    names = {held.name for held in receipt.lists}
    _require(len(names) == len(receipt.lists) > 0, "lists")
    _require(
        receipt.valid_until == min(held.valid_until for held in receipt.lists),
        "valid_until",
    )
    place = receipt.journal
    if place is not None:
        _require((place.number == 1) == (place.previous is None), "journal")
    has = {
        name
        for name in ("registry", "generation", "built_on", "size", "sha256")
        if getattr(against, name) is not None
    }
    _require(has in _PARTS[against.kind], "against")
    _require(against.kind != "registry" or against.name is None, "against")
    return receipt


#: What is known of each kind of what a file is scrubbed against.
_PARTS: Final = {
    "registry": [{"registry", "generation"}],
    "snapshot": [
        {"registry", "generation", "built_on"},
        {"generation", "built_on"},
    ],
    "file": [{"size", "sha256"}],
}


# -- the members -------------------------------------------------------------------


def _record(cls: type[_D]) -> Callable[[Any], _D]:
    """Return a check of an object with exactly the members of a class."""

    def check(value: Any) -> _D:
        checks = _MEMBERS[cls]
        if not isinstance(value, dict) or value.keys() != checks.keys():
            raise ValueError(f"the members of {cls.__name__}")
        found = {}
        for name, member in checks.items():
            try:
                found[name] = member(value[name])
            except (ValueError, TypeError):
                raise ValueError(name) from None
        return cls(**found)

    return check


def _or_null(check: _Check) -> _Check:
    return lambda value: None if value is None else check(value)


def _object(name: re.Pattern[str], check: _Check) -> _Check:
    def check_object(value: Any) -> object:
        _require(isinstance(value, dict), "an object")
        _require(all(map(name.fullmatch, value)), "a name")
        return {key: check(part) for key, part in value.items()}

    return check_object


def _array(check: _Check) -> _Check:
    def check_array(value: Any) -> object:
        _require(isinstance(value, list), "an array")
        return tuple(check(part) for part in value)

    return check_array


def _matching(pattern: str) -> _Check:
    compiled = re.compile(pattern)

    def check(value: Any) -> object:
        _require(compiled.fullmatch(value) is not None, "a text")
        return value

    return check


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT:
        _fail("a text")
    return value


def _file_name(value: Any) -> str:
    """Return the name of a file that cannot lead out of its folder."""
    text = _text(value)
    _require(len(text) <= _LONGEST_NAME, "a name")
    _require(text not in (".", "..") and not set("/\0") & set(text), "a name")
    return text


def _count(value: Any) -> int:
    # True is an int to isinstance
    if type(value) is not int or not 0 <= value <= GREATEST:
        _fail("a count")
    return value


def _number(value: Any) -> int:
    count = _count(value)
    _require(count > 0, "a number")
    return count


def _column(value: Any) -> str | int:
    if isinstance(value, str):
        _require(len(value) <= _LONGEST_NAME, "a column")
        return value
    number = _number(value)
    _require(number <= _GREATEST_COLUMN, "a column")
    return number


def _day(value: Any) -> date:
    day = date.fromisoformat(value)
    _require(day.isoformat() == value, "a day")  # there are other spellings
    return day


def _moment(value: Any) -> datetime:
    moment = datetime.strptime(value, MOMENT).replace(tzinfo=UTC)
    _require(moment.strftime(MOMENT) == value, "a moment")
    return moment


def _identity(value: Any) -> UUID:
    _text(value)
    identity = UUID(value)
    _require(str(identity) == value, "an identity")
    return identity


def _require(holds: bool, what: str) -> None:
    if not holds:
        _fail(what)


def _fail(what: str) -> NoReturn:
    raise ValueError(what)


_SHA256: Final = _matching("[0-9a-f]{64}")
_LIST: Final = "[a-z][a-z0-9.-]{0,63}(?::[a-z][a-z0-9-]{0,31})?"
_CODE: Final = re.compile("[a-z][a-z0-9_]{0,31}")

_MEMBERS: Final[Mapping[type, Mapping[str, _Check]]] = {
    FileMark: {"name": _or_null(_file_name), "size": _count, "sha256": _SHA256},
    Against: {
        "kind": _matching("registry|snapshot|file"),
        "name": _or_null(_file_name),
        "registry": _or_null(_identity),
        "generation": _or_null(_count),
        "built_on": _or_null(_day),
        "size": _or_null(_count),
        "sha256": _or_null(_SHA256),
    },
    JudgedList: {
        "name": _matching(_LIST),
        "on": _day,
        "time_zone": _matching("[A-Za-z]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,2}"),
        "valid_until": _day,
        "days": _number,
        "source": _text,
        "certainty": Certainty,
    },
    Counts: dict.fromkeys(("rows", "clear", "blocked", "invalid"), _count),
    Place: {"number": _number, "previous": _or_null(_SHA256)},
    Signature: {
        "public_key": _SHA256,  # as long
        "value": _matching("[0-9a-f]{128}"),
        "algorithm": _matching("Ed25519"),
    },
    Receipt: {
        "input": _record(FileMark),
        "outputs": _object(_CODE, _record(FileMark)),
        "columns": _array(_column),
        "region": _or_null(_matching("[A-Z0-9]{2,3}")),
        "against": _record(Against),
        "lists": _array(_record(JudgedList)),
        "counts": _record(Counts),
        "invalid_reasons": _object(_CODE, _count),
        # what nobody knows counts as blocked, and says so
        "blocked_lists": _object(re.compile(f"{_LIST}(?: not known)?"), _count),
        "made_at": _moment,
        "valid_until": _day,
        "software": _matching("bloctel [0-9A-Za-z.+!-]{1,40}"),
        "journal": _or_null(_record(Place)),
        "signature": _or_null(_record(Signature)),
    },
}
