"""Judgement of a call: decides *yes*, *no* or *ask* from facts and the law of the day.

The answer is *ask* if an input is missing, or if a rule that permits calls is not
certain enough.  A rule that forbids calls also applies if it is uncertain, unless its
field `asks` is true: then the answer is *ask*.  If a missing input could only prove an
exception to a ban, the answer stays *no*, because the firm must prove the exception.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Self

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
from bloctel.rules import Certainty, law


class Decision(StrEnum):
    """Decision about a call."""

    YES = "yes"
    NO = "no"
    ASK = "ask"
    """Not known: ask a person who knows, and do not call until you know."""


class Effect(StrEnum):
    """Effect of a finding on the decision about a call."""

    FORBIDS = "forbids"
    ASKS = "asks"
    PERMITS = "permits"


class Ground(StrEnum):
    """Ground (reason) of a decision, as a fixed word."""

    # -- grounds that permit a call
    NOT_LISTED = "not_listed"
    CONSENT = "consent"
    CONTRACT = "contract"
    PRESS = "press"
    CALL_BACK = "call_back"
    NOTHING_SOLD = "nothing_sold"
    CONSENTED_HOURS = "consented_hours"
    CONSENT_OLD_FORM = "consent_old_form"
    # -- grounds that forbid a call
    LISTED = "listed"
    OBJECTED = "objected"
    NO_CONSENT = "no_consent"
    SECTOR = "sector"
    DAY = "day"
    HOLIDAY = "holiday"
    HOUR = "hour"
    ATTEMPTS = "attempts"
    SILENCE = "silence"
    REFUSED = "refused"
    CALLER_MASKED = "caller_masked"
    CALLER_FORBIDDEN = "caller_forbidden"
    CALLER_TECHNICAL = "caller_technical"
    CALLER_MOBILE = "caller_mobile"
    CALLER_NOT_VERIFIED = "caller_not_verified"
    CONTRACT_NOT_STARTED = "contract_not_started"
    CONTRACT_OTHER_FIRM = "contract_other_firm"
    CALL_BACK_TOO_OLD = "call_back_too_old"
    CALL_BACK_REFUSED = "call_back_refused"
    CALL_BACK_OTHER_FIRM = "call_back_other_firm"
    # -- grounds for the decision ask: a fact is missing or doubtful
    BEFORE_THE_LAW = "before_the_law"
    FOREIGN_NUMBER = "foreign_number"
    TERRITORY_UNKNOWN = "territory_unknown"
    OTHER_CHANNEL = "other_channel"
    PURPOSE_MISSING = "purpose_missing"
    SECTOR_MISSING = "sector_missing"
    CALLER_MISSING = "caller_missing"
    CALLER_FOREIGN = "caller_foreign"
    BUSINESS_LINE = "business_line"
    AUTOMATED_MISSING = "automated_missing"
    LISTS_MISSING = "lists_missing"
    LIST_NOT_HELD = "list_not_held"
    LIST_UNANSWERED = "list_unanswered"
    LIST_NOT_KNOWN = "list_not_known"
    CONSENTS_MISSING = "consents_missing"
    CONSENT_OVERLONG = "consent_overlong"
    CONSENT_SLOT_WIDE = "consent_slot_wide"
    FIRM_MISSING = "firm_missing"
    SUBJECT_MISSING = "subject_missing"
    SUBJECT_DOUBTFUL = "subject_doubtful"
    SUBJECT_DISAGREES = "subject_disagrees"
    CONTRACT_ENDED = "contract_ended"
    CONTRACT_UNRELATED = "contract_unrelated"
    CALL_BACK_UNRELATED = "call_back_unrelated"
    CALLS_MISSING = "calls_missing"
    SILENCE_DOUBTFUL = "silence_doubtful"
    REFUSAL_DOUBTFUL = "refusal_doubtful"
    COUNTRY_UNKNOWN = "country_unknown"
    COUNTRY_NOT_JUDGED = "country_not_judged"


class Finding(NamedTuple):
    """Finding: one reason in a judgement, with its legal rule and its effect.

    Attributes:
        effect: The effect of the finding on the decision.
        ground: The reason, as a fixed word.
        rule: The legal rule on which the finding is based; None without such a rule.
        missing: The name of a missing input of the desk or of the call, or "".  If the
            finding forbids the call, this input could prove an exception.
        detail: More detail, such as the state of a consent.
    """

    effect: Effect
    ground: Ground
    rule: law.LegalRule | None = None
    missing: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Judgement of a call by the law: the decision and its findings.

    Attributes:
        decision: Yes, no or ask.
        findings: All findings; the findings that explain the decision come first.
        limits: If the decision is yes, the rules that limit such calls, and whose
            limits the call respects.
    """

    decision: Decision
    findings: tuple[Finding, ...]
    limits: tuple[law.LegalRule, ...] = ()

    @classmethod
    def of(
        cls, findings: Iterable[Finding], limits: Sequence[law.LegalRule] = ()
    ) -> Self:
        """Return the judgement from *findings*; if there are none, it is *ask*."""
        distinct = set(findings)
        effects = {finding.effect for finding in distinct}
        if Effect.FORBIDS in effects:
            decision = Decision.NO
        elif Effect.ASKS in effects or not effects:
            decision = Decision.ASK
        else:
            decision = Decision.YES
        order = list(Effect)
        ordered = sorted(distinct, key=lambda f: (order.index(f.effect), f.ground))
        return cls(decision, tuple(ordered), tuple(limits) * (decision is Decision.YES))

    @property
    def deciding(self) -> tuple[Finding, ...]:
        """The findings on which the decision is based."""
        wanted = {Decision.NO: Effect.FORBIDS, Decision.ASK: Effect.ASKS}
        effect = wanted.get(self.decision, Effect.PERMITS)
        return tuple(finding for finding in self.findings if finding.effect is effect)

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The identifiers of the legal rules on which the decision is based."""
        rules = (finding.rule for finding in self.deciding)
        return tuple(dict.fromkeys(rule.id for rule in rules if rule is not None))

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the inputs that are needed but were not given."""
        names = (finding.missing for finding in self.findings)
        return tuple(dict.fromkeys(name for name in names if name))


