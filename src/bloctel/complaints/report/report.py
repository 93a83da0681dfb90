"""HTML report of complaints: one page that can be published.

The page loads no other file and runs no script.  The page contains no number that was
called.  The page contains the names of callers only if the option `full` is set.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from bloctel._util.html import render
from bloctel._util.messages import format_month, format_value, message
from bloctel._version import __version__
from bloctel.complaints.analysis import find_patterns
from bloctel.complaints.analysis.callers import find_callers
from bloctel.complaints.lifecycle import Case, CaseState
from bloctel.compliance.call_facts import sector_named
from bloctel.numbers import french_nsn
from bloctel.numbers.phone_number import number_of
from bloctel.rules import law
from bloctel.tabular.outputs import Target, open_output

_TEMPLATE: Final = Path(__file__).parent / "templates/report.html.j2"
_MOST_OF_A_KIND: Final = 10
_MOST_CALLERS: Final = 20
#: Pattern that matches each of the last four digits of a phone number.
_LAST_DIGIT: Final = re.compile(r"\d(?=(?:\D*\d){0,3}\D*\Z)")
_MOST_DAYS: Final = 31
_MOST_WEEKS: Final = 27
_MOST_SECTORS: Final = 12
_WEEK: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """Options of a report.

    Attributes:
        title: The title of the page; if empty, the page has a general title.
        made_on: The day of the report; if it is None, the page shows no day.
        full: True to show the complete phone numbers and the names of callers, and the
            ids of the complaints.  If `full` is true, the person who publishes the
            page is responsible for these data.
        lang: The language of the page, `en` or `fr`.
    """

    title: str = ""
    made_on: date | None = None
    full: bool = False
    lang: str = "en"


def write_report(
    target: Target, cases: Sequence[Case], options: ReportOptions | None = None
) -> None:
    """Write an HTML page about complaints; the file appears only when it is complete.

    Args:
        target: A path, or a binary stream.
        cases: The complaints.
        options: The options of the report.

    Raises:
        InputError: The target cannot be written, or the language is not known.
        MissingExtraError: Jinja2, rapidfuzz or python-stdnum is not installed.
    """
    text = as_html(cases, options or ReportOptions())
    with open_output("the report", target) as file:
        file.write(text.encode())


def as_html(cases: Sequence[Case], options: ReportOptions) -> str:
    """Return the page that `write_report` writes."""
    lang, full = options.lang, options.full
    days = [day for case in cases if (day := case.complaint.called_on)]
    unit, periods = by_period(cases, lang)
    states = Counter(case.state for case in cases)
    patterns = find_patterns(cases)
    codes = dict.fromkeys(pattern.code for pattern in patterns)
    kinds = {code: [p for p in patterns if p.code == code] for code in codes}
    return render(
        _TEMPLATE,
        lang,
        version=__version__,
        title=options.title or message("complaints.report.title", lang),
        made_on=options.made_on,
        full=full,
        total=len(cases),
        days=(min(days), max(days)) if days else (),
        states={state: states[state] for state in CaseState},
        unit=unit,
        periods=periods,
        sectors=by_sector(cases, lang, full=full),
        kinds=kinds,
        most_of_a_kind=_MOST_OF_A_KIND,
        callers=find_callers(cases)[:_MOST_CALLERS],
        shown_numbers=lambda keys: [shown_number(key, full=full) for key in keys],
    )


def by_period(
    cases: Iterable[Case], lang: str = "en"
) -> tuple[str, list[tuple[str, int]]]:
    """Return the unit of the periods, and (name, count of calls) of each period.

    A period is a day, a week with the date of its Monday, or a month.  Periods without
    calls are included.
    """
    days = [day for case in cases if (day := case.complaint.called_on)]
    if not days:
        return "day", []
    first = min(days)
    n_days = (max(days) - first).days + 1
    if n_days <= _MOST_DAYS:
        unit = "day"
    else:
        unit = "week" if n_days <= _MOST_WEEKS * _WEEK else "month"
    counts = Counter(_first_day(unit, day) for day in days)
    every = (first + timedelta(days=offset) for offset in range(n_days))
    starts = dict.fromkeys(_first_day(unit, day) for day in every)
    shown = format_month if unit == "month" else format_value
    return unit, [(shown(start, lang), counts[start]) for start in starts]


def _first_day(unit: str, day: date) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


def by_sector(
    cases: Iterable[Case], lang: str = "en", *, full: bool = False
) -> list[tuple[str, int]]:
    """Return the number of complaints about each sector, the largest number first.

    If the law names a sector, the result contains the full name of the sector.  All
    other sectors are counted together, unless *full* is true: these texts can contain
    names and phone numbers.  If there are many sectors, the smallest sectors are also
    counted together.
    """
    french = law.load("FR")
    names = {sector.name: getattr(sector, lang) for sector in french.sectors}
    unknown = message("complaints.report.sector_unknown", lang)
    others = message("complaints.report.sector_others", lang)
    by_name = Counter(case.complaint.sector for case in cases)
    counts: Counter[str] = Counter()
    for sector, count in by_name.items():
        text = (sector if full else others) if sector else unknown
        counts[names.get(sector_named(sector, french) or sector, text)] += count
    rest = 0 if full else counts.pop(others, 0)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rest += sum(count for _, count in ranked[_MOST_SECTORS:])
    return [*ranked[:_MOST_SECTORS], *([(others, rest)] if rest else [])]


def shown_number(key: int, *, full: bool) -> str:
    """Return a presented number; hide its last four digits unless *full* is true.

    >>> shown_number(33162000012, full=False), shown_number(33162000012, full=True)
    ('01 62 00 •• ••', '01 62 00 00 12')
    """
    number = number_of(key)
    text = number.e164 if french_nsn(key) is None else number.national
    return text if full else _LAST_DIGIT.sub("\N{BULLET}", text)
