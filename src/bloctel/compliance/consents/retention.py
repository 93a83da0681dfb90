"""Retention periods of consents, withdrawals, contracts and requests.

| record               | erased                                                        |
| -------------------- | ------------------------------------------------------------- |
| consent              | after the retention period of its proof and after its expiry  |
| withdrawal           | after the same period, when no consent of the number is left  |
| contract and its end | after the same period from its end; never without an end      |
| request to call back | after the retention period of its proof                       |

The legal texts set the periods for proofs of consents and of requests.  They do not
mention contracts and withdrawals: these two rows are our choice.  A withdrawal remains
while a consent is left that it ends, because erasing it would make the consent valid
again.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from bloctel.compliance.consents.legal_terms import zone_of
from bloctel.compliance.consents.records import Kind, kind_of, unreadable
from bloctel.periods import add_years

if TYPE_CHECKING:
    from bloctel.compliance.consents.legal_terms import FiguresOn
    from bloctel.records.transactions import Record

__all__ = ["RetentionCheck"]


class RetentionCheck:
    """Finds records to erase, after a first pass over all records.

    Args:
        on: The day of the erasure.
        figures: Returns the legal terms on the day of a consent.
    """

    def __init__(self, on: date, figures: FiguresOn) -> None:
        self._on = on
        self._figures = figures
        self._consenting_keys: set[int] = set()
        self._ends: dict[int, date] = {}
        self._contracts: set[int] = set()

    def observe(self, record: Record) -> None:
        """Register a record on which others depend (first pass).

        Raises:
            DamagedRecordsError: The content of the record is not valid.
        """
        if record.fields is None or record.key is None:
            return
        kind = kind_of(record)
        if kind is Kind.CONSENT and not self._is_over(record):
            self._consenting_keys.add(record.key)
        elif kind is Kind.CONTRACT:
            self._contracts.add(record.seq)
            self._note_end(record.seq, record)
        elif kind is Kind.CONTRACT_END:
            self._note_end(_contract_of(record), record)

    def is_due(self, record: Record) -> bool:
        """Return True for a record to erase (second pass).

        Raises:
            DamagedRecordsError: The content of the record is not valid.
        """
        if record.fields is None or record.key is None:
            return False
        kind = kind_of(record)
        if kind is Kind.CONSENT or kind is Kind.CALL_BACK:
            return self._is_over(record)
        if kind is Kind.WITHDRAWAL:
            return record.key not in self._consenting_keys and self._is_over(record)
        if kind is Kind.CONTRACT:
            return self._has_ended(record.seq)
        contract = _contract_of(record)
        return contract not in self._contracts or self._has_ended(contract)

    def _is_over(self, record: Record) -> bool:
        """Return True after the retention period, and after the expiry of a consent."""
        day = record.at.astimezone(zone_of(record.key or 0)).date()
        figures = self._figures(day)
        fields: dict[str, Any] = record.fields or {}
        years = figures.proof_years
        if fields["kind"] == Kind.CALL_BACK:
            years = figures.call_back_proof_years
        retained_until = add_years(day, years)
        if fields["kind"] == Kind.CONSENT:
            retained_until = max(retained_until, _day(record, "expires_on"))
        return retained_until <= self._on

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
        raise unreadable(record) from None


def _contract_of(record: Record) -> int:
    of = (record.fields or {}).get("of")
    if not isinstance(of, int):
        raise unreadable(record)
    return of
