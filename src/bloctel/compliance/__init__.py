"""Permission: may this number be called now, for this purpose, by the law of the day?

`bloctel.is_blocked` answers a fact, whether a number is on a list; it never means that
a number may be called.  `Desk.may_call` answers what the law makes of it, of consents
and contracts, of hours and attempts: yes, no, or ask where we do not know.

The law is data (`bloctel.rules.law`), each rule with its article, the version of it,
and how sure we are.  This is no legal advice.
"""

from bloctel.compliance.answer import Answer
from bloctel.compliance.audit.audit import Audit
from bloctel.compliance.call_inputs import CallInputs
from bloctel.compliance.call_log import CallLog, LoggedCall
from bloctel.compliance.caller_id import MASKED, caller_kind, read_caller
from bloctel.compliance.consents.proof import Proof, check_proof
from bloctel.compliance.consents.register import (
    ConsentRegister,
    EvidenceFile,
    NewConsent,
)
from bloctel.compliance.desk import Desk, Reservation
from bloctel.compliance.facts import (
    CallBackState,
    ConsentState,
    ContractState,
    Facts,
    ListState,
    SilenceState,
    TerritoryState,
    TimeState,
)
from bloctel.compliance.findings import Decision, Effect, Finding, Ground, Judgement
from bloctel.compliance.interfaces import (
    Attempt,
    CallBackRequest,
    Calls,
    Consent,
    Consents,
    Contract,
    Evidence,
    ManyConsents,
    Outcome,
    Reserving,
    Slot,
)
from bloctel.compliance.judgement import judge
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
    "LoggedCall",
    "ManyConsents",
    "NewConsent",
    "Outcome",
    "Proof",
    "Purpose",
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
