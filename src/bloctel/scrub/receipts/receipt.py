"""Receipt of a scrub: its members, its JSON form, and the masking of names.

The fields of `Receipt` have the same names as the members of the JSON object that
`docs/reference/receipt-format.md` specifies.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from bloctel._util.canonical_json import canonical
from bloctel.rules import Certainty

FORMAT: Final = "bloctel receipt"
VERSION: Final = 1

# integers up to 2^53 - 1, which every JSON library reads exactly
_Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
_Number = Annotated[int, Meta(ge=1, le=2**53 - 1)]
_Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
# a name with a folder could make a verifier read a file in another folder
_FileName = Annotated[str, Meta(pattern=r"\A(?!\.{1,2}\Z)[^/\0]{1,255}\Z")]
_ColumnName = Annotated[str, Meta(max_length=255)]
_ColumnNumber = Annotated[int, Meta(ge=1, le=2**31 - 1)]
_Code = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_]{0,31}\Z")]
_Output = Annotated[str, Meta(pattern=r"\A(?:clear|blocked|invalid|annotated)\Z")]
_LIST: Final = "[a-z][a-z0-9.-]{0,63}(?::[a-z][a-z0-9-]{0,31})?"
_List = Annotated[str, Meta(pattern=rf"\A{_LIST}\Z")]
# "LIST not known" counts rows that are blocked because an answer is missing or too old
_BlockedBy = Annotated[str, Meta(pattern=rf"\A{_LIST}(?: not known)?\Z")]
_TimeZone = Annotated[
    str, Meta(pattern=r"\A[A-Za-z]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,2}\Z")
]


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base class of a receipt, and of the structures that are members of a receipt."""


class FileDigest(_Part, frozen=True, kw_only=True):
    """Size and SHA-256 of a file.

    Attributes:
        name: The name without folders, in which digits that may be a phone number are
            masked; None for a stream.
        size: The size in bytes.
        sha256: The SHA-256 of the content, as 64 hex digits.
    """

    name: _FileName | None
    size: _Count
    sha256: _Sha256


class Against(_Part, frozen=True, kw_only=True):
    """Opposition source that a file was scrubbed against.

    Attributes:
        kind: `registry`, `snapshot`, or `file` for a plain CSV file of phone numbers.
        name: The name of the snapshot or the plain file, masked as in `FileDigest`.
            The name is None for a registry, because the URL can contain names of
            machines and users.
        registry: The identity of the registry, or of the registry from which the
            snapshot was made; otherwise None.
        generation: The cursor of the last change that the lists contain; None for a
            plain file.
        built_on: The day for which the snapshot was built; None if the source is not a
            snapshot.
        size: The size of the plain file in bytes; None for a registry or a snapshot.
        sha256: The SHA-256 of the plain file; None for a registry or a snapshot.
    """

    kind: Literal["registry", "snapshot", "file"]
    name: _FileName | None = None
    registry: UUID | None = None
    generation: _Count | None = None
    built_on: date | None = None
    size: _Count | None = None
    sha256: _Sha256 | None = None


class JudgedList(_Part, frozen=True, kw_only=True):
    """List that was looked up, and the period in which the result may be used.

    Attributes:
        name: The name of the list.
        on: The day for which the list was looked up.
        time_zone: The time zone in which the day `on` begins and ends.
        valid_until: The first day on which the result may no longer be used.
        days: The number of days for which the list's rules allow the use of a result.
        source: The source of the rule that gives `days`.
        certainty: The certainty of the rule that gives `days`.
    """

    name: _List
    on: date
    time_zone: _TimeZone
    valid_until: date
    days: _Number
    source: Annotated[str, Meta(min_length=1, max_length=1024)]
    certainty: Certainty


class Counts(_Part, frozen=True, kw_only=True):
    """Counts of rows; `rows == clear + blocked + invalid`."""

    rows: _Count
    clear: _Count
    blocked: _Count
    invalid: _Count


class JournalPosition(_Part, frozen=True, kw_only=True):
    """Position of a receipt in its journal.

    Attributes:
        number: The position: 1 for the first receipt, 2 for the second, and so on.
        previous: The digest of the previous receipt; None for the first receipt.
    """

    number: _Number
    previous: _Sha256 | None


