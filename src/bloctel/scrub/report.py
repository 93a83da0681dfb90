"""The report of a scrub: one page of HTML that people read, file and print.

It needs neither network nor script.  It holds no number: examples are masked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bloctel import rules
from bloctel._version import __version__
from bloctel.errors import UnknownListError
from bloctel.periods import add_days
from bloctel.scrub.chances import said
from bloctel.scrub.opposition_source import refuse_replacing
from bloctel.scrub.origin.tests import FEWEST_NUMBERS
from bloctel.scrub.report_chart import bar, share, swatch
from bloctel.scrub.report_html import Html, facts, foreign, joined, page, table, tag
from bloctel.scrub.report_words import MARKS, REASONS
from bloctel.tabular.outputs import open_outputs, refuse_clashes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from bloctel.scrub.origin.detector import Finding
    from bloctel.scrub.summary import ScrubSummary
    from bloctel.tabular.csv_reader import Source
    from bloctel.tabular.outputs import Outputs, Target

__all__ = ["ReportSubject", "as_html", "require_place", "write_report"]

#: The list whose end changed what "clear" is worth.
_NATIONAL: Final = "fr.bloctel"
_FRENCH: Final = ("consentement préalable", "Code de la consommation")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSubject:
    """What a scrub was about.

    Attributes:
        file: The name of the file that was scrubbed.
        columns: Its phone columns.
        against: What it was scrubbed against, without passwords.
        days: The day that was asked of each list, by the list's name; the `days` of
            the question.
        made_on: The day of the scrub itself, if it is to be shown.
    """

    file: str
    columns: Sequence[str]
    against: str
    days: Mapping[str, date]
    made_on: date | None = None


def write_report(
    target: Target,
    summary: ScrubSummary,
    subject: ReportSubject,
    *,
    receipt: Mapping[str, object] | None = None,
) -> None:
    """Write a page of HTML about a scrub; the file appears whole or not at all.

    Args:
        target: A path, or a binary stream.
        summary: What the scrub found.
        subject: What it was about.
        receipt: What a receipt says, by label; values may be such mappings again.

    Raises:
        InputError: Nothing can be written there.
    """
    text = as_html(summary, subject, receipt=receipt)
    with open_outputs({"report": target}, source=None) as files:
        files["report"].write(text.encode())


def require_place(
    target: Target, *, source: Source, outputs: Outputs, against: str
) -> None:
    """Make sure, before a scrub, that its report will replace nothing it needs.

    Raises:
        InputError: It would replace the input, an output or the opposition list, or
            nothing can be written there.
    """
    path = Path(source) if isinstance(source, str | Path) else None
    status = path.stat() if path and path.exists() else None
    refuse_clashes({**outputs.wanted(), "report": target}, source=status)
    refuse_replacing({"report": target}, against)


def as_html(
    summary: ScrubSummary,
    subject: ReportSubject,
    *,
    receipt: Mapping[str, object] | None = None,
) -> str:
    """Return the page that `write_report` writes."""
    sections = (
        _head(summary, subject),
        _warning(),
        _about(summary, subject),
        _rows(summary),
        _blocked(summary),
        _invalid(summary),
        _makeup(summary),
        _receipt(receipt),
        tag("footer", tag("p", f"Written by bloctel {__version__}.", class_="small")),
    )
    return page(f"Scrub report: {subject.file}", sections)


def _head(summary: ScrubSummary, subject: ReportSubject) -> Html:
    found = (
        f"{summary.rows:,} rows: {summary.clear:,} clear, "
        f"{summary.blocked:,} blocked, {summary.invalid:,} invalid."
    )
    return tag(
        "header",
        tag("p", "Scrub report", class_="kind"),
        tag("h1", foreign(subject.file)),
        tag("p", found, class_="lede"),
    )


def _warning() -> Html:
    """Say what "clear" is worth, from the rules of the list that has ended."""
    closing = rules.load(_NATIONAL).closing
    law = (
        f"In France, since {closing.closes_on.isoformat()}, {closing.since}."
        if closing
        else ""
    )
    return tag(
        "div",
        tag("h2", "Clear does not mean that a number may be called"),
        tag(
            "p",
            "Clear means: on none of the lists asked, on the day asked. Whether a "
            "call is lawful is another question, which this page does not answer.",
        ),
        tag("p", _with_french(law)),
        class_="note",
    )


def _with_french(text: str) -> Html:
    """Mark the French terms as such, so that they are read aloud as French."""
    for term in _FRENCH:
        before, found, after = text.partition(term)
        if found:
            marked = tag("i", term, lang="fr")
            return joined([_with_french(before), marked, _with_french(after)])
    return joined([text])


def _about(summary: ScrubSummary, subject: ReportSubject) -> Html:
    pairs: list[tuple[str, str]] = [("File", foreign(subject.file))]
    named = "Phone column" if len(subject.columns) == 1 else "Phone columns"
    pairs.append((named, _listed(subject.columns)))
    pairs.append(("Scrubbed against", foreign(subject.against)))
    if subject.made_on:
        pairs.append(("Scrubbed on", subject.made_on.isoformat()))
    pairs += [
        (f"File of {name} rows", foreign(str(path)))
        for name, path in summary.outputs.items()
    ]
    lists = table(
        "The lists that were asked",
        ("List", "Day asked", "Ask again by"),
        [_list_row(name, day) for name, day in subject.days.items()],
    )
    return tag("section", tag("h2", "What was scrubbed"), facts(pairs), lists)


def _listed(names: Sequence[str]) -> Html:
    parts = [part for name in names for part in (", ", foreign(name))]
    return joined(parts[1:])


def _list_row(name: str, day: date) -> tuple[str, ...]:
    """Return a list, the day asked, and the day from which an answer is too old."""
    shown = tag("code", name)
    try:
        held = rules.load(name)
    except UnknownListError:  # a list of the caller's own making
        return shown, day.isoformat(), "-"
    stands = rules.in_force(held.answer_validity, on=day)
    about = tag("span", held.title, class_="small")
    again = add_days(day, stands.days)
    return joined([shown, about]), day.isoformat(), again.isoformat()


def _rows(summary: ScrubSummary) -> Html:
    counts = {
        "clear": summary.clear,
        "blocked": summary.blocked,
        "invalid": summary.invalid,
    }
    meaning = {
        "clear": "on none of the lists asked",
        "blocked": "a number that a list blocks",
        "invalid": "no number that can be read, or none",
    }
    rows = [
        (
            joined([swatch(kind), kind.capitalize(), _beside(meaning[kind])]),
            f"{count:,}",
            share(count, summary.rows),
        )
        for kind, count in counts.items()
    ]
    return tag(
        "section",
        tag("h2", "What was found"),
        bar(counts),
        table(f"All {summary.rows:,} rows", ("Rows", "Count", "Share"), rows),
    )


def _beside(text: str) -> Html:
    return tag("span", text, class_="small")


def _blocked(summary: ScrubSummary) -> Html:
    if not summary.blocked_lists:
        return Html()
    rows = [
        (tag("code", name), f"{count:,}", share(count, summary.rows))
        for name, count in _most_first(summary.blocked_lists)
    ]
    caption = "Blocked rows, by the list that blocks them"
    head = ("List", "Count", "Share")
    return tag("section", tag("h2", "Blocked rows"), table(caption, head, rows))


def _invalid(summary: ScrubSummary) -> Html:
    if not summary.invalid_reasons:
        return Html()
    rows = [
        (_fault(summary, reason), f"{count:,}", share(count, summary.rows))
        for reason, count in _most_first(summary.invalid_reasons)
    ]
    caption = (
        "Invalid rows, by the reason, with the first examples: letters are shown as x, "
        "digits after the first few as \N{BULLET}"
    )
    head = ("Reason", "Count", "Share")
    return tag("section", tag("h2", "Invalid rows"), table(caption, head, rows))


def _fault(summary: ScrubSummary, reason: str) -> Html:
    """Return a reason, in words, with masked examples."""
    words = REASONS.get(reason, reason)
    parts: list[str] = [words[:1].upper() + words[1:], " ", tag("code", reason)]
    for example in summary.examples.get(reason, ()):
        cell = tag("code", foreign(example.text))
        parts.append(tag("span", f"row {example.row:,}  ", cell, class_="small"))
    return joined(parts)


def _most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _makeup(summary: ScrubSummary) -> Html:
    if summary.findings:
        text = (
            "The numbers bear marks of a machine that counted or drew them, instead of "
            "people who gave them. That changes no verdict, and honest files can bear "
            "them too: ask where the file comes from."
        )
    else:
        text = (
            "Nothing in the numbers looks as if a machine had counted or drawn them. "
            f"Files of fewer than {FEWEST_NUMBERS:,} numbers are not examined."
        )
    return tag(
        "section",
        tag("h2", "How the file may have come about"),
        tag("p", text),
        *map(_finding, summary.findings),
    )


def _finding(finding: Finding) -> Html:
    says = finding.says[:1].upper() + finding.says[1:] + "."
    measured = (
        f"{finding.statistic}: {_figure(finding.observed)}, where "
        f"{_figure(finding.expected)} is expected of a plain file; so far off, the "
        f"chance is {said(finding.probability)}"
    )
    pairs = (
        ("Measured", measured),
        ("Threshold", finding.threshold),
        ("Assumed", finding.assumption),
    )
    title = MARKS.get(finding.code, finding.code)
    return tag("div", tag("h3", title), tag("p", says), facts(pairs), class_="finding")


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _receipt(receipt: Mapping[str, object] | None) -> Html:
    if not receipt:
        return Html()
    return tag("section", tag("h2", "Receipt"), facts(_entries(receipt)))


def _entries(held: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for label, value in held.items():
        if isinstance(value, dict):
            yield label, facts(_entries(value))
        elif isinstance(value, list | tuple):
            yield label, ", ".join(map(str, value))
        else:
            yield label, "-" if value is None else str(value)
