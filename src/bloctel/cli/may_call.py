"""`bloctel may-call`: judge a call by the law in force on the day of the call."""

from datetime import datetime

import typer

from bloctel._util.messages import message
from bloctel.cli import call_options, options
from bloctel.cli.call_options import opened_desk
from bloctel.cli.io import print_record, print_text
from bloctel.cli.options import Format, Language
from bloctel.compliance import Answer, Decision
from bloctel.rules import Certainty
from bloctel.rules.law import Channel, Purpose

_EXIT_CODES = {Decision.YES: 0, Decision.NO: 1, Decision.ASK: 3}


def may_call(
    number: str = options.NUMBER,
    at: datetime | None = options.AT,
    purpose: Purpose | None = call_options.PURPOSE,
    sector: str | None = call_options.SECTOR,
    caller: str | None = call_options.CALLER,
    automated: bool | None = call_options.AUTOMATED,
    about: str | None = call_options.ABOUT,
    channel: Channel = call_options.CHANNEL,
    against: str | None = options.OPTIONAL_AGAINST,
    lists: list[str] | None = options.LISTS,
    country: str = call_options.COUNTRY,
    time_zone: str | None = call_options.TIME_ZONE,
    consents: str | None = call_options.CONSENTS,
    calls: str | None = call_options.CALLS,
    firm: str | None = call_options.FIRM,
    local_holidays: bool = call_options.LOCAL_HOLIDAYS,
    trust: Certainty = call_options.TRUST,
    lang: Language = options.language(Language.EN),
    secret: bytes | None = options.SECRET,
    region: str | None = options.REGION,
    format: Format = options.FORMAT,
) -> None:
    """Decide if a call may be made; show the legal rules and the next allowed time.

    If a fact is missing, the answer is 'ask', never 'yes'.  This is not legal advice.

    Exit code: 0 the answer is yes, 1 the answer is no, 2 wrong usage or invalid input,
    3 the answer is ask.

    Example:
        bloctel may-call "01 99 00 12 34" --at 2026-11-22T10:30+01:00
        --purpose sale --sector insurance --caller "01 62 00 00 00"
    """
    with opened_desk(
        country,
        against=against,
        consents=consents,
        calls=calls,
        secret=secret,
        region=region,
        lists=lists,
        firm=firm,
        local_holidays=local_holidays,
        trust=trust,
    ) as desk:
        answer = desk.may_call(
            number,
            at=at,
            purpose=purpose,
            sector=sector,
            caller=caller,
            automated=automated,
            about=about,
            channel=channel,
            time_zone=time_zone,
            region=region,
        )
        _print(answer, lang.value, format)
    raise typer.Exit(_EXIT_CODES[answer.decision])


def _print(answer: Answer, lang: str, format: Format) -> None:
    """Print the answer as a text for people, or as a record for programs."""
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