class Signature(_Part, frozen=True, kw_only=True):
    """Signature of a receipt.

    Attributes:
        public_key: The key of the signer: 32 bytes, as 64 hex digits.
        value: The signature: 64 bytes, as 128 hex digits.
        algorithm: The name of the algorithm: Ed25519 (RFC 8032).
    """

    public_key: _Sha256  # a public key has 64 hex digits, like a SHA-256
    value: Annotated[str, Meta(pattern=r"\A[0-9a-f]{128}\Z")]
    algorithm: Literal["Ed25519"] = "Ed25519"


class Receipt(_Part, frozen=True, kw_only=True):
    """Proof of a scrub: the files, the lists, the day and the result.

    Attributes:
        input: The file that was scrubbed.
        outputs: The files that were written, by the name of the output, such as
            `clear`.
        columns: The phone columns, as the user named or numbered them; digits in names
            that may be a phone number are masked.
        region: The region of phone numbers without a country code.
        against: The opposition source.
        lists: The lists that were looked up.
        counts: The number of rows of each kind.
        invalid_reasons: The number of invalid rows for each reason.
        blocked_lists: The number of rows that each list blocks.
        made_at: The time at which the receipt was made, in UTC and without a fraction
            of a second.
        valid_until: The first day on which the result may no longer be used: the
            earliest `valid_until` of the lists.
        software: Name and version of the software that made the receipt.
        journal: The position of the receipt in its journal; None if the receipt is not
            in a journal.
        signature: The signature; None if the receipt is not signed.
    """

    input: FileDigest
    outputs: Mapping[_Output, FileDigest]
    columns: tuple[_ColumnName | _ColumnNumber, ...]
    region: Annotated[str, Meta(pattern=r"\A[A-Z0-9]{2,3}\Z")] | None
    against: Against
    lists: Annotated[tuple[JudgedList, ...], Meta(min_length=1)]
    counts: Counts
    invalid_reasons: Mapping[_Code, _Count]
    blocked_lists: Mapping[_BlockedBy, _Count]
    made_at: Annotated[datetime, Meta(tz=True)]
    valid_until: date
    software: Annotated[str, Meta(pattern=r"\Abloctel [0-9A-Za-z.+!-]{1,40}\Z")]
    journal: JournalPosition | None = None
    signature: Signature | None = None

    @property
    def record(self) -> dict[str, Any]:
        """The receipt as a JSON object, with its digest."""
        members = self._members()
        return members | {"digest": hashlib.sha256(canonical(members)).hexdigest()}

    @property
    def digest(self) -> str:
        """The SHA-256 of all other members of the JSON object, as 64 hex digits."""
        return str(self.record["digest"])

    @property
    def signed(self) -> bytes:
        """The bytes that the signature covers: all members except the signature."""
        members = self._members()
        del members["signature"]
        return f"{FORMAT} {VERSION}\n".encode() + canonical(members)

    @property
    def line(self) -> bytes:
        """The bytes of the receipt, as a file or a journal contains them."""
        return canonical(self.record) + b"\n"

    def _members(self) -> dict[str, Any]:
        members: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return {"format": FORMAT, "version": VERSION} | members


#: Replacement for digits that may be a phone number.
MASK: Final = "(digits)"

_LONGEST_NAME: Final = 255
#: Six or more digits without letters between them.
_NUMBER: Final = re.compile(r"\d(?:[\W_]*\d){5,}")
#: A day or a month in ISO 8601, a form that phone numbers do not have.
_DATE: Final = re.compile(
    r"(?<!\d)(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?(?!\d)"
)
_DIGITS_NEXT_TO_A_DATE: Final = 2


def masked_name(name: str) -> str:
    """Return a name in which digits that may be a phone number are masked.

    >>> masked_name("prospects-2026-10-05.csv")
    'prospects-2026-10-05.csv'
    >>> masked_name("calls of 01 99 00 12 34.csv")
    'calls of (digits).csv'
    """
    # JSON cannot contain the invalid Unicode that a file name may contain
    text = name.encode(errors="replace").decode()
    return _NUMBER.sub(_masked, text)[:_LONGEST_NAME]


def shown(text: str) -> str:
    r"""Return a text whose control characters are escaped, so a terminal can show it.

    >>> shown("a\x1b[2Jb\n.csv")
    'a\\x1b[2Jb\\n.csv'
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )


def _masked(found: re.Match[str]) -> str:
    digits = found[0]
    rest = _DATE.sub("", digits, count=1)
    is_date = rest != digits and sum(map(str.isdigit, rest)) <= _DIGITS_NEXT_TO_A_DATE
    return digits if is_date else MASK
