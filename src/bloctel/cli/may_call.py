"""`bloctel may-call`: may this call be made, by the law of its day?"""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bloctel.cli.options import (
    Format,
    FormatOption,
    ListsOption,
    RegionOption,
    moment,
)
from bloctel.cli.output import print_record
from bloctel.compliance import Decision, Desk
from bloctel.rules import Certainty
from bloctel.rules.law import Channel, Purpose
from bloctel.scrub import open_against

if TYPE_CHECKING:
    from bloctel.compliance import Answer

__all__ = ["may_call"]

_EXIT_CODES = {Decision.YES: 0, Decision.NO: 1, Decision.ASK: 3}


class _Lang(StrEnum):
    EN = "en"
    FR = "fr"


def may_call(
    number: Annotated[str, typer.Argument(help="The phone number to call.")],
    at: Annotated[
        Optional[datetime],
        typer.Option(
            "--at",
            parser=moment,
            metavar="MOMENT",
            help="When, as 2026-11-23T10:30+01:00; now if not given.",
        ),
    ] = None,
    purpose: Annotated[
        Optional[Purpose],
        typer.Option("--purpose", help="What for: 'sale' if anything is sold."),
    ] = None,
    sector: Annotated[
        Optional[str],
        typer.Option("--sector", metavar="NAME", help="What is sold, or 'other'."),
    ] = None,
    caller: Annotated[
        Optional[str],
        typer.Option("--caller", metavar="NUMBER", help="What is shown, or 'masked'."),
    ] = None,
    automated: Annotated[
        Optional[bool],
        typer.Option(
            "--automated/--by-hand", help="Whether an automated platform calls."
        ),
    ] = None,
    about: Annotated[
        Optional[str],
        typer.Option("--about", metavar="WORDS", help="What the call is about."),
    ] = None,
    channel: Annotated[
        Channel, typer.Option("--channel", help="How the person is reached.")
    ] = Channel.VOICE,
    against: Annotated[
        Optional[str],
        typer.Option(
            "--against",
            metavar="TARGET",
            help="A snapshot, a registry's URL, or a CSV file of numbers.",
        ),
    ] = None,
    lists: ListsOption = None,
    country: Annotated[
        str, typer.Option("--country", metavar="CODE", help="Whose law.")
    ] = "FR",
    time_zone: Annotated[
        Optional[str],
        typer.Option(
            "--time-zone",
            metavar="ZONE",
            help="Where the person is, as Europe/Paris, if not where the number "
            "belongs.",
        ),
    ] = None,
    local_holidays: Annotated[
        bool,
        typer.Option("--local-holidays", help="Keep holidays of single territories."),
    ] = False,
    trust: Annotated[
        Certainty,
        typer.Option("--trust", help="How sure a rule must be to permit a call."),
    ] = Certainty.V2,
    lang: Annotated[_Lang, typer.Option("--lang", help="The language.")] = _Lang.EN,
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
    opened = open_against(against, region=region) if against else nullcontext()
    with opened as book:
        desk = Desk(
            country,
            lists=book,
            only=lists,
            local_holidays=local_holidays,
            trust=trust,
        )
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
            typer.echo(f"{_NEXT[lang]} {next_at}")
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


_NEXT = {
    "en": "By what is known now, it may be made from",
    "fr": "D'après ce qu'on sait maintenant, il est permis à partir de",
}