_ORDER: Final = tuple(Certainty)


def is_sure(certainty: Certainty, least: Certainty) -> bool:
    """Return True if *certainty* is at least *least*; V1 is the best certainty."""
    return _ORDER.index(certainty) <= _ORDER.index(least)


#: By default, a rule that is less certain than this cannot permit a call.
DEFAULT_TRUST: Final = Certainty.V2

_SLOTS: Final = (ConsentState.SLOT, ConsentState.OLD_FORM_SLOT)
_LONG_SLOTS: Final = (ConsentState.LONG_SLOT, ConsentState.OLD_FORM_LONG_SLOT)
_WIDE_SLOTS: Final = (ConsentState.WIDE_SLOT, ConsentState.OLD_FORM_WIDE_SLOT)
#: The states of consents that are valid at the time of the call.
_VALID: Final = (
    *(*_SLOTS, *_LONG_SLOTS, *_WIDE_SLOTS),
    *(ConsentState.VALID, ConsentState.OLD_FORM),
)
_OLD_FORMS: Final = tuple(state for state in _VALID if state.startswith("old_form"))
_OPEN_CALL_BACK: Final = (
    CallBackState.FIRM_UNKNOWN,
    CallBackState.SUBJECT_UNKNOWN,
    CallBackState.OTHER_SUBJECT,
)
_ACTIVE: Final = (
    ContractState.RELATED,
    ContractState.SUBJECT_UNKNOWN,
    ContractState.UNRELATED,
)
#: The consent states for which the answer is *ask*, with the reason and missing input.
_OPEN_CONSENT: Final = {
    ConsentState.OVERLONG: (Ground.CONSENT_OVERLONG, ""),
    ConsentState.FIRM_UNKNOWN: (Ground.FIRM_MISSING, "firm"),
    ConsentState.SUBJECT_DOUBTFUL: (Ground.SUBJECT_DOUBTFUL, ""),
    ConsentState.SUBJECT_UNKNOWN: (Ground.SUBJECT_MISSING, "subject"),
    ConsentState.REFUSED_BEFORE_RULE: (Ground.REFUSAL_DOUBTFUL, ""),
    ConsentState.UNKNOWN: (Ground.CONSENTS_MISSING, "consents"),
}
#: The reasons why a contract or a call-back request does not permit a call.
_NO_EXCEPTION: Final = (
    Ground.CONTRACT_ENDED,
    Ground.CONTRACT_NOT_STARTED,
    Ground.CONTRACT_OTHER_FIRM,
    Ground.CALL_BACK_TOO_OLD,
    Ground.CALL_BACK_REFUSED,
    Ground.CALL_BACK_OTHER_FIRM,
)
#: The consent states that the rule on the terms of consents does not accept.
_BY_TERMS: Final = (
    ConsentState.EXPIRED,
    ConsentState.INCOMPLETE,
    ConsentState.OUT_OF_SLOTS,
)
_OPEN_LIST: Final = {
    ListState.NO_BOOK: (Ground.LISTS_MISSING, "book"),
    ListState.NOT_HELD: (Ground.LIST_NOT_HELD, "book"),
    ListState.UNANSWERED: (Ground.LIST_UNANSWERED, ""),
    ListState.NOT_KNOWN: (Ground.LIST_NOT_KNOWN, ""),
}
_CLOSED: Final = {
    TimeState.DAY: Ground.DAY,
    TimeState.HOLIDAY: Ground.HOLIDAY,
    TimeState.HOUR: Ground.HOUR,
}
_FORBIDDEN_CALLERS: Final = {
    law.CallerKind.MASKED: Ground.CALLER_MASKED,
    law.CallerKind.FORBIDDEN: Ground.CALLER_FORBIDDEN,
    law.CallerKind.TECHNICAL: Ground.CALLER_TECHNICAL,
}


