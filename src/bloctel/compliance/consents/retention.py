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

from typing import TYPE_CHECKING

from bloctel.compliance.consents.legal_terms import zone_of
from bloctel.compliance.consents.records import (
    CallBackFields,
    ConsentFields,
    ContractEndFields,
    ContractFields,
    WithdrawalFields,
    read_fields,
)
from bloctel.periods import add_years

if TYPE_CHECKING:
    from datetime import date

    from bloctel.compliance.consents.legal_terms import FiguresOn
    from bloctel.compliance.consents.records import Fields
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
        self._ends: dict[int, date | None] = {}

    def observe(self, record: Record) -> None:
        """Register a record on which others depend (first pass).

        Raises:
            DamagedRecordsError: The fields of the record are not valid.
        """
        if record.fields is None or record.key is None:
            return
        fields = read_fields(record)
        if isinstance(fields, ConsentFields):
            if not self._is_over(record, fields):
                self._consenting_keys.add(record.key)
        elif isinstance(fields, ContractFields):
            self._ends[record.seq] = fields.ends_on
        elif isinstance(fields, ContractEndFields) and fields.of in self._ends:
            self._ends[fields.of] = fields.ends_on

    def is_due(self, record: Record) -> bool:
        """Return True for a record to erase (second pass).

        Raises:
            DamagedRecordsError: The fields of the record are not valid.
        """
        if record.fields is None or record.key is None:
            return False
        fields = read_fields(record)
        if isinstance(fields, WithdrawalFields):
            return record.key not in self._consenting_keys and self._is_over(
                record, fields
            )
        if isinstance(fields, ContractFields):
            return self._has_ended(record.seq)
        if isinstance(fields, ContractEndFields):
            return fields.of not in self._ends or self._has_ended(fields.of)
        return self._is_over(record, fields)

    def _is_over(self, record: Record, fields: Fields) -> bool:
        """Return True after the retention period, and after the expiry of a consent."""
        day = record.at.astimezone(zone_of(record.key or 0)).date()
        figures = self._figures(day)
        if isinstance(fields, CallBackFields):
            return add_years(day, figures.call_back_proof_years) <= self._on
        retained_until = add_years(day, figures.proof_years)
        if isinstance(fields, ConsentFields):
            retained_until = max(retained_until, fields.expires_on)
        return retained_until <= self._on

    def _has_ended(self, contract: int) -> bool:
        ends_on = self._ends[contract]
        if ends_on is None:
            return False
        return add_years(ends_on, self._figures(ends_on).proof_years) <= self._on
