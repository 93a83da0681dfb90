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
    from collections.abc import Iterable
    from datetime import date

    from bloctel.compliance.consents.legal_terms import FiguresOn
    from bloctel.compliance.consents.records import Fields
    from bloctel.records.transactions import Record

__all__ = ["due_records"]


def due_records(
    records: Iterable[Record], on: date, figures_on: FiguresOn
) -> list[int]:
    """Return the sequence numbers of the records to erase on a day.

    Raises:
        DamagedRecordsError: The fields of a record are not valid.
    """
    due: list[int] = []
    consenting_keys: set[int] = set()
    withdrawals: list[tuple[int, int]] = []
    contracts: dict[int, date | None] = {}  # the last known end of each
    of_contracts: list[tuple[int, int]] = []
    for record in records:
        seq, key = record.seq, record.key
        if record.fields is None or key is None:
            continue
        fields = read_fields(record)
        if isinstance(fields, ContractFields):
            contracts[seq] = fields.contract.ends_on
            of_contracts.append((seq, seq))
        elif isinstance(fields, ContractEndFields):
            of_contracts.append((seq, fields.of))
            if fields.of in contracts:
                contracts[fields.of] = fields.ends_on
        elif on < _retained_until(record, key, fields, figures_on):
            if isinstance(fields, ConsentFields):
                consenting_keys.add(key)
        elif isinstance(fields, WithdrawalFields):
            withdrawals.append((seq, key))
        else:
            due.append(seq)
    due += [seq for seq, key in withdrawals if key not in consenting_keys]
    ended = {
        contract
        for contract, day in contracts.items()
        if day and add_years(day, figures_on(day).proof_years) <= on
    }
    due += [seq for seq, of in of_contracts if of in ended or of not in contracts]
    return sorted(due)


def _retained_until(
    record: Record, key: int, fields: Fields, figures_on: FiguresOn
) -> date:
    """Return the end of the retention period, not before the expiry of a consent."""
    day = record.at.astimezone(zone_of(key)).date()
    figures = figures_on(day)
    if isinstance(fields, CallBackFields):
        return add_years(day, figures.call_back_proof_years)
    until = add_years(day, figures.proof_years)
    return max(until, fields.expires_on) if isinstance(fields, ConsentFields) else until
