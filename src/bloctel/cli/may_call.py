"""`bloctel may-call`: judge a call by the law of its day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bloctel._util.messages import message
from bloctel.cli.io import print_record, print_text
from bloctel.cli.options.call import (
    AboutOption,
    AutomatedOption,
    CallerOption,
    CallsOption,
    ChannelOption,
    ConsentsOption,
    CountryOption,
    FirmOption,
    LocalHolidaysOption,
    PurposeOption,
    SectorOption,
    TimeZoneOption,
    TrustOption,
    opened_desk,
)
from bloctel.cli.options.common import (
    AtOption,
    Format,
    FormatOption,
    Language,
    LanguageOption,
    ListsOption,
    NumberArgument,
    OptionalAgainstOption,
    RegionOption,
    SecretOption,
)
from bloctel.compliance import Decision
from bloctel.rules import Certainty
from bloctel.rules.law import Channel

if TYPE_CHECKING:
    from bloctel.compliance import Answer

__all__ = ["may_call"]

_EXIT_CODES = {Decision.YES: 0, Decision.NO: 1, Decision.ASK: 3}


def may_call(
    number: NumberArgument,
    at: AtOption = None,
    purpose: PurposeOption = None,
    sector: SectorOption = None,
    caller: CallerOption = None,
    automated: AutomatedOption = None,
    about: AboutOption = None,
    channel: ChannelOption = Channel.VOICE,
    against: OptionalAgainstOption = None,
    lists: ListsOption = None,
    country: CountryOption = "FR",
    time_zone: TimeZoneOption = None,
    consents: ConsentsOption = None,
    calls: CallsOption = None,
    firm: FirmOption = None,
    local_holidays: LocalHolidaysOption = False,
    trust: TrustOption = Certainty.V2,
    lang: LanguageOption = Language.EN,
    secret: SecretOption = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Answer whether a call may be made, by which rules, and when the next one may.

    If a fact is missing, the answer is 'ask', never 'yes'.  This is not legal advice.

    Exit code: 0 yes, 1 no, 2 wrong usage or invalid input, 3 ask.

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
    """Print the answer: a text for people, a record for programs."""
    instant = answer.next_allowed_at
    next_at = None if instant is None else instant.isoformat()
    if format is Format.TABLE:
        text = f"{answer.explain(lang)}\n"
        if not answer.allowed and next_at is not None:
            text += message("compliance.answer.next", lang, at=next_at) + "\n"
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
