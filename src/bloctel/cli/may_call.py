"""`bloctel may-call`: judge a call by the law in force on the day of the call."""

from datetime import datetime
from typing import Any

import typer

from bloctel._util.messages import message
from bloctel.cli import options
from bloctel.cli.call_options import CallOptions, DeskOptions, opened_desk
from bloctel.cli.io import print_record, print_text
from bloctel.cli.options import Format, Language, option, taking
from bloctel.compliance import Answer, Decision

_EXIT_CODES = {Decision.YES: 0, Decision.NO: 1, Decision.ASK: 3}


@taking(CallOptions, DeskOptions)
def may_call(
    number: str = options.NUMBER,
    at: datetime | None = options.AT,
    calls: str | None = option(
        "--calls URL", "The log of earlier attempts to call (see bloctel calls)."
    ),
    lang: Language = options.language(Language.EN),
    format: Format = options.FORMAT,
    **given: Any,
) -> None:
    """Decide if a call may be made; show the legal rules and the next allowed time.

    If a fact is missing, the answer is 'ask', never 'yes'.  This is not legal advice.

    Exit code: 0 the answer is yes, 1 the answer is no, 2 wrong usage or invalid input,
    3 the answer is ask.

    Example:
        bloctel may-call "01 99 00 12 34" --at 2026-11-22T10:30+01:00
        --purpose sale --sector insurance --caller "01 62 00 00 00"
    """
    with opened_desk(given, calls=calls) as (desk, facts):
        answer = desk.may_call(number, at=at, **facts)
        _print(answer, lang.value, format)
    raise typer.Exit(_EXIT_CODES[answer.decision])


def _print(answer: Answer, lang: str, format: Format) -> None:
    next_at = answer.next_allowed_at
    if format is Format.TABLE:
        text = f"{answer.explain(lang)}\n"
        if not answer.allowed and next_at is not None:
            at = next_at.isoformat()
            text += message("compliance.answer.next", lang, at=at) + "\n"
        print_text(text)
        return
    record = {
        "decision": answer.decision.value,
        "reasons": answer.reasons,
        "missing": answer.missing,
        "rules": answer.rule_ids,
        "sources": answer.sources,
        "certainty": answer.certainty.value,
        "next_allowed_at": next_at,
    }
    print_record(record, format)
