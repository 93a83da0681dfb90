"""Rules of a list that the library does not ship."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bloctel.rules import _list_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NAME", "TEXT", "no_registrations"]

NAME: Final = "xx.example"
SOURCED: Final = 'valid_from = 2020-01-01\nsource = "a text"\ncertainty = "R"\n'
TEXT: Final = f"""
[list]
name = "{NAME}"
title = "An example"
time_zone = "Europe/Paris"

[opening]
opens_on = 2020-01-01
source = "a text"
certainty = "R"

[[protection_delay]]
max_days = 10
{SOURCED}
[[term]]
years = 2
{SOURCED}
[[renewal]]
kind = "manual"
notice_months = 1
{SOURCED}
[[retention]]
withdrawn_days = 0
{SOURCED}
[[answer_validity]]
days = 30
{SOURCED}"""


@contextmanager
def no_registrations() -> Iterator[None]:
    """Run as in a process that has registered no rules, and clean up afterwards."""
    before = dict(_list_rules._registered)
    _list_rules._registered.clear()
    _list_rules._load.cache_clear()
    try:
        yield
    finally:
        _list_rules._registered.clear()
        _list_rules._registered.update(before)
        _list_rules._load.cache_clear()
