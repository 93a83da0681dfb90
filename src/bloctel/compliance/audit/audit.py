"""The audit of past calls: which of them the law of their day forbade, and why."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from bloctel._util.messages import check_language, message
from bloctel.compliance.audit.facts import facts_of
from bloctel.compliance.findings import Decision, Effect, Ground
from bloctel.compliance.judgement import judge
from bloctel.errors import InputError
from bloctel.rules.law import HoursException, HoursNeed, SectorBan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bloctel.compliance.audit.call_columns import PastCalls
    from bloctel.compliance.audit.facts import Known
    from bloctel.compliance.facts import Facts
    from bloctel.compliance.findings import Finding, Judgement
    from bloctel.rules import Certainty
    from bloctel.rules.law import Era

__all__ = ["Audit", "audit_calls"]


class _Against(NamedTuple):
    """Ground against a call, with its rule and fines."""

    ground: str
    rule: str
    article: str
    certainty: str
    person_max_euros: int
    company_max_euros: int
    finding: Finding
    era: Era


@dataclass(frozen=True, repr=False)
class Audit:
    """Result of an audit of past calls by the law of their day.

    Attributes:
        n_rows: Rows of the log.
        n_calls: Calls that were judged: those that were dialled.
        unreadable: The rows, from 1, whose number cannot be read; nobody judged them.
        decisions: How many calls were lawful (`yes`), were not (`no`), or are not known
            to have been (`ask`).
        grounds: How many of the calls that were not lawful each ground speaks against,
            by its code (`Ground`).
    """

    n_rows: int
    n_calls: int
    unreadable: NDArray[np.int64]
    decisions: Mapping[Decision, int]
    grounds: Mapping[str, int]
    _rows: NDArray[np.int64]
    _at: NDArray[np.int64]
    _which: NDArray[np.int64]
    _judgements: Sequence[Judgement]
    _against: Sequence[Sequence[_Against]]

    def __repr__(self) -> str:
        shown = ", ".join(f"{d.value}: {n}" for d, n in self.decisions.items())
        return f"Audit({self.n_calls} calls; {shown})"

    def table(
        self, decision: str = Decision.NO, *, lang: str = "en"
    ) -> dict[str, NDArray[Any]]:
        """Return the grounds against calls with a decision, in the order of the log.

        A call has a row for each ground.  `pandas.DataFrame`, `polars.DataFrame` and
        `pyarrow.table` take the columns as they are:

        ====================  ====================================================
        `row`                 int64: where the call stands in the log, from 1
        `at`                  datetime64[us]: when it was made, in UTC
        `ground`              why, as a code that does not change (`Ground`)
        `rule`                the name of the rule; empty where no rule says so
        `article`             the article, with its version
        `certainty`           how sure the rule is
        `person_max_euros`    int64: the fine at most for a natural person, 0 if none
                              is known
        `company_max_euros`   int64: the same for a company
        `cure`                which record would have made the call lawful; empty if
                              none would
        ====================  ====================================================

        Args:
            decision: `no`, for breaches; or `ask`, for what is not known.
            lang: The language of `cure`, `en` or `fr`.

        Raises:
            InputError: The decision or the language is not one of these.
        """
        if decision not in (Decision.NO, Decision.ASK):
            got = f"another {type(decision).__name__}"
            raise InputError("no or ask", got, "decision")
        check_language(lang)
        wanted = np.array([j.decision == decision for j in self._judgements], bool)
        calls = np.flatnonzero(wanted[self._which])
        sizes = np.array([len(each) for each in self._against], np.int64)
        first = np.cumsum(sizes) - sizes
        which = self._which[calls]
        n = sizes[which]
        call = np.repeat(calls, n)
        inside = np.arange(len(call)) - np.repeat(np.cumsum(n) - n, n)
        place = first[self._which[call]] + inside
        every = [against for each in self._against for against in each]
        columns: dict[str, NDArray[Any]] = {
            "row": self._rows[call] + 1,
            "at": self._at[call].astype("datetime64[us]"),
        }
        for name in _COLUMNS:
            values = [getattr(against, name) for against in every]
            dtype = np.int64 if name.endswith("euros") else object
            columns[name] = np.array(values, dtype)[place]
        cures = [_cure(against.finding, against.era, lang) for against in every]
        columns["cure"] = np.array(cures, object)[place]
        return columns


_COLUMNS: Final = _Against._fields[:-2]


def audit_calls(calls: PastCalls, known: Known, *, trust: Certainty) -> Audit:
    """Judge past calls by the law and the lists of the day of each.

    Args:
        calls: The calls.
        known: What the desk knows beside them.
        trust: How sure a rule must be to make a call lawful.
    """
    facts, which = facts_of(calls, known)
    judgements = [judge(each, known.law, trust=trust) for each in facts]
    against = [
        [_against(finding, each, known) for finding in judgement.deciding]
        for judgement, each in zip(judgements, facts, strict=True)
    ]
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
        grounds=dict(sorted(grounds.items(), key=lambda item: (-item[1], item[0]))),
        _rows=calls.rows[order],
        _at=calls.at[order],
        _which=which[order],
        _judgements=judgements,
        _against=against,
    )


def _against(finding: Finding, facts: Facts, known: Known) -> _Against:
    rule, era = finding.rule, known.law.eras[facts.version]
    if rule is None:
        return _Against(finding.ground, "", "", "", 0, 0, finding, era)
    day = era.valid_from
    fine = known.law.sanction_of(rule, on=day)
    return _Against(
        finding.ground.value,
        rule.id,
        rule.citation,
        rule.certainty.value,
        fine.person_max_euros if fine else 0,
        fine.company_max_euros if fine else 0,
        finding,
        era,
    )


#: Grounds for which a record would have made the call lawful, besides those below.
_CURES: Final = {
    Ground.LISTED: "contract",
    Ground.NO_CONSENT: "no_consent",
    Ground.LIST_UNANSWERED: "list_unanswered",
    Ground.LIST_NOT_KNOWN: "list_not_known",
}
_TIMES: Final = (Ground.DAY, Ground.HOLIDAY, Ground.HOUR)
_CURE_OF_TIMES: Final = {HoursNeed.CONSENT: "consent", HoursNeed.SLOT: "slot"}


def _cure(finding: Finding, era: Era, lang: str) -> str:
    """Return which record would have made a call lawful; empty if none would.

    Args:
        finding: What speaks against the call.
        era: The law of its day.
        lang: `en` or `fr`.

    >>> from datetime import date
    >>> from bloctel.compliance.findings import Effect, Finding, Ground
    >>> from bloctel.rules import law
    >>> french, hour = law.load("FR"), Finding(Effect.FORBIDS, Ground.HOUR)
    >>> _cure(hour, french.on(date(2026, 11, 23)), "en")
    'a consent to be called at that date and time'
    >>> _cure(hour, french.on(date(2024, 6, 3)), "en")
    'an express consent to be called, given before the call, that was still valid'
    """
    if finding.ground in _TIMES:
        exception = era.one(HoursException)
        keys = [_CURE_OF_TIMES[exception.needs]] if exception else []
    elif finding.effect is Effect.ASKS and finding.missing:
        return message("compliance.cure.input", lang, name=finding.missing)
    elif finding.ground is Ground.SECTOR:
        lifts = finding.rule.lifted_by if isinstance(finding.rule, SectorBan) else ()
        keys = [str(lift) for lift in lifts]
    else:
        keys = [_CURES[finding.ground]] if finding.ground in _CURES else []
    texts = [message(f"compliance.cure.{key}", lang) for key in keys]
    return reduce(lambda a, b: _or(a, b, lang), texts) if texts else ""


def _or(first: str, second: str, lang: str) -> str:
    return message("compliance.cure.or", lang, first=first, second=second)
