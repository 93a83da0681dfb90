"""What complaints show, as one page of HTML that can be published.

It needs neither network nor script.  It holds no number that was called, and unless it
is asked for in full, nothing that names a caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bloctel._version import __version__
from bloctel.complaints.cases import State
from bloctel.complaints.findings import find, find_callers
from bloctel.complaints.report_chart import STYLE, bar, columns
from bloctel.complaints.report_words import TITLES
from bloctel.complaints.sharing import shown_number
from bloctel.complaints.tallies import by_period, by_sector, by_state
from bloctel.complaints.telling import STATE_WORDS
from bloctel.scrub.chances import said
from bloctel.scrub.report_chart import share
from bloctel.scrub.report_html import Html, facts, foreign, joined, page, table, tag
from bloctel.tabular.outputs import open_outputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from bloctel.complaints.actors import Actor
    from bloctel.complaints.cases import Case
    from bloctel.complaints.leads import Finding
    from bloctel.tabular.outputs import Target

__all__ = ["ReportOptions", "as_html", "write_report"]

_MOST_OF_A_KIND: Final = 10
_MOST_CALLERS: Final = 20
_MOST_LISTED: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """How a report is made.

    Attributes:
        title: Its title.
        made_on: The day on which it was made, if it is to be shown.
        full: Whether it shows the numbers and names of callers, and the names of the
            complaints; who publishes that answers for it.
    """

    title: str = "What complaints about calls show"
    made_on: date | None = None
    full: bool = False


def write_report(
    target: Target, cases: Sequence[Case], options: ReportOptions | None = None
) -> None:
    """Write a page of HTML about complaints; the file appears whole or not at all.

    Args:
        target: A path, or a binary stream.
        cases: The complaints.
        options: How it is made.

    Raises:
        InputError: Nothing can be written there.
        MissingExtraError: The packages rapidfuzz and python-stdnum are not installed.
    """
    text = as_html(cases, options or ReportOptions())
    with open_outputs({"report": target}, source=None) as files:
        files["report"].write(text.encode())


def as_html(cases: Sequence[Case], options: ReportOptions) -> str:
    """Return the page that `write_report` writes."""
    actors = find_callers(cases)
    sections = (
        _head(cases, options),
        _warning(options),
        _states(cases),
        _time(cases),
        _sectors(cases),
        _findings(find(cases), options),
        _callers(actors, options),
        _method(),
        _foot(options),
    )
    return page(options.title, sections, style=STYLE)


def _head(cases: Sequence[Case], options: ReportOptions) -> Html:
    days = [day for case in cases if (day := case.complaint.called_on)]
    span = (
        f", about calls from {min(days).isoformat()} to {max(days).isoformat()}"
        if days
        else ""
    )
    return tag(
        "header",
        tag("p", "Report on complaints", class_="kind"),
        tag("h1", foreign(options.title)),
        tag("p", f"{len(cases):,} complaints{span}.", class_="lede"),
    )


def _warning(options: ReportOptions) -> Html:
    hidden = (
        "Numbers and names are shown as people told them: they may be false, and may "
        "be those of somebody else."
        if options.full
        else "Numbers are shown without their last digits, and names are left out."
    )
    texts = (
        "Each finding below says where to look. It rests on what people told, on "
        "assumptions that it names, and it can be wrong with the chance that it gives. "
        "Numbers that are shown can be forged, and belong to somebody who knows "
        "nothing of the calls.",
        f"{hidden} No number that was called is in this page. This is no legal advice.",
    )
    return tag(
        "div",
        tag("h2", "A finding is a lead, not a proof"),
        *(tag("p", text) for text in texts),
        class_="note",
    )


def _states(cases: Sequence[Case]) -> Html:
    counts = by_state(cases)
    rows = [
        (STATE_WORDS[state].en.capitalize(), f"{count:,}", share(count, len(cases)))
        for state, count in counts.items()
        if count or state is not State.SIGNAL
    ]
    head = ("State", "Count", "Share")
    return tag(
        "section",
        tag("h2", "Where the complaints stand"),
        table(f"All {len(cases):,} complaints", head, rows),
    )


def _time(cases: Sequence[Case]) -> Html:
    unit, periods = by_period(cases)
    if not periods:
        return Html()
    name, most = max(periods, key=lambda period: period[1])
    told = f"One column for each {unit}; the most calls, {most:,}, in that of {name}."
    chart = columns(periods, label=f"Calls that were complained of. {told}")
    return tag(
        "section",
        tag("h2", "When the calls came"),
        chart,
        tag("p", told, class_="small"),
    )


def _sectors(cases: Sequence[Case]) -> Html:
    sectors = by_sector(cases)
    if not sectors:
        return Html()
    most = max(count for _, count in sectors)
    rows = [
        (
            joined([foreign(name), bar(count, most)]),
            f"{count:,}",
            share(count, len(cases)),
        )
        for name, count in sectors
    ]
    return tag(
        "section",
        tag("h2", "What the calls were about"),
        table("Complaints by sector", ("Sector", "Count", "Share"), rows),
    )


# -- findings --------------------------------------------------------------------


def _findings(findings: Sequence[Finding], options: ReportOptions) -> Html:
    if not findings:
        text = "Nothing in these complaints is rarer than chance makes it."
        return tag("section", tag("h2", "What the complaints show"), tag("p", text))
    codes = dict.fromkeys(finding.code for finding in findings)
    parts = [
        part
        for code in codes
        for part in _of_a_kind([f for f in findings if f.code == code], options)
    ]
    return tag("section", tag("h2", "What the complaints show"), *parts)


def _of_a_kind(findings: Sequence[Finding], options: ReportOptions) -> Iterator[Html]:
    for finding in findings[:_MOST_OF_A_KIND]:
        yield _finding(finding, options)
    left = len(findings) - _MOST_OF_A_KIND
    if left > 0:
        title = TITLES[findings[0].code].lower()
        yield tag("p", f"And {left:,} more of this kind ({title}).", class_="small")


def _finding(finding: Finding, options: ReportOptions) -> Html:
    says = finding.says[:1].upper() + finding.says[1:] + "."
    pairs = [
        (
            "Measured",
            f"{finding.statistic}: {_figure(finding.observed)}, where "
            f"{_figure(finding.expected)} is expected",
        ),
        (
            "Chance of being wrong",
            f"{said(finding.probability)}, as far as what is assumed is true",
        ),
        ("Threshold", finding.threshold),
        ("Assumed", finding.assumption),
        ("Rests on", _evidence(finding, options)),
    ]
    if finding.numbers:
        pairs.insert(0, ("Number shown", _numbers(finding.numbers, options)))
    if finding.names and options.full:
        pairs.insert(0, ("Name", _listed(finding.names)))
    title = TITLES[finding.code]
    return tag("div", tag("h3", title), tag("p", says), facts(pairs), class_="finding")


def _evidence(finding: Finding, options: ReportOptions) -> str:
    told = f"{len(finding.evidence):,} complaints"
    return f"{told}: {', '.join(finding.evidence)}" if options.full else told


def _numbers(keys: Sequence[int], options: ReportOptions) -> Html:
    return _listed([shown_number(key, full=options.full) for key in keys])


def _listed(texts: Sequence[str]) -> Html:
    parts = [part for text in texts[:_MOST_LISTED] for part in (", ", foreign(text))]
    left = len(texts) - _MOST_LISTED
    return joined([*parts[1:], f" and {left:,} more" if left > 0 else ""])


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


# -- callers ---------------------------------------------------------------------


def _callers(actors: Sequence[Actor], options: ReportOptions) -> Html:
    rows = [
        (
            _caller(place, actor, options),
            f"{len(actor.complaints):,}",
            f"{len(actor.numbers):,}",
            f"{len(actor.sirens):,}",
        )
        for place, actor in enumerate(actors[:_MOST_CALLERS], 1)
        if actor.numbers
    ]
    if not rows:
        return Html()
    caption = (
        "Complaints that share a number, a firm, an address or a rare name are taken "
        "for those about one caller"
    )
    head = ("Caller", "Complaints", "Numbers", "Firms")
    return tag(
        "section",
        tag("h2", "The callers with the most complaints"),
        table(caption, head, rows),
    )


def _caller(place: int, actor: Actor, options: ReportOptions) -> Html:
    parts = [f"Caller {place:,}"]
    if options.full and actor.names:
        parts.append(tag("span", _listed(actor.names[:3]), class_="small"))
    numbers = _numbers(actor.numbers[:3], options)
    return joined([*parts, tag("span", numbers, class_="small")])


def _method() -> Html:
    texts = (
        "People report what they noticed: callers who annoy more, or who call where an "
        "association is better known, are reported more. Counts of complaints are no "
        "counts of calls.",
        "The chance of being wrong is that of finding the like where nothing is behind "
        "it, all callers that were looked at taken together. It says nothing of who is "
        "behind a number.",
    )
    return tag(
        "section", tag("h2", "How to read this"), *(tag("p", text) for text in texts)
    )


def _foot(options: ReportOptions) -> Html:
    day = f" on {options.made_on.isoformat()}" if options.made_on else ""
    text = f"Written by bloctel {__version__}{day}."
    return tag("footer", tag("p", text, class_="small"))
