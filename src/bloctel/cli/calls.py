"""`bloctel calls`: the log of attempts to call."""

from datetime import datetime
from typing import Any

from bloctel.cli import options
from bloctel.cli.io import Rows
from bloctel.cli.options import argument, option, parse_pairs, required
from bloctel.cli.store_commands import RecordCommands
from bloctel.compliance import LoggedCall, Outcome
from bloctel.compliance.call_log import CallLog, Recorded

_group = RecordCommands(
    "calls",
    CallLog,
    argument("URL", "The log, such as sqlite:///calls.db, or a registry."),
    "Log attempts to call, and their outcomes.",
)
app = _group.app


_OUTCOME = f"--outcome {'|'.join(Outcome)}"


@_group.command(None, options.Number)
def add(
    calls: CallLog,
    outcome: Outcome = option(_OUTCOME, "The outcome of the attempt.", ...),
    at: datetime | None = options.AT,
    detail: list[str] | None = option(
        "--detail NAME=TEXT",
        "An additional fact, but not the called number; may be repeated.",
    ),
    **number: Any,
) -> dict[str, object]:
    """Log an attempt to call, even without an answer, and print the id of the call.

    If the person objected, must_register is true: register the number on the list
    'own' (bloctel registry register), so that scrubs block it.

    Example:
        bloctel calls add sqlite:///calls.db "01 99 00 12 34" --outcome unanswered
        --at 2026-11-23T10:30+01:00 --detail caller=+33162000000
    """
    details = parse_pairs("--detail", detail)
    return _shown(calls.add(outcome=outcome, at=at, details=details, **number))


@_group.command()
def conclude(
    calls: CallLog,
    id: int = argument("ID", "The id of the call."),
    outcome: Outcome = option(
        _OUTCOME,
        "The outcome; 'released' means that the number was never dialled.",
        ...,
    ),
    at: datetime | None = options.AT,
) -> dict[str, object]:
    """Record the outcome of a call; a later outcome does not replace a refusal.

    If the person objected, must_register is true: register the number on the list
    'own' (bloctel registry register), so that scrubs block it.

    Example:
        bloctel calls conclude sqlite:///calls.db 1482913 --outcome answered
    """
    return _shown(calls.conclude(id, outcome, at=at))


def _shown(recorded: Recorded) -> dict[str, object]:
    return {"id": str(recorded.call), "must_register": recorded.must_register}


@_group.command("list", options.Number)
def list_(calls: CallLog, **number: Any) -> Rows:
    """Show every attempt to call a number, with the oldest attempt first.

    Example:
        bloctel calls list sqlite:///calls.db "01 99 00 12 34"
    """
    found = calls.calls(**number)
    rows = [(str(c.id), c.at, c.outcome.value, c.details, _verdicts(c)) for c in found]
    return Rows(("id", "at", "outcome", "details", "verdicts"), rows)


def _verdicts(call: LoggedCall) -> dict[str, str]:
    lists = call.verdicts.lists if call.verdicts else {}
    return {name: f"{one.state.value} on {one.on}" for name, one in lists.items()}


@_group.command()
def purge(
    calls: CallLog,
    before: datetime = required(
        "--before INSTANT",
        "Erase attempts before this time, such as 2025-11-23T00:00+01:00.",
    ),
) -> dict[str, object]:
    """Erase attempts that were made before an instant, with their outcomes.

    Attempts of the last 30 days count for the legal limit and cannot be erased.  Do not
    erase attempts that you may have to prove.  Refusals by the person are not erased.

    Example:
        bloctel calls purge sqlite:///calls.db --before 2023-11-23T00:00+01:00
    """
    return {"erased": calls.purge(before=before)}


@_group.command(None, options.Number)
def forget(calls: CallLog, **number: Any) -> dict[str, object]:
    """Erase every attempt to call a number, at the person's request (GDPR art. 17).

    Refusals are erased too, so the consents that they ended would permit calls again.
    To prevent this, first register an objection on the list `own`.

    Example:
        bloctel calls forget sqlite:///calls.db "01 99 00 12 34"
    """
    return {"erased": calls.forget(**number)}