@dataclass(frozen=True, slots=True)
class _Case:
    """Call to judge: its facts, the law, and the certainty that a permission needs."""

    facts: Facts
    versions: Sequence[law.LawVersion]
    trust: Certainty

    @property
    def version(self) -> law.LawVersion:
        return self.versions[self.facts.version_index]

    def permits(self, ground: Ground, rule: law.LegalRule) -> Finding:
        """Return a finding that permits the call if *rule* is certain enough."""
        is_enough = is_sure(rule.certainty, self.trust)
        return Finding(Effect.PERMITS if is_enough else Effect.ASKS, ground, rule)


def judge(facts: Facts, law: law.Law, *, trust: Certainty = DEFAULT_TRUST) -> Judgement:
    """Return the judgement of a call, from the facts of the call.

    Args:
        facts: The facts of the call.
        law: The law; `facts.version_index` is the index of a version of this law.
        trust: The certainty that a rule needs to permit a call.
    """
    case = _Case(facts, law.versions, trust)
    findings = _findings(case)
    if facts.business:
        findings = _of_business(case, findings)
    return Judgement.of(findings, _limits(case))


def _limits(case: _Case) -> list[law.LegalRule]:
    """Return the rules that limit a sale, such as calling hours."""
    facts = case.facts
    if facts.purpose is not law.Purpose.SALE:
        return []
    kinds: list[type[law.LegalRule]] = [law.CallingTimes, law.Frequency]
    if facts.consent in _VALID:
        kinds.append(law.ConsentTerms)
    if facts.refusal_version_index is not None:
        kinds += [law.Silence, law.Refusal]
    notes = [duty for duty in case.version.all(law.Duty) if duty.automated]
    rules = [rule for kind in kinds for rule in case.version.all(kind)]
    bans = [] if facts.refusal_version_index is None else _contact_bans(case)
    return [*rules, *bans, *(notes if facts.automated else [])]


#: The reasons that also forbid calls to the line of a business.
_ALSO_OF_BUSINESS: Final = (
    Ground.OBJECTED,
    Ground.CALLER_FORBIDDEN,
    Ground.CALLER_TECHNICAL,
    Ground.CALLER_MOBILE,
    Ground.CALLER_NOT_VERIFIED,
)


