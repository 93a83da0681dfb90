"""Life cycle of a complaint: its states, and the steps from one state to the next."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final, Self

from msgspec import Meta, Struct

from bloctel._util.instants import in_utc
from bloctel.complaints.admissibility import ADMISSIBLE, Grounds, missing_from
from bloctel.complaints.complaint import Complaint
from bloctel.errors import InputError
from bloctel.rules import law

_LONGEST: Final = 200


class CaseState(StrEnum):
    """State of a complaint in its life cycle."""

    SIGNAL = "signal"
    """The complaint is only a signal (*signalement*): a mandatory field is missing."""
    RECEIVED = "received"
    """The complaint is complete, and there is no decision yet."""
    ADMISSIBLE = "admissible"
    NOT_ADMISSIBLE = "not_admissible"
    FORWARDED = "forwarded"
    """The complaint was sent to the authority."""
    CLOSED = "closed"


#: The states that can follow each state.  New facts can change a decision until the
#: complaint is forwarded.
_NEXT: Final = {
    CaseState.SIGNAL: "signal received closed",
    CaseState.RECEIVED: "admissible not_admissible closed",
    CaseState.ADMISSIBLE: "admissible not_admissible forwarded closed",
    CaseState.NOT_ADMISSIBLE: "admissible not_admissible closed",
    CaseState.FORWARDED: "closed",
    CaseState.CLOSED: "",
}


class CaseOutcome(StrEnum):
    """Reason why a complaint was closed."""

    DONE = "done"
    """The authority, or the owner of the store, has handled the complaint."""
    WITHDRAWN = "withdrawn"
    """The person withdrew the complaint."""
    DUPLICATE = "duplicate"
    """The complaint was already in the store."""
    NO_FOLLOW_UP = "no_follow_up"
    """Nothing more will be done."""


class Step(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Step in the life cycle of a complaint.

    Attributes:
        state: The state of the complaint after the step.
        at: The instant of the step, with a time zone.
        detail: The grounds of a decision, the name of the authority, or the reason why
            the complaint was closed.
        rule: The `id` of the legal rule on which a decision is based.
    """

    state: CaseState
    at: Annotated[datetime, Meta(tz=True)]
    detail: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Complaint with all steps that were recorded until now.

    Attributes:
        id: The identifier of the complaint, such as BCDF-GHJK-LMNP.
        complaint: The complaint, with all fields known so far.
        steps: The steps, in order.
    """

    id: str
    complaint: Complaint
    steps: tuple[Step, ...]

    @property
    def state(self) -> CaseState:
        """The state after the last step."""
        return self.steps[-1].state

    @property
    def received_at(self) -> datetime:
        """The instant at which the complaint was received."""
        return self.steps[0].at

    @property
    def missing(self) -> tuple[str, ...]:
        """The mandatory fields that are missing."""
        received_on = self.day_of(self.steps[0])
        return missing_from(self.complaint, received_on=received_on)

    def day_of(self, step: Step) -> date:
        """Return the day of a step, in the time zone of the complaint."""
        return step.at.astimezone(self.complaint.zone).date()

    def after(self, step: Step, *, where: str | None = None) -> Self:
        """Return the case with one more step.

        Args:
            step: The step.
            where: The place that an error message names; by default the `id`.

        Raises:
            InputError: The step cannot follow the last step, or its time is earlier.
        """
        where = self.id if where is None else where
        allowed = _NEXT[self.state].split()
        if step.state not in allowed:
            steps = f"one of the steps {', '.join(allowed)}" if allowed else "no step"
            got = f"the step {step.state}"
            raise InputError(f"{steps} after the state {self.state}", got, where)
        if in_utc(step.at) < self.steps[-1].at:
            last = self.steps[-1].at.isoformat()
            raise InputError(f"a step at {last} or later", step.at.isoformat(), where)
        return replace(self, steps=(*self.steps, step))


def received(
    complaint: Complaint, *, id: str, at: datetime, where: str | None = None
) -> Case:
    """Return a new case: a complaint that was received, with its first step.

    Args:
        complaint: The complaint.
        id: The id of the complaint; empty if the store will create the id.
        at: The instant at which the complaint was received.
        where: The place that an error message names; by default *id*.

    Raises:
        InputError: The instant has no time zone, or is before the day of the call.

    >>> from datetime import UTC, datetime
    >>> at = datetime(2026, 11, 25, 9, tzinfo=UTC)
    >>> case = received(Complaint(), id="BCDF-GHJK-LMNP", at=at)
    >>> case.state, case.missing[0]
    (<CaseState.SIGNAL: 'signal'>, 'called')
    """
    in_utc(at)  # refuses an instant without a time zone
    # compare days, because the exact time of the call may be unknown
    day, received_on = complaint.called_on, at.astimezone(complaint.zone).date()
    if day is not None and day > received_on:
        where = id if where is None else where
        expected = f"a call on {received_on.isoformat()} or before"
        raise InputError(expected, day.isoformat(), where)
    missing = missing_from(complaint, received_on=received_on)
    state = CaseState.SIGNAL if missing else CaseState.RECEIVED
    return Case(id=id, complaint=complaint, steps=(Step(state=state, at=at),))


def require_valid_detail(step: Step, where: str) -> Step:
    """Return *step* if its state allows its detail and rule; else raise InputError."""
    codes: dict[CaseState, set[str]] = {
        CaseState.ADMISSIBLE: {*ADMISSIBLE},
        CaseState.NOT_ADMISSIBLE: {*Grounds} - ADMISSIBLE,
        CaseState.CLOSED: {*CaseOutcome},
    }
    allowed = codes.get(step.state, {""})
    expected = " or ".join(sorted(allowed)) or "no detail"
    is_valid = step.detail in allowed
    if step.state is CaseState.FORWARDED:
        expected = f"the authority, in 1 to {_LONGEST} printable characters"
        is_valid = 0 < len(step.detail) <= _LONGEST and step.detail.isprintable()
    if not is_valid:
        got = f"text of {len(step.detail)} characters"
        raise InputError(f"{expected} in a step {step.state}", got, f"{where}, detail")
    if step.rule and step.rule not in {rule.id for rule in law.load("FR").rules}:
        got = f"text of {len(step.rule)} characters"
        raise InputError("the id of a legal rule", got, f"{where}, rule")
    return step
