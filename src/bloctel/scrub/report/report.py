"""HTML report of a scrub: one page to read, archive and print.

The page loads no other file and runs no script.  It contains no complete phone number,
because examples are masked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from bloctel import rules
from bloctel._util import clock
from bloctel._util.html import environment, render
from bloctel._util.messages import (
    catalogue,
    check_language,
    format_probability,
    message,
)
from bloctel._version import __version__
from bloctel.errors import UnknownListError
from bloctel.periods import add_days
from bloctel.rules import law
from bloctel.rules.law import Regime
from bloctel.scrub.opposition_source import path_of, refuse_overwriting, shown_target
from bloctel.scrub.origin.tests import FEWEST_NUMBERS
from bloctel.tabular.csv_reader import source_name
from bloctel.tabular.outputs import open_outputs, refuse_clashes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from bloctel.lookup.question import Question
    from bloctel.scrub.opposition_source import Against
    from bloctel.scrub.origin.tests import Anomaly
    from bloctel.scrub.receipts.receipt import Receipt
    from bloctel.scrub.summary import ScrubSummary
    from bloctel.tabular.csv_reader import Source
    from bloctel.tabular.outputs import Outputs, Target

__all__ = [
    "ReportOptions",
    "ReportSubject",
    "as_html",
    "check_target",
    "report_on",
    "write_report",
]

_TEMPLATE: Final = Path(__file__).parent / "templates/report.html.j2"
#: French terms in English text, which screen readers pronounce as French.
_FRENCH: Final = re.compile("(consentement préalable|Code de la consommation)")


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Destination of a report, and its language.

    Attributes:
        target: A path, or a binary stream.
        lang: The language of the page, `en` or `fr`.
        file: The name of the call file on the page; by default the name of the source.
    """

    target: Target
    lang: str = "en"
    file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSubject:
    """Input, lists and day of a scrub.

    Attributes:
        file: The name of the file that was scrubbed.
        columns: The names of the phone columns.
        against: The name of the opposition source, without passwords.
        days: The day for which each list was checked, by the list's name, as in
            `Question.days`.
        made_on: The day of the scrub itself; None does not show it.
        lang: The language of the page, `en` or `fr`.
    """

    file: str
    columns: Sequence[str]
    against: str
    days: Mapping[str, date]
    made_on: date | None = None
    lang: str = "en"


def write_report(
    target: Target,
    summary: ScrubSummary,
    subject: ReportSubject,
    *,
    receipt: Mapping[str, object] | None = None,
) -> None:
    """Write a page of HTML about a scrub; the file appears complete or not at all.

    Args:
        target: A path, or a binary stream.
        summary: The result of the scrub.
        subject: The input of the scrub.
        receipt: The content of a receipt, by label; a value may be a nested mapping.

    Raises:
        InputError: The target cannot be written, or the language is not known.
        MissingExtraError: The package Jinja2 is not installed.
    """
    text = as_html(summary, subject, receipt=receipt)
    with open_outputs({"report": target}, source=None) as files:
        files["report"].write(text.encode())


def check_target(
    options: ReportOptions, *, source: Source, outputs: Outputs, against: Against
) -> None:
    """Check, before a scrub, that its report can be written and replaces no other file.

    Raises:
        InputError: The report would replace the input, an output or the opposition
            list, cannot be written, or has an unknown language.
        MissingExtraError: The package Jinja2 is not installed.
    """
    check_language(options.lang)
    environment(_TEMPLATE.parent)
    path = Path(source) if isinstance(source, str | Path) else None
    status = path.stat() if path and path.exists() else None
    refuse_clashes({**outputs.wanted(), "report": options.target}, source=status)
    refuse_overwriting({"report": options.target}, against)


