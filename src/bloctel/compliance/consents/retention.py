"""How long what is on record of consents is kept.

| record               | is erased                                                     |
| -------------------- | ------------------------------------------------------------- |
| consent              | when its proof need not be kept, and it holds no longer       |
| withdrawal           | as long after it, once no consent of the number is left       |
| contract and its end | as long after its end; never without an end                   |
| request to call back | when its proof need not be kept any more                      |

The texts say how long proofs of consents and of requests are kept, and nothing of
contracts and withdrawals: these two rows are a choice.  A withdrawal stays while there
is anything that it could end, or erasing it would bring a consent back to life.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from bloctel.compliance.consents.legal_terms import zone_of
from bloctel.compliance.consents.records import STREAM, Kind, kind_of
from bloctel.errors import DamagedRecordsError
from bloctel.periods import add_years

if TYPE_CHECKING:
    from bloctel.compliance.consents.legal_terms import FiguresOn
    from bloctel.records.transactions import Record

__all__ = ["Retained"]


class Retained:
    """Tells which records are due to be erased, once it has looked at all.

    Args:
        on: The day.
        figures: What the law of the day of a consent says.
    """

    def __init__(self, on: date, figures: FiguresOn) -> None:
        self._on = on
        self._figures = figures
        self._consenting: set[int] = set()
        self._ends: dict[int, date] = {}
        self._kept_contracts: set[int] = set()

    def look_at(self, record: Record) -> None:
        """Note what other records depend on.

        Raises:
            DamagedRecordsError: It says what this version does not know.
        """
        if record.fields is None or record.key is None:
            return
        kind = kind_of(record)
        if kind is Kind.CONSENT and not self._is_over(record):
            self._consenting.add(record.key)
        elif kind is Kind.CONTRACT:
            self._kept_contracts.add(record.seq)
            self._note_end(record.seq, record)
        elif kind is Kind.CONTRACT_END:
            self._note_end(_of(record), record)

    def due(self, record: Record) -> bool:
        """Tell whether a record is to be erased.

        Raises:
            DamagedRecordsError: It says what this version does not know.
        """
        if record.fields is None or record.key is None:
            return False
        kind = kind_of(record)
        if kind is Kind.CONSENT or kind is Kind.CALL_BACK:
            return self._is_over(record)
        if kind is Kind.WITHDRAWAL:
            return record.key not in self._consenting and self._is_over(record)
        if kind is Kind.CONTRACT:
            return self._has_ended(record.seq)
        of = _of(record)
        return of not in self._kept_contracts or self._has_ended(of)

    def _is_over(self, record: Record) -> bool:
        """Tell whether the proof need not be kept, and nothing holds any more."""
        day = record.at.astimezone(zone_of(record.key or 0)).date()
        figures = self._figures(day)
        fields: dict[str, Any] = record.fields or {}
        years = figures.proof_years
        if fields["kind"] == Kind.CALL_BACK:
            years = figures.call_back_proof_years
        kept_until = add_years(day, years)
        if fields["kind"] == Kind.CONSENT:
            kept_until = max(kept_until, _day(record, "expires_on"))
        return kept_until <= self._on

    def _note_end(self, contract: int, record: Record) -> None:
        if (record.fields or {}).get("ends_on") is not None:
            self._ends[contract] = _day(record, "ends_on")

    def _has_ended(self, contract: int) -> bool:
        ends_on = self._ends.get(contract)
        if ends_on is None:
            return False
        return add_years(ends_on, self._figures(ends_on).proof_years) <= self._on


def _day(record: Record, name: str) -> date:
    try:
        return date.fromisoformat((record.fields or {})[name])
    except (KeyError, TypeError, ValueError):
        raise _unread(record) from None


def _of(record: Record) -> int:
    of = (record.fields or {}).get("of")
    if not isinstance(of, int):
        raise _unread(record)
    return of


def _unread(record: Record) -> DamagedRecordsError:
    where = f"record {record.seq} of {STREAM}"
    got = "one that cannot be read"
    return DamagedRecordsError("a record of a consent", got, where)