def _of_business(case: _Case, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings for a business line: most rules forbid only calls to consumers."""
    for finding in findings:
        forbids = finding.effect is Effect.FORBIDS
        if forbids and finding.ground not in _ALSO_OF_BUSINESS:
            yield finding._replace(effect=Effect.ASKS)
            yield _asks(Ground.BUSINESS_LINE, case.version.one(law.Regime))
        else:
            yield finding


def _findings(case: _Case) -> Iterable[Finding]:
    facts, regime = case.facts, case.version.one(law.Regime)
    if regime is None or regime.question is law.RegimeQuestion.NONE:
        return [_asks(Ground.BEFORE_THE_LAW, regime)]
    if facts.territory is TerritoryState.FOREIGN:
        # A foreign law may apply, so the answer is *ask*.
        by_voice = facts.channel is law.Channel.VOICE
        return [_asks(Ground.FOREIGN_NUMBER), *([] if by_voice else _channel(case))]
    if facts.channel is law.Channel.VOICE:
        return _on_call(case, regime)
    if any(rule.is_call for rule in _other_channels(case)):
        return [*_channel(case), *_on_call(case, regime)]
    # most rules are only about calls, but some bans are also about messages
    found = [finding for ban in _bans(case) for finding in _on_ban(case, ban)]
    return [*_channel(case), *found, *_no_exception(case, found)]


def _on_call(case: _Case, regime: law.Regime) -> Iterable[Finding]:
    purpose = case.facts.purpose
    if purpose is None:
        # perhaps the call sells nothing, so leave out findings that forbid sales
        on_sale = [f for f in _on_sale(case, regime) if f.effect is Effect.ASKS]
        return [_asks(Ground.PURPOSE_MISSING, missing="purpose"), *on_sale]
    if purpose is law.Purpose.SALE:
        return _on_sale(case, regime)
    return _on_nothing_sold(case, purpose)


def _asks(
    ground: Ground,
    rule: law.LegalRule | None = None,
    missing: str = "",
    detail: str = "",
) -> Finding:
    return Finding(Effect.ASKS, ground, rule, missing, detail)


def _channel(case: _Case) -> list[Finding]:
    return [_asks(Ground.OTHER_CHANNEL, next(iter(_other_channels(case)), None))]


def _other_channels(case: _Case) -> list[law.OtherChannel]:
    rules = case.version.all(law.OtherChannel)
    return [rule for rule in rules if case.facts.channel in rule.channels]


def _on_nothing_sold(case: _Case, purpose: law.Purpose) -> Iterator[Finding]:
    for rule in case.version.all(law.OutOfScope):
        if purpose in rule.purposes:
            yield case.permits(Ground.NOTHING_SOLD, rule)
    yield from _on_caller(case)
    for ban in case.version.all(law.ContactBan):
        if not ban.sectors and _is_refused_since(case, ban):
            # no legal text says if a refusal also forbids calls that sell nothing
            yield _asks(Ground.REFUSAL_DOUBTFUL, ban)
    state, objection = case.facts.own, case.version.one(law.Objection)
    if state is ListState.LISTED or case.facts.objected:
        # it is not certain that an objection also covers calls that sell nothing
        yield _asks(Ground.OBJECTED, objection)
    elif state in (ListState.UNANSWERED, ListState.NOT_KNOWN):
        yield _unknown_list(state, objection)


def _on_sale(case: _Case, regime: law.Regime) -> Iterator[Finding]:
    facts = case.facts
    if facts.sector is None:
        yield _asks(Ground.SECTOR_MISSING, missing="sector")
    elif facts.subject_sector not in (None, facts.sector):
        yield _asks(Ground.SUBJECT_DISAGREES)
    of_bans = [finding for ban in _bans(case) for finding in _on_ban(case, ban)]
    if regime.question is law.RegimeQuestion.OPPOSITION:
        found = _on_national_list(case, regime)
    else:
        exceptions = [_by_contract(case), _by_press(case), _by_call_back(case)]
        exceptions.append(_by_consent(case, regime))
        found = _with_exceptions(exceptions, _no_consent(case, regime))
    yield from (*of_bans, *found, *_no_exception(case, [*of_bans, *found]))
    is_old = facts.consent in _OLD_FORMS
    if is_old and any(f.ground is Ground.CONSENT for f in found):
        # a warning, which does not change the decision
        terms = case.version.one(law.ConsentTerms)
        yield Finding(Effect.PERMITS, Ground.CONSENT_OLD_FORM, terms)
    yield from _on_own_lists(case, regime)
    yield from _on_times(case)
    yield from _on_attempts(case)
    yield from _on_silence(case)
    for contact_ban in _contact_bans(case):
        yield from _on_contact_ban(case, contact_ban)
    yield from _on_caller(case)


def _no_exception(case: _Case, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield the reasons why a contract or a request does not permit the call."""
    forbidding = [f.rule for f in findings if f.effect is Effect.FORBIDS]
    contract = f"contract_{case.facts.contract}"
    call_back = f"call_back_{case.facts.call_back}"
    if forbidding and contract in _NO_EXCEPTION:
        # for a message, the ban itself contains the exception for contracts
        is_message = case.facts.channel.is_message
        rule = forbidding[0] if is_message else case.version.one(law.ContractException)
        yield Finding(Effect.FORBIDS, Ground(contract), rule)
    if forbidding and call_back in _NO_EXCEPTION and not case.facts.channel.is_message:
        yield Finding(Effect.FORBIDS, Ground(call_back), _call_back_rule(case))


def _bans(case: _Case) -> Iterator[law.SectorBan]:
    named = {case.facts.sector, case.facts.subject_sector}
    for ban in case.version.all(law.SectorBan):
        if named & {*ban.sectors} and case.facts.channel in ban.channels:
            yield ban


def _banned(ban: law.SectorBan, missing: str = "") -> Finding:
    effect = Effect.ASKS if ban.asks else Effect.FORBIDS
    return Finding(effect, Ground.SECTOR, ban, missing)


def _on_ban(case: _Case, ban: law.SectorBan) -> list[Finding]:
    """Return findings on exceptions to a ban, or the finding that the ban applies."""
    lifts = {law.Lift.CONTRACT: _by_contract, law.Lift.CALL_BACK: _by_call_back}
    otherwise = _banned(ban, _missing_evidence(case) if ban.lifted_by else "")
    found = [lifts[lift](case) for lift in ban.lifted_by if lift in lifts]
    asked = (Ground.CONTRACT_UNRELATED, Ground.FIRM_MISSING, Ground.SUBJECT_MISSING)
    found = [f and (f._replace(rule=ban) if f.ground in asked else f) for f in found]
    return _with_exceptions(found, otherwise)


def _on_national_list(case: _Case, regime: law.Regime) -> list[Finding]:
    """Return findings about the opposition list that the law names."""
    state = case.facts.national
    if state is ListState.CLEAR:
        return [case.permits(Ground.NOT_LISTED, regime)]
    if state is ListState.LISTED:
        missing = _missing_evidence(case)
        otherwise = Finding(Effect.FORBIDS, Ground.LISTED, regime, missing)
    else:
        otherwise = _unknown_list(state, regime)
    exceptions = [_by_contract(case), _by_press(case), _by_call_back(case)]
    return _with_exceptions(exceptions, otherwise)


def _on_own_lists(case: _Case, regime: law.Regime) -> Iterator[Finding]:
    """Yield findings about the lists that the law does not name, such as `own`."""
    state, rule = case.facts.own, case.version.one(law.Objection)
    if case.facts.objected:
        # a consent or a request that is newer than the objection may lift it
        may_lift = _lifts(case, law.Lift.CONSENT) or _lifts(case, law.Lift.CALL_BACK)
        effect = Effect.ASKS if may_lift else Effect.FORBIDS
        yield Finding(effect, Ground.OBJECTED, rule)
    if state is ListState.LISTED:
        yield Finding(Effect.FORBIDS, Ground.OBJECTED, rule)
    elif state is ListState.NOT_HELD and regime.lists:
        # the law names the lists that a firm must use, so no own list is needed
        return
    elif state is not ListState.CLEAR:
        yield _unknown_list(state, rule)


def _unknown_list(state: ListState, rule: law.LegalRule | None) -> Finding:
    ground, missing = _OPEN_LIST[state]
    return _asks(ground, rule, missing)


def _missing_evidence(case: _Case) -> str:
    """Return "consents" if this input is missing and could prove an exception."""
    return "consents" if case.facts.contract is ContractState.UNKNOWN else ""


def _with_exceptions(
    exceptions: list[Finding | None], otherwise: Finding
) -> list[Finding]:
    found = [exception for exception in exceptions if exception is not None]
    permits = [each for each in found if each.effect is Effect.PERMITS]
    return permits[:1] or found or [otherwise]


def _missing_scope(state: StrEnum, rule: law.LegalRule) -> Finding | None:
    """Return a finding that asks for the missing firm or subject, or None."""
    if state in (ContractState.FIRM_UNKNOWN, CallBackState.FIRM_UNKNOWN):
        return _asks(Ground.FIRM_MISSING, rule, "firm")
    if state in (ContractState.SUBJECT_UNKNOWN, CallBackState.SUBJECT_UNKNOWN):
        return _asks(Ground.SUBJECT_MISSING, rule, "subject")
    return None


def _by_contract(case: _Case) -> Finding | None:
    rule, state = case.version.one(law.ContractException), case.facts.contract
    if rule is None:
        return None
    lawful: tuple[ContractState, ...] = (ContractState.RELATED,)
    if rule.relation is law.ContractRelation.PREEXISTING:
        if state is ContractState.ENDED:
            return _asks(Ground.CONTRACT_ENDED, rule)
        lawful = _ACTIVE
    if state in lawful:
        return case.permits(Ground.CONTRACT, rule)
    if state is ContractState.UNRELATED:
        # lawful if the goods complement those of the contract: a person must decide
        return _asks(Ground.CONTRACT_UNRELATED, rule)
    return _missing_scope(state, rule)


def _by_press(case: _Case) -> Finding | None:
    rule = case.version.one(law.PressException)
    if rule is None or case.facts.sector not in rule.sectors:
        return None
    return case.permits(Ground.PRESS, rule)


def _call_back_rule(case: _Case) -> law.CallBack | None:
    """Return the rule that names the sector, or else the rule about other sectors."""
    rules = case.version.all(law.CallBack)
    named = (rule for rule in rules if case.facts.sector in rule.sectors)
    return next(named, next((rule for rule in rules if not rule.sectors), None))


def _by_call_back(case: _Case) -> Finding | None:
    rule, state = _call_back_rule(case), case.facts.call_back
    if rule is None:
        return None
    if state is CallBackState.IN_TIME:
        if case.facts.sector not in rule.sectors:
            return _asks(Ground.CALL_BACK, rule)
        return case.permits(Ground.CALL_BACK, rule)
    if state is CallBackState.OTHER_SUBJECT:
        return _asks(Ground.CALL_BACK_UNRELATED, rule)
    return _missing_scope(state, rule)


def _by_consent(case: _Case, regime: law.Regime) -> Finding | None:
    state = case.facts.consent
    if state in _VALID:
        return case.permits(Ground.CONSENT, regime)
    if state not in _OPEN_CONSENT:
        return None
    ground, missing = _OPEN_CONSENT[state]
    terms = case.version.one(law.ConsentTerms)
    rule = terms if state is ConsentState.OVERLONG else regime
    return _asks(ground, rule, missing, detail=state)


def _no_consent(case: _Case, regime: law.Regime) -> Finding:
    state = case.facts.consent
    rule: law.LegalRule | None = None
    if state in _BY_TERMS:
        rule = case.version.one(law.ConsentTerms)
    elif state is ConsentState.REFUSED:
        rule = case.version.one(law.Refusal)
    return Finding(Effect.FORBIDS, Ground.NO_CONSENT, rule or regime, detail=state)


def _on_times(case: _Case) -> Iterator[Finding]:
    rule, state = case.version.one(law.CallingTimes), case.facts.time
    consent = case.facts.consent
    if case.facts.territory is TerritoryState.UNKNOWN:
        yield _asks(Ground.TERRITORY_UNKNOWN, rule, "time_zone")
    elif rule is not None and state in _CLOSED:
        exception = case.version.one(law.HoursException)
        needs_slot = exception and exception.needs is law.HoursNeed.SLOT
        if exception and consent in (_SLOTS if needs_slot else _VALID):
            yield case.permits(Ground.CONSENTED_HOURS, exception)
        elif needs_slot and consent in _LONG_SLOTS:
            yield _asks(Ground.CONSENT_SLOT_WIDE, exception)
            yield _asks(_CLOSED[state], rule)
        elif _lifts(case, law.Lift.CALL_BACK):
            # no text says if the rule applies to a call that the person requested
            yield _asks(_CLOSED[state], rule)
        else:
            if needs_slot and consent in _WIDE_SLOTS:
                yield Finding(Effect.FORBIDS, Ground.CONSENT_SLOT_WIDE, exception)
            missing = _OPEN_CONSENT.get(consent, ("", ""))[1] if exception else ""
            yield Finding(Effect.FORBIDS, _CLOSED[state], rule, missing)


def _on_attempts(case: _Case) -> Iterator[Finding]:
    rule, attempts = case.version.one(law.Frequency), case.facts.attempts
    if rule is None:
        return
    if attempts is None:
        yield _asks(Ground.CALLS_MISSING, rule, "calls")
    elif attempts >= rule.max_attempts:
        yield Finding(Effect.FORBIDS, Ground.ATTEMPTS, rule)


def _on_silence(case: _Case) -> Iterator[Finding]:
    rule, state = case.version.one(law.Silence), case.facts.silence
    if rule is None:
        return
    if state is SilenceState.UNKNOWN:
        yield _asks(Ground.CALLS_MISSING, rule, "calls")
    elif state is SilenceState.SILENT and not _lifts(case, law.Lift.CALL_BACK):
        yield Finding(Effect.FORBIDS, Ground.SILENCE, rule)
    elif state is SilenceState.SILENT or (
        # a consent ends only a silence that the law has abolished
        state is SilenceState.DOUBTFUL
        and (rule.days or not _lifts(case, law.Lift.CONSENT))
    ):
        # no legal text says if a newer request lifts the rule, or if the rule applies
        # to a refusal that is older than the rule
        yield _asks(Ground.SILENCE_DOUBTFUL, rule)


def _is_refused_since(case: _Case, rule: law.LegalRule) -> bool:
    """Return True if the person's last refusal is not older than a rule."""
    index = case.facts.refusal_version_index
    # a version of the law begins on the first day of each rule
    return index is not None and case.versions[index].valid_from >= rule.valid_from


def _contact_bans(case: _Case) -> list[law.ContactBan]:
    bans = case.version.all(law.ContactBan)
    sectors = {case.facts.sector, case.facts.subject_sector}
    return [ban for ban in bans if not ban.sectors or sectors & {*ban.sectors}]


def _on_contact_ban(case: _Case, ban: law.ContactBan) -> Iterator[Finding]:
    if case.facts.silence is SilenceState.UNKNOWN:
        yield _asks(Ground.CALLS_MISSING, ban, "calls")
    if case.facts.refusal_version_index is None:
        return
    is_since = _is_refused_since(case, ban)
    lifts = [_lifts(case, lift) for lift in ban.lifted_by]
    if True in lifts or not (is_since or ban.asks_before):
        return
    perhaps = [_lifts(case, lift) for lift in ban.perhaps_lifted_by]
    if not is_since or None in lifts or {True, None} & {*perhaps}:
        yield _asks(Ground.REFUSAL_DOUBTFUL, ban)
    else:
        yield Finding(Effect.FORBIDS, Ground.REFUSED, ban, _missing_evidence(case))


def _lifts(case: _Case, lift: law.Lift) -> bool | None:
    """Return True if an exception lifts a ban after a refusal; None if not known."""
    facts = case.facts
    if lift is law.Lift.CONTRACT:
        is_active = facts.contract in (*_ACTIVE, ContractState.FIRM_UNKNOWN)
        return True if facts.contract is ContractState.RELATED else is_active and None
    if lift is law.Lift.CALL_BACK:
        is_asked = facts.call_back in _OPEN_CALL_BACK
        return True if facts.call_back is CallBackState.IN_TIME else is_asked and None
    state = facts.newer_consent
    is_open = state in _OPEN_CONSENT and state is not ConsentState.UNKNOWN
    return True if state in _VALID else is_open and None


def _on_caller(case: _Case) -> Iterator[Finding]:
    kind, automated = case.facts.caller, case.facts.automated
    rules = {rule.kind: rule for rule in reversed(case.version.all(law.CallerNumbers))}
    verified = rules.get(law.CallerKind.VERIFIED)
    if kind is None:
        yield _asks(Ground.CALLER_MISSING, missing="caller")
    elif kind is law.CallerKind.MASKED and automated and verified is not None:
        yield Finding(Effect.FORBIDS, Ground.CALLER_MASKED, verified)
    elif kind is law.CallerKind.FOREIGN:
        yield _asks(Ground.CALLER_FOREIGN)
    elif kind in _FORBIDDEN_CALLERS:
        rule, purpose = rules.get(kind), case.facts.purpose or law.Purpose.SALE
        if rule and purpose not in rule.not_purposes:
            is_meant = purpose in rule.purposes
            effect = Effect.FORBIDS if is_meant and not rule.asks else Effect.ASKS
            yield Finding(effect, _FORBIDDEN_CALLERS[kind], rule)
    elif kind is law.CallerKind.VERIFIED or verified is None or automated is False:
        return
    elif automated is None:
        yield _asks(Ground.AUTOMATED_MISSING, verified, "automated")
    elif kind is law.CallerKind.MOBILE:
        yield Finding(Effect.FORBIDS, Ground.CALLER_MOBILE, rules.get(kind))
    else:  # automated platforms must present verified numbers
        yield Finding(Effect.FORBIDS, Ground.CALLER_NOT_VERIFIED, verified)
