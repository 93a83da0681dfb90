"""Parsing of instants: a text must state one exact instant, in every parser."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bloctel.bulk import ConsentColumns, import_consents
from bloctel.cli.options import parse_instant
from bloctel.complaints import read_file
from bloctel.compliance import Desk
from bloctel.compliance.consents.register import ConsentRegister
from bloctel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
DAYS = ["2026-09-02", "20260902", "2026-W36-3"]
CLOCK_CHANGES = ["2026-10-25 02:30", "2025-10-26T02:59:59", "2026-03-29 02:30"]


def _imported(text: str) -> datetime:
    row = f"number;given_at;sha256;where\n0199001234;{text};{'ab' * 32};box\n"
    values = {"firm": "F", "subject": "g", "mentions": "all"}
    columns = ConsentColumns(values=values, time_zone="Europe/Paris")
    with ConsentRegister.create("memory:") as register:
        import_consents(register, io.BytesIO(row.encode()), columns)
        return register.of(33199001234).consents[0].given_at


def _audited(text: str) -> object:
    calls = {"number": ["0199001234"], "at": [text]}
    return Desk().audit(calls, log_time_zone="Europe/Paris", purpose="sale")


def _complained(text: str) -> datetime:
    file = io.BytesIO(f"called,received_at\n0199001234,{text}\n".encode())
    return next(iter(read_file(file, at=NOW))).received_at


@pytest.mark.parametrize("text", [*DAYS, *CLOCK_CHANGES])
@pytest.mark.parametrize("read", [_imported, _audited])
def test_a_local_time_that_is_not_exact_is_refused(
    read: Callable[[str], object], text: str
) -> None:
    """A day without a time, or an hour that occurs twice, is refused."""
    with pytest.raises(InputError, match="such as 2026-09-01T18:12") as caught:
        read(text)

    got = "a day without a time" if text in DAYS else "because the clocks change"
    assert got in str(caught.value.got)


@pytest.mark.parametrize("text", DAYS)
@pytest.mark.parametrize("read", [_complained, parse_instant])
def test_a_day_is_not_an_instant(read: Callable[[str], datetime], text: str) -> None:
    """A complaint and an option need a time with its offset."""
    with pytest.raises(Exception, match=r"date and time with its (UTC )?offset"):
        read(text)


@pytest.mark.parametrize("read", [_imported, _complained, parse_instant])
def test_an_offset_states_an_hour_that_occurs_twice(
    read: Callable[[str], datetime],
) -> None:
    """With its UTC offset, each of the two equal local hours can be given."""
    hours = [read(f"2026-10-25T02:30+0{offset}:00") for offset in (2, 1)]

    assert [at.astimezone(UTC).hour for at in hours] == [0, 1]