def report_on(
    summary: ScrubSummary,
    options: ReportOptions,
    *,
    source: Source,
    columns: Sequence[str | int],
    against: Against,
    question: Question,
) -> None:
    """Write the report of a scrub, with its receipt if it has one."""
    first = question.requested_lists[0]
    subject = ReportSubject(
        file=source_name(source) if options.file is None else options.file,
        columns=list(map(str, columns)),
        against=_shown_source(against, question, options.lang),
        days=question.days,
        made_on=clock.today(first.rules.time_zone),
        lang=options.lang,
    )
    receipt = summary.receipt
    entries = None if receipt is None else _entries(receipt, options.lang)
    write_report(options.target, summary, subject, receipt=entries)


def _shown_source(against: Against, question: Question, lang: str) -> str:
    """Return the name of an opposition source, without passwords."""
    path, known = path_of(against), question.provenance
    if path is not None:
        return shown_target(str(path))
    if known is None:
        return message("scrub.against.book", lang)
    if known.built_on is not None:
        return message("scrub.against.snapshot", lang, day=known.built_on)
    return message("scrub.against.registry", lang, identity=str(known.registry))


def _entries(receipt: Receipt, lang: str) -> dict[str, object]:
    """Return the entries that identify a receipt, and the SHA-256 of its files."""
    files = {"input": receipt.input, **receipt.outputs}
    position, signature = receipt.journal, receipt.signature
    entries = {
        "last_day": receipt.valid_until - timedelta(days=1),
        "made_at": receipt.made_at.isoformat(),
        "sha256": {name: file.sha256 for name, file in files.items()},
        "digest": receipt.digest,
        "number": position and position.number,
        "public_key": signature and signature.public_key,
    }
    return {
        message(f"scrub.receipt.{name}", lang): value for name, value in entries.items()
    }


def as_html(
    summary: ScrubSummary,
    subject: ReportSubject,
    *,
    receipt: Mapping[str, object] | None = None,
) -> str:
    """Return the page that `write_report` writes."""
    lang = subject.lang
    return render(
        _TEMPLATE,
        lang,
        version=__version__,
        summary=summary,
        subject=subject,
        receipt=receipt,
        law=_law(lang),
        counts={kind: getattr(summary, kind) for kind in _KINDS},
        outputs=[
            (_text_of("scrub.kind", name, lang), str(path))
            for name, path in summary.outputs.items()
        ],
        lists=[_list_row(name, day) for name, day in subject.days.items()],
        blocked_lists=_most_first(summary.blocked_lists),
        invalid_reasons=[
            (reason, _text_of("scrub.reason", reason, lang), count)
            for reason, count in _most_first(summary.invalid_reasons)
        ],
        findings=[(finding, _measured(finding)) for finding in summary.anomalies],
        fewest_numbers=FEWEST_NUMBERS,
    )


_KINDS: Final = ("clear", "blocked", "invalid")


def _law(lang: str) -> list[str]:
    """Return the parts of a text on the current law; every second part is French."""
    closing = rules.load("fr.bloctel").closing
    regime = law.load("FR").on(closing.closes_on).one(Regime) if closing else None
    if closing is None or regime is None:
        return []
    text = message(
        "scrub.report.law",
        lang,
        day=closing.closes_on,
        article=regime.article,
        version=regime.article_version,
    )
    return _FRENCH.split(text) if lang == "en" else [text]


def _text_of(group: str, code: str, lang: str) -> str:
    """Return the text of a code; the code itself if it has no text."""
    key = f"{group}.{code}"
    return message(key, lang) if key in catalogue(lang) else code


class _ListRow(NamedTuple):
    name: str
    title: str
    day: date
    check_again_by: date | str


def _list_row(name: str, day: date) -> _ListRow:
    """Return a list with the day from which its answer is too old."""
    try:
        found = rules.load(name)
    except UnknownListError:  # a list that the caller made
        return _ListRow(name, "", day, "-")
    validity = rules.in_force(found.answer_validity, on=day)
    return _ListRow(name, found.title, day, add_days(day, validity.days))


def _most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _measured(finding: Anomaly) -> str:
    return message(
        "scrub.report.measure",
        "en",
        statistic=finding.statistic,
        observed=finding.observed,
        expected=finding.expected,
        probability=format_probability(finding.probability),
    )
