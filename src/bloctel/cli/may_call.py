"""`bloctel may-call`: may this call be made, by the law of its day?"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bloctel._util.messages import message
from bloctel.cli.io import print_record
from bloctel.cli.options.call import (
    AboutOption,
    AgainstOption,
    AtOption,
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
    Format,
    FormatOption,
    ListsOption,
    RegionOption,
    SecretFileOption,
)
from bloctel.compliance import Decision
from bloctel.rules import Certainty
from bloctel.rules.law import Channel

if TYPE_CHECKING:
    from bloctel.compliance import Answer

__all__ = ["may_call"]

_EXIT_CODES = {Decision.YES: 0, Decision.NO: 1, Decision.ASK: 3}


class _Lang(StrEnum):
    EN = "en"
    FR = "fr"


def may_call(
    number: Annotated[str, typer.Argument(help="The phone number to call.")],
    at: AtOption = None,
    purpose: PurposeOption = None,
    sector: SectorOption = None,
    caller: CallerOption = None,
    automated: AutomatedOption = None,
    about: AboutOption = None,
    channel: ChannelOption = Channel.VOICE,
    against: AgainstOption = None,
    lists: ListsOption = None,
    country: CountryOption = "FR",
    time_zone: TimeZoneOption = None,
    consents: ConsentsOption = None,
    calls: CallsOption = None,
    firm: FirmOption = None,
    local_holidays: LocalHolidaysOption = False,
    trust: TrustOption = Certainty.V2,
    lang: Annotated[_Lang, typer.Option("--lang", help="The language.")] = _Lang.EN,
    secret_file: SecretFileOption = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Tell whether a call may be made, by which rules, and when it next may.

    What is not known is 'ask', never 'yes'.  This is no legal advice.

    Exit code: 0 yes, 1 no, 2 wrong usage or bad input, 3 ask.

    Example:
        bloctel may-call "01 99 00 12 34" --at 2026-11-22T10:30+01:00
        --purpose sale --sector insurance --caller "01 62 00 00 00"
    """
    with opened_desk(
        country,
        against=against,
        consents=consents,
        calls=calls,
        secret_file=secret_file,
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
        _print(answer, lang, format)
    raise typer.Exit(_EXIT_CODES[answer.decision])


def _print(answer: Answer, lang: str, format: Format) -> None:
    """Print the answer: in words for people, as a record for programs."""
    found = answer.next_allowed_at
    next_at = None if found is None else found.isoformat()
    if format == Format.TABLE:
        typer.echo(answer.explain(lang))
        if not answer.allowed and next_at is not None:
            typer.echo(message("compliance.answer.next", lang, at=next_at))
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
