"""The life of a complaint: its steps, each dated, and which may follow which."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bloctel.complaints.admissibility import ADMISSIBLE, Grounds
from bloctel.complaints.complaint import Complaint, missing_from
from bloctel.errors import InputError
from bloctel.rules import law

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bloctel.complaints.admissibility import Judgement

__all__ = [
    "Case",
    "Outcome",
    "State",
    "Step",
    "check_id",
    "new_id",
    "received",
    "require_sense",
]

#: No vowels: no words.  No digits: never a part of a phone number.
_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
_LONGEST: Final = 200
_ID: Final = re.compile(rf"[{_LETTERS}]{{4}}(-[{_LETTERS}]{{4}}){{2}}")


class State(StrEnum):
    """Where a complaint stands."""

    SIGNAL = "signal"
    """Kept as a signal (*signalement*): a mandatory field is missing."""
    RECEIVED = "received"
    """Complete, and not judged yet."""
    ADMISSIBLE = "admissible"
    NOT_ADMISSIBLE = "not_admissible"
    FORWARDED = "forwarded"
    """Sent to the authority."""
    CLOSED = "closed"


#: What may follow what.  New facts may change a judgement; a forwarded one is out of
#: our hands.
_NEXT: Final[Mapping[State | None, tuple[State, ...]]] = {
    None: (State.SIGNAL, State.RECEIVED),
    State.SIGNAL: (State.SIGNAL, State.RECEIVED, State.CLOSED),
    State.RECEIVED: (State.ADMISSIBLE, State.NOT_ADMISSIBLE, State.CLOSED),
    State.ADMISSIBLE: (
        State.ADMISSIBLE,
        State.NOT_ADMISSIBLE,
        State.FORWARDED,
        State.CLOSED,
    ),
    State.NOT_ADMISSIBLE: (State.ADMISSIBLE, State.NOT_ADMISSIBLE, State.CLOSED),
    State.FORWARDED: (State.CLOSED,),
    State.CLOSED: (),
}


class Outcome(StrEnum):
    """Why a complaint was closed."""

    DONE = "done"
    """The authority, or whoever keeps the complaints, has dealt with it."""
    WITHDRAWN = "withdrawn"
    """The person withdrew it."""
    DUPLICATE = "duplicate"
    """It was there already."""
    NO_FOLLOW_UP = "no_follow_up"
    """Nothing follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step in the life of a complaint.

    Attributes:
        state: Where the complaint stands from then on.
        at: When; aware.
        detail: The grounds of a judgement, the authority, or the outcome.
        rule: The rule of law that a judgement rests on, by its `id`.
    """

    state: State
    at: datetime
    detail: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A complaint and its steps so far.

    Attributes:
        id: What the person is given, to ask by.
        complaint: The complaint, as it was completed last.
        steps: The steps, the first one first.
    """

    id: str
    complaint: Complaint
    steps: tuple[Step, ...]

    @property
    def state(self) -> State:
        """Where it stands."""
        return self.steps[-1].state

    @property
    def received_at(self) -> datetime:
        """When it came."""
        return self.steps[0].at

    @property
    def missing(self) -> tuple[str, ...]:
        """The mandatory fields that it lacks."""
        return missing_from(self.complaint, received_on=self.received_at.date())

    def completed(self, complaint: Complaint, *, at: datetime) -> Case:
        """Return the case with more of the complaint known.

        Raises:
            InputError: It is no signal any more, or the step is out of its order.
        """
        if self.state is not State.SIGNAL:
            raise InputError("a signal, to be completed", f"one {self.state}", self.id)
        filled = replace(self, complaint=complaint)
        state = State.SIGNAL if filled.missing else State.RECEIVED
        return filled.after(Step(state=state, at=at))

    def judged(self, judgement: Judgement, *, at: datetime) -> Case:
        """Return the case after a judgement.

        Raises:
            InputError: It cannot be judged now, or the step is out of its order.
        """
        state = State.ADMISSIBLE if judgement.is_admissible else State.NOT_ADMISSIBLE
        step = Step(state=state, at=at, detail=judgement.grounds, rule=judgement.rule)
        return self.after(step)

    def forwarded(self, to: str, *, at: datetime) -> Case:
        """Return the case after it was sent to an authority.

        Raises:
            InputError: It is not admissible, or the step is out of its order.
        """
        step = Step(state=State.FORWARDED, at=at, detail=to)
        return self.after(require_sense(step, self.id))

    def closed(self, outcome: Outcome, *, at: datetime) -> Case:
        """Return the case after its end.

        Raises:
            InputError: It is closed, or the step is out of its order.
        """
        return self.after(Step(state=State.CLOSED, at=at, detail=outcome))

    def after(self, step: Step, *, where: str | None = None) -> Case:
        """Return the case with one step more.

        Args:
            step: The step.
            where: What to call the place in messages; the name of the case if None.

        Raises:
            InputError: That step may not follow, or would be before the last one.
        """
        place = self.id if where is None else where
        allowed = _NEXT[self.state]
        if step.state not in allowed:
            expected = (
                f"one of the steps {', '.join(allowed)}" if allowed else "no step"
            )
            raise InputError(f"{expected} after {self.state}", str(step.state), place)
        _require_aware(step.at)
        if step.at < self.steps[-1].at:
            last = self.steps[-1].at.isoformat()
            raise InputError(f"a step at {last} or later", step.at.isoformat(), place)
        return replace(self, steps=(*self.steps, step))


