"""Decisions on whether a firm may call a number, by the law on the day of the call.

`bloctel.is_blocked` tells only if a phone number is on a list.  A call can be unlawful
although the number is on no list.  `Desk.may_call` also considers the law, consents,
contracts, calling hours and earlier attempts.  `Desk.may_call` answers yes or no, or
ask if a necessary fact is not known.

The rules of law are data (`bloctel.rules.law`).  Each rule names its article, the
version of the article, and the certainty of the rule.  The answers are not legal
advice.
"""

from bloctel.compliance.answer import Answer
from bloctel.compliance.audit.audit import Audit
from bloctel.compliance.call_inputs import CallInputs
from bloctel.compliance.call_log import (
    Attempt,
    CallLog,
    Calls,
    LoggedCall,
    ManyCalls,
    Objections,
    Outcome,
    Recorded,
    Reserving,
)
from bloctel.compliance.caller_id import MASKED, caller_kind, read_caller
from bloctel.compliance.consents.proof import Proof, check_proof
from bloctel.compliance.consents.records import (
    CallBackRequest,
    Consent,
    Consents,
    Contract,
    Evidence,
    EvidenceFile,
    ManyConsents,
    NewConsent,
    Slot,
)
from bloctel.compliance.consents.register import ConsentRegister
from bloctel.compliance.desk import Desk, Reservation
from bloctel.compliance.facts import (
    CallBackState,
    ConsentState,
    ContractState,
    Facts,
    ListState,
    ListVerdict,
    ListVerdicts,
    SilenceState,
    TerritoryState,
    TimeState,
)
from bloctel.compliance.judgement import (
    Decision,
    Effect,
    Finding,
    Ground,
    Judgement,
    judge,
)
from bloctel.compliance.territories import territory_of
from bloctel.rules.law import CallerKind, Channel, Purpose

__all__ = [
    "MASKED",
    "Answer",
    "Attempt",
    "Audit",
    "CallBackRequest",
    "CallBackState",
    "CallInputs",
    "CallLog",
    "CallerKind",
    "Calls",
    "Channel",
    "Consent",
    "ConsentRegister",
    "ConsentState",
    "Consents",
    "Contract",
    "ContractState",
    "Decision",
    "Desk",
    "Effect",
    "Evidence",
    "EvidenceFile",
    "Facts",
    "Finding",
    "Ground",
    "Judgement",
    "ListState",
    "ListVerdict",
    "ListVerdicts",
    "LoggedCall",
    "ManyCalls",
    "ManyConsents",
    "NewConsent",
    "Objections",
    "Outcome",
    "Proof",
    "Purpose",
    "Recorded",
    "Reservation",
    "Reserving",
    "SilenceState",
    "Slot",
    "TerritoryState",
    "TimeState",
    "caller_kind",
    "check_proof",
    "judge",
    "read_caller",
    "territory_of",
]
