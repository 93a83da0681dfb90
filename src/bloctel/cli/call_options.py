"""Options that describe a call, and a function that opens a `Desk` to judge calls."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, TypeVar, get_type_hints

from bloctel.cli import options
from bloctel.cli.options import option
from bloctel.compliance import CallLog, ConsentRegister, Desk
from bloctel.errors import WrongSecretError
from bloctel.lookup.book import Book
from bloctel.rules import Certainty
from bloctel.rules.law import Channel, Purpose
from bloctel.scrub import NumberFile, open_against

_T = TypeVar("_T")


class CallOptions:
    """Facts about a call: arguments of `Desk.may_call` and `Desk.audit`."""

    purpose: Purpose | None = option(
        f"--purpose {'|'.join(Purpose)}",
        "The purpose of the call; 'sale' if the caller sells anything.",
    )
    sector: str | None = option(
        "--sector NAME", "The sector of the product or service, or 'other'."
    )
    caller: str | None = option("--caller NUMBER", "The presented number, or 'masked'.")
    automated: bool | None = option(
        "--automated/--by-hand", "State whether an automated platform makes the call."
    )
    business_line: bool | None = option(
        "--business-line/--consumer-line",
        "State whether the number is the line of a business.",
    )
    subject: str | None = option("--subject WORDS", "The subject of the call.")
    channel: Channel = option("--channel", "The channel of the call.", Channel.VOICE)
    time_zone: str | None = option(
        "--time-zone ZONE",
        "The time zone of the person, such as Europe/Paris.  The default is the time "
        "zone of the number.",
    )
    region: str | None = options.REGION


class DeskOptions:
    """Options for the law, the lists and the consents that a `Desk` uses."""

    country: str = option(
        "--country CODE", "The country (ISO 3166-1) whose law applies.", "FR"
    )
    against: str | None = options.OPTIONAL_AGAINST
    lists: list[str] | None = options.LISTS
    consents: str | None = option(
        "--consents URL", "The consent register (see bloctel consent)."
    )
    firm: str | None = option(
        "--firm NAME",
        "The calling firm, with the name that is written in the consents.",
    )
    local_holidays: bool = option(
        "--local-holidays",
        "Also respect public holidays that only individual territories have.",
        False,
    )
    trust: Certainty = option(
        "--trust",
        "A rule with a lower certainty than this cannot permit a call.",
        Certainty.V2,
    )
    secret: bytes | None = options.SECRET


@contextmanager
def opened_desk(
    given: dict[str, Any], *, calls: str | None = None
) -> Iterator[tuple[Desk, dict[str, Any]]]:
    """Open a `Desk` from `DeskOptions`; return it with the facts of `CallOptions`."""
    facts = {name: given.pop(name) for name in get_type_hints(CallOptions)}
    against, consents = given.pop("against"), given.pop("consents")
    secret = given.pop("secret")
    with ExitStack() as stack:
        book = register = log = None
        if against is not None:
            book = stack.enter_context(open_lists(against, secret, facts["region"]))
        if consents is not None:
            register = open_hidden(partial(ConsentRegister.open, consents), secret)
            stack.enter_context(register)
        if calls is not None:
            log = open_hidden(partial(CallLog.open, calls), secret)
            stack.enter_context(log)
        yield Desk(book=book, consents=register, calls=log, **given), facts


def open_lists(against: str, secret: bytes | None, region: str | None = None) -> Book:
    """Open the lists; use the secret only if their phone numbers are encrypted."""
    return open_hidden(
        lambda *, secret: open_against(
            NumberFile(against, secret=secret), region=region
        ),
        secret,
    )


def open_hidden(open: Callable[..., _T], secret: bytes | None) -> _T:
    """Open a store; use the secret only if its phone numbers are encrypted."""
    try:
        return open(secret=secret)
    except WrongSecretError as error:
        try:
            return open(secret=None)  # fails if the numbers are encrypted
        except WrongSecretError:
            raise error from None
