"""Audit of past calls: each call is judged by the law on the day of the call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bloctel._util.messages import check_language, message
from bloctel._util.strict import show
from bloctel.compliance.audit.call_columns import PastCalls
from bloctel.compliance.audit.facts import AuditSources, facts_of, without_ambiguous
from bloctel.compliance.judgement import (
    Decision,
    Effect,
    Finding,
    Ground,
    Judgement,
    judge,
)
from bloctel.errors import InputError
from bloctel.rules import Certainty
from bloctel.rules.law import (
    ContactBan,
    HoursException,
    HoursNeed,
    Law,
    LawVersion,
    SectorBan,
)


@dataclass(frozen=True, repr=False)
class Audit:
    """Result of an audit of past calls.

    Attributes:
        n_rows: The number of rows of the log.
        n_calls: The number of judged calls.  Only calls that were dialled are judged.
        unreadable: The rows, from 1, that are not judged, because their phone number
            cannot be read or is uncertain.  A number is uncertain if its digits may
            mean a second number, and this second number has evidence, is in the log, or
            is on a list that does not contain the first number.
        decisions: For each decision, the number of calls: `yes` for lawful calls, `no`
            for unlawful calls, `ask` if the answer is not known.
        n_stored: The number of calls that are judged by a verdict that the desk stored
            at the time of the call, because the data of the list was erased later.
        grounds: For each reason (a value of `Ground`), the number of unlawful calls.
    """

    n_rows: int
    n_calls: int
    unreadable: NDArray[np.int64]
    decisions: Mapping[Decision, int]
    n_stored: int
    grounds: Mapping[str, int]
    _rows: NDArray[np.int64]
    _at: NDArray[np.int64]
    _which: NDArray[np.int64]
    _judgements: Sequence[Judgement]
    _versions: Sequence[LawVersion]
    _is_stored: Sequence[bool]
    _law: Law

    def __repr__(self) -> str:
        shown = ", ".join(f"{d.value}: {n}" for d, n in self.decisions.items())
        return f"Audit({self.n_calls} calls; {shown})"

    def table(
        self, decision: str = Decision.NO, *, lang: str = "en"
    ) -> dict[str, NDArray[Any]]:
        """Return the grounds (reasons) of all calls with one decision, in columns.

        The table has one row for each ground of each call, in the order of the log.
        `pandas.DataFrame`, `polars.DataFrame` and `pyarrow.table` accept the result.
        The columns are:

        ====================  ====================================================
        `row`                 int64: the row of the call in the log, from 1
        `at`                  datetime64[us]: the time of the call, in UTC
        `ground`              the reason, as a stable code (`Ground`)
        `rule`                the id of the rule; empty if there is none
        `article`             the article, with its version
        `certainty`           the certainty of the rule
        `person_max_euros`    int64: the highest fine for a natural person, 0 if not
                              known
        `company_max_euros`   int64: the highest fine for a company, 0 if not known
        `cure`                the record that would have made the call lawful; empty if
                              there is no such record
        `note`                a sentence if a verdict on a list was stored at the time
                              of the call, and not looked up again; otherwise empty
        ====================  ====================================================

        Args:
            decision: `no` for unlawful calls, or `ask` for doubtful calls.
            lang: The language of `cure` and `note`, `en` or `fr`.

        Raises:
            InputError: *decision* or *lang* is not one of these values.
        """
        if decision not in (Decision.NO, Decision.ASK):
            raise InputError("the decision no or ask", show(decision), "decision")
        check_language(lang)
        note = message("compliance.audit.stored", lang)
        wanted = np.array([j.decision == decision for j in self._judgements], bool)
        calls = np.flatnonzero(wanted[self._which])
        findings = [
            (*_finding_cells(finding, one, self._law, lang), note if is_stored else "")
            for judgement, one, is_stored in zip(
                self._judgements, self._versions, self._is_stored, strict=True
            )
            for finding in judgement.deciding
        ]
        sizes = np.array([len(j.deciding) for j in self._judgements], np.int64)
        first = np.cumsum(sizes) - sizes
        which = self._which[calls]
        n = sizes[which]
        call = np.repeat(calls, n)
        inside = np.arange(len(call)) - np.repeat(np.cumsum(n) - n, n)
        index = first[self._which[call]] + inside
        columns: dict[str, NDArray[Any]] = {
            "row": self._rows[call] + 1,
            "at": self._at[call].astype("datetime64[us]"),
        }
        for i, name in enumerate(_COLUMNS):
            dtype = np.int64 if name.endswith("euros") else object
            columns[name] = np.array([row[i] for row in findings], dtype)[index]
        return columns


_COLUMNS: Final = (
    "ground",
    "rule",
    "article",
    "certainty",
    "person_max_euros",
    "company_max_euros",
    "cure",
    "note",
)


def audit_calls(calls: PastCalls, sources: AuditSources, *, trust: Certainty) -> Audit:
    """Judge each past call by the law and the lists on the day of the call."""
    calls = without_ambiguous(calls, sources)
    facts, which = facts_of(calls, sources)
    judgements = [judge(each, sources.law, trust=trust) for each in facts]
    counts = np.bincount(which, minlength=len(facts)).tolist()
    decisions = dict.fromkeys(Decision, 0)
    grounds: dict[str, int] = {}
    for judgement, n in zip(judgements, counts, strict=True):
        decisions[judgement.decision] += n
        if judgement.decision is Decision.NO:
            for ground in {finding.ground.value for finding in judgement.deciding}:
                grounds[ground] = grounds.get(ground, 0) + n
    order = np.argsort(calls.rows, kind="stable")
    return Audit(
        n_rows=calls.n_rows,
        n_calls=len(calls.rows),
        unreadable=calls.unreadable + 1,
        decisions=decisions,
        n_stored=sum(
            n for n, each in zip(counts, facts, strict=True) if each.lists_stored
        ),
        grounds=dict(sorted(grounds.items(), key=lambda item: (-item[1], item[0]))),
        _rows=calls.rows[order],
        _at=calls.at[order],
        _which=which[order],
        _judgements=judgements,
        _versions=[sources.law.versions[each.version_index] for each in facts],
        _is_stored=[each.lists_stored for each in facts],
        _law=sources.law,
    )


def _finding_cells(
    finding: Finding, version: LawVersion, law: Law, lang: str
) -> tuple[object, ...]:
    rule, fine = finding.rule, None
    about_rule = ("", "", "")
    if rule is not None:
        fine = law.sanction_of(rule, on=version.valid_from)
        about_rule = rule.id, rule.citation, rule.certainty.value
    return (
        finding.ground.value,
        *about_rule,
        fine.person_max_euros if fine else 0,
        fine.company_max_euros if fine else 0,
        _cure(finding, version, lang),
    )


#: For each reason, the key of a text: the record that would make the call lawful.
_CURES: Final = {
    Ground.LISTED: "contract",
    Ground.NO_CONSENT: "no_consent",
    Ground.LIST_UNANSWERED: "list_unanswered",
    Ground.LIST_NOT_KNOWN: "list_not_known",
}
_TIMES: Final = (Ground.DAY, Ground.HOLIDAY, Ground.HOUR)
_CURE_OF_TIMES: Final = {HoursNeed.CONSENT: "consent", HoursNeed.SLOT: "slot"}


def _cure(finding: Finding, version: LawVersion, lang: str) -> str:
    """Return a text that names the record that would have made a call lawful, or "".

    >>> from datetime import date
    >>> from bloctel.rules import law
    >>> french, hour = law.load("FR"), Finding(Effect.FORBIDS, Ground.HOUR)
    >>> _cure(hour, french.on(date(2026, 11, 23)), "en")
    'a consent to be called at that date and time'
    >>> _cure(hour, french.on(date(2024, 6, 3)), "en")
    'an express consent to be called, given before the call, that was still valid'
    """
    if finding.ground in _TIMES:
        exception = version.one(HoursException)
        keys = [_CURE_OF_TIMES[exception.needs]] if exception else []
    elif finding.effect is Effect.ASKS and finding.missing:
        return message(f"compliance.input.{finding.missing}", lang)
    elif isinstance(finding.rule, SectorBan | ContactBan):
        keys = [str(lift) for lift in finding.rule.lifted_by]
    else:
        keys = [_CURES[finding.ground]] if finding.ground in _CURES else []
    texts = [message(f"compliance.cure.{key}", lang) for key in keys]
    return f" {message('compliance.cure.or', lang)} ".join(texts)
