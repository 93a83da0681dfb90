"""HTML report of complaints: one page that can be published.

The page loads no other file and runs no script.  It does not contain any number that
was called, and it contains the names of callers only if the option `full` is set.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bloctel._util.html import render
from bloctel._util.messages import message
from bloctel._version import __version__
from bloctel.complaints.analysis import find_callers, find_patterns
from bloctel.complaints.report.counts import by_period, by_sector, by_state
from bloctel.numbers import PhoneNumber, french_nsn
from bloctel.tabular.outputs import open_outputs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from bloctel.complaints.analysis.pattern import Pattern
    from bloctel.complaints.lifecycle import Case
    from bloctel.tabular.outputs import Target

__all__ = ["ReportOptions", "as_html", "shown_name", "shown_number", "write_report"]

_TEMPLATE: Final = Path(__file__).parent / "templates/report.html.j2"
_MOST_OF_A_KIND: Final = 10
_MOST_CALLERS: Final = 20
_HIDDEN: Final = 4
_LONGEST_NAME: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """Options of a report.

    Attributes:
        title: The title; if empty, a general title is used.
        made_on: The day of the report; None does not show it.
        full: Whether the page shows the complete numbers and the names of callers, and
            the names of the complaints.  The publisher is responsible for that.
        lang: The language of the page, `en` or `fr`.
    """

    title: str = ""
    made_on: date | None = None
    full: bool = False
    lang: str = "en"


def write_report(
    target: Target, cases: Sequence[Case], options: ReportOptions | None = None
) -> None:
    """Write a page of HTML about complaints; the file appears complete or not at all.

    Args:
        target: A path, or a binary stream.
        cases: The complaints.
        options: The options of the report.

    Raises:
        InputError: The target cannot be written, or the language is not known.
        MissingExtraError: The packages Jinja2, rapidfuzz or python-stdnum are not
            installed.
    """
    text = as_html(cases, options or ReportOptions())
    with open_outputs({"report": target}, source=None) as files:
        files["report"].write(text.encode())


def as_html(cases: Sequence[Case], options: ReportOptions) -> str:
    """Return the page that `write_report` writes."""
    lang, full = options.lang, options.full
    days = [day for case in cases if (day := case.complaint.called_on)]
    unit, periods = by_period(cases, lang)
    kinds: dict[str, list[Pattern]] = {}
    for pattern in find_patterns(cases):
        kinds.setdefault(pattern.code, []).append(pattern)
    return render(
        _TEMPLATE,
        lang,
        version=__version__,
        title=options.title or message("complaints.report.title", lang),
        made_on=options.made_on,
        full=full,
        total=len(cases),
        days=(min(days), max(days)) if days else (),
        states=by_state(cases),
        unit=unit,
        periods=periods,
        sectors=by_sector(cases, lang),
        kinds=kinds,
        most_of_a_kind=_MOST_OF_A_KIND,
        callers=find_callers(cases)[:_MOST_CALLERS],
        shown_numbers=lambda keys: [shown_number(key, full=full) for key in keys],
    )


# -- names and numbers ------------------------------------------------------------


def shown_number(key: int, *, full: bool) -> str:
    """Return a presented number, without its last digits unless *full*.

    >>> shown_number(33162000012, full=False), shown_number(33162000012, full=True)
    ('01 62 00 •• ••', '01 62 00 00 12')
    """
    number = PhoneNumber(key)
    text = number.e164 if french_nsn(key) is None else number.national
    if full:
        return text
    left = sum(character.isdigit() for character in text) - _HIDDEN
    shown = []
    for character in text:
        is_digit = character.isdigit()
        shown.append("\N{BULLET}" if is_digit and left <= 0 else character)
        left -= is_digit
    return "".join(shown)


def shown_name(text: str) -> str:
    """Return a name short enough for a label."""
    if len(text) <= _LONGEST_NAME:
        return text
    return f"{text[:_LONGEST_NAME]}\N{HORIZONTAL ELLIPSIS}"
