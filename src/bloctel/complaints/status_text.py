"""Status text of a complaint, for the person who complained."""

from bloctel._util.messages import Language, message
from bloctel.complaints.lifecycle import Case, CaseState, Step
from bloctel.rules import law


def describe_status(case: Case, *, lang: Language = "fr") -> str:
    """Return a text with the state of a complaint, and the day of each step.

    The text can be sent to the person, because it contains no phone number.

    Raises:
        InputError: The language is neither `en` nor `fr`.

    >>> from datetime import UTC, datetime
    >>> from bloctel.complaints import Complaint, received
    >>> instant = datetime(2026, 11, 25, 9, tzinfo=UTC)
    >>> case = received(Complaint(), id="BCDF-GHJK-LMNP", at=instant)
    >>> print(describe_status(case, lang="en").splitlines()[0])
    Complaint BCDF-GHJK-LMNP: stored as a report (signalement): it is not complete.
    """
    state = message(f"complaints.state.{case.state}", lang)
    lines = [message("complaints.status.head", lang, id=case.id, state=state)]
    for step in case.steps:
        day, text = case.day_of(step), _step(step, lang)
        lines.append(message("complaints.status.step", lang, day=day, step=text))
    if case.state is CaseState.SIGNAL:
        names = (message(f"complaints.field.{name}", lang) for name in case.missing)
        fields = ", ".join(names)
        lines.append(message("complaints.status.missing", lang, fields=fields))
    return "\n".join(lines)


def _step(step: Step, lang: Language) -> str:
    state = message(f"complaints.state.{step.state}", lang)
    detail = step.detail
    if step.state is CaseState.CLOSED:
        detail = message(f"complaints.outcome.{detail}", lang)
    elif step.state in (CaseState.ADMISSIBLE, CaseState.NOT_ADMISSIBLE):
        detail = message(f"complaints.grounds.{detail}", lang)
        if step.rule:
            rule = law.load("FR").rule(step.rule)
            detail = message(
                "complaints.status.grounds_with_rule",
                lang,
                grounds=detail,
                article=rule.article,
                version=rule.article_version,
            )
    if not detail:
        return state
    return message(
        "complaints.status.step_with_detail", lang, state=state, detail=detail
    )
