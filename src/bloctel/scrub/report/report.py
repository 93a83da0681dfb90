"""HTML report of a scrub: one page, which people can read, archive and print.

The page loads no other file and runs no script.  The page contains no complete phone
number, because examples are masked.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from bloctel import rules
from bloctel._util import clock
from bloctel._util.html import environment, render
from bloctel._util.messages import (
    catalogue,
    check_language,
    format_probability,
    message,
)
from bloctel._util.protected_files import refuse_to_replace
from bloctel._version import __version__
from bloctel.errors import UnknownListError
from bloctel.lookup.question import Question
from bloctel.periods import add_days
from bloctel.rules import law
from bloctel.rules.law import Regime
from bloctel.scrub.classifier import KINDS
from bloctel.scrub.opposition_source import Against, path_of, shown_target
from bloctel.scrub.options import Job, ReportOptions
from bloctel.scrub.origin.anomalies import FEWEST_NUMBERS, Anomaly
from bloctel.scrub.receipts.receipt import Receipt, masked_name
from bloctel.scrub.summary import ScrubSummary
from bloctel.tabular.csv_reader import Source, source_name
from bloctel.tabular.outputs import Target, open_output

_TEMPLATE: Final = Path(__file__).parent / "templates/report.html.j2"
#: French terms in English text, which screen readers pronounce as French.
_FRENCH: Final = re.compile("(consentement préalable|Code de la consommation)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSubject:
    """Input, lists and days of a scrub, as its report shows them.

    Attributes:
        file: The name of the file that was scrubbed.
        columns: The names of the phone columns.
        against: The name of the opposition source, without a password.
        days: The day for which each list was looked up, by the name of the list, as in
            `Question.days`.
        made_on: The day on which the scrub ran; if it is None, the page shows no such
            day.
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
    """Write an HTML report of a scrub; after an error, no file is written.

    Args:
        target: A path, or a binary stream.
        summary: The result of the scrub.
        subject: The input, the lists and the days of the scrub.
        receipt: The values of a receipt to show, by their labels; a value may be a
            mapping of labels to values.

    Raises:
        InputError: The target cannot be written, or the language is not known.
        MissingExtraError: The package Jinja2 is not installed.
    """
    text = as_html(summary, subject, receipt=receipt)
    with open_output("the report", target) as file:
        file.write(text.encode())


def check_target(options: ReportOptions) -> None:
    """Check, before a scrub, that its report can be written."""
    check_language(options.lang)
    environment(_TEMPLATE.parent)
    if isinstance(options.target, str | Path):
        refuse_to_replace(options.target)


def report_on(
    summary: ScrubSummary,
    options: ReportOptions,
    *,
    source: Source,
    against: Against,
    job: Job,
) -> None:
    """Write the report of a scrub; if the scrub has a receipt, the report shows it."""
    question = job.question
    first = question.requested_lists[0]
    subject = ReportSubject(
        file=masked_name(source_name(source) if options.file is None else options.file),
        columns=list(map(str, job.columns)),
        against=_shown_source(against, question, options.lang),
        days=question.days,
        made_on=clock.today(first.rules.time_zone),
        lang=options.lang,
    )
    receipt = summary.receipt
    entries = None if receipt is None else _entries(receipt, options.lang)
    write_report(options.target, summary, subject, receipt=entries)


def _shown_source(against: Against, question: Question, lang: str) -> str:
    """Return the name of an opposition source, without a password."""
    path, known = path_of(against), question.provenance
    if path is not None:
        return shown_target(str(path))
    if known is None:
        return message("scrub.against.book", lang)
    if known.built_on is not None:
        return message("scrub.against.snapshot", lang, day=known.built_on)
    return message("scrub.against.registry", lang, identity=str(known.registry))


def _entries(receipt: Receipt, lang: str) -> dict[str, object]:
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
    """Return the HTML page that `write_report` writes."""
    lang = subject.lang
    return render(
        _TEMPLATE,
        lang,
        version=__version__,
        summary=summary,
        subject=subject,
        receipt=receipt,
        law=_law(lang),
        counts={kind: getattr(summary, kind) for kind in KINDS},
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


def _law(lang: str) -> list[str]:
    """Return the parts of a text about the law; every second part is a French term."""
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
    """Return the catalogue's text for a code, or the code if there is no text."""
    key = f"{group}.{code}"
    return message(key, lang) if key in catalogue(lang) else code


def _list_row(name: str, day: date) -> tuple[str, str, date, date | str]:
    """Return a list's name, title and look-up day, and the day of the next look-up."""
    try:
        found = rules.load(name)
    except UnknownListError:  # a book of another library can have a list without rules
        return name, "", day, "-"
    validity = rules.in_force(found.answer_validity, on=day)
    return name, found.title, day, add_days(day, validity.days)


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
