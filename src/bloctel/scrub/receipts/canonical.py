"""Reading the one spelling of a receipt."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from bloctel._util.canonical_json import canonical
from bloctel.errors import DamagedReceiptError, NotAReceiptError

__all__ = ["GREATEST", "LONGEST", "canonical", "read_object"]

#: The greatest integer that every JSON library reads exactly.
GREATEST: Final = 2**53 - 1
#: The bytes of the longest line that is read as a receipt.
LONGEST: Final = 1 << 20

_DIGITS: Final = len(str(GREATEST))
#: How every receipt begins: "against" is the first of its members.
_BEGINNING: Final = b'{"against":'


def read_object(data: bytes, where: str) -> dict[str, Any]:
    """Return what a line of JSON holds, whatever its spelling.

    Raises:
        DamagedReceiptError: It begins as a receipt, and is no JSON of ours.
        NotAReceiptError: It is something else.
    """
    try:
        value = json.loads(
            data.decode(),
            parse_int=_integer,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError):
        # the cause is left out: it can hold what the file holds
        if data.startswith(_BEGINNING[: max(1, len(data))]):
            got = "one that was cut or altered"
            raise DamagedReceiptError("a receipt", got, where) from None
        value = None
    if not isinstance(value, dict):
        raise NotAReceiptError("a receipt", "something else", where)
    return value


def _integer(text: str) -> int:
    if len(text) > _DIGITS:
        _refuse(text)
    return int(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError("no number of a receipt")