def received(
    complaint: Complaint, *, id: str, at: datetime, where: str | None = None
) -> Case:
    """Return the case that a complaint begins.

    Args:
        complaint: What was told.
        id: The name of the case; empty if it gets one when it is kept.
        at: When it came.
        where: What to call the place in messages; the name if None.

    Raises:
        InputError: The moment has no time zone, or is before the day of the call.

    >>> from datetime import UTC, datetime
    >>> case = received(
    ...     Complaint(), id="BCDF-GHJK-LMNP", at=datetime(2026, 11, 25, 9, tzinfo=UTC)
    ... )
    >>> case.state, case.missing[0]
    (<State.SIGNAL: 'signal'>, 'called')
    """
    _require_aware(at)
    # of the call only the beginning of a slot may be known, in any zone
    day = complaint.called_on
    if day is not None and day > at.astimezone(complaint.zone).date():
        place = id if where is None else where
        raise InputError(
            f"a call of {at.date().isoformat()} or before", day.isoformat(), place
        )
    missing = missing_from(complaint, received_on=at.date())
    state = State.SIGNAL if missing else State.RECEIVED
    return Case(id=id, complaint=complaint, steps=(Step(state=state, at=at),))


def require_sense(step: Step, where: str) -> Step:
    """Return a step that says what such a step can say.

    Raises:
        InputError: It says something else.
    """
    fits = {
        State.ADMISSIBLE: step.detail in ADMISSIBLE,
        State.NOT_ADMISSIBLE: step.detail in {*Grounds} - ADMISSIBLE,
        State.CLOSED: step.detail in {*Outcome},
        State.FORWARDED: 0 < len(step.detail) <= _LONGEST and step.detail.isprintable(),
    }.get(step.state, not step.detail)
    if not fits:
        expected = f"what a step that is {step.state} can say"
        raise InputError(expected, "another text", f"{where}, detail")
    if step.rule and step.rule not in {rule.id for rule in law.load("FR").rules}:
        raise InputError("the name of a rule", "another text", f"{where}, rule")
    return step


def new_id() -> str:
    """Return a name for a complaint that nobody can guess."""
    letters = [secrets.choice(_LETTERS) for _ in range(12)]
    return "-".join("".join(letters[i : i + 4]) for i in (0, 4, 8))


def check_id(text: str, *, where: str | None = None) -> str:
    """Return the name of a complaint as it was given out.

    Raises:
        InputError: It is none.

    >>> check_id(" bcdf-ghjk-lmnp")
    'BCDF-GHJK-LMNP'
    """
    id = text.strip().upper()
    if not _ID.fullmatch(id):
        raise InputError(
            "the name of a complaint, such as BCDF-GHJK-LMNP", "another text", where
        )
    return id


def _require_aware(at: datetime) -> None:
    if at.utcoffset() is None:
        raise InputError("a moment with a time zone", "one without", "at")
