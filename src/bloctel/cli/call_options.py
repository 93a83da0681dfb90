"""Options that describe a call, and the function that opens a desk."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, TypeVar

from bloctel.cli.options import choice, option
from bloctel.compliance import CallLog, ConsentRegister, Desk
from bloctel.errors import WrongSecretError
from bloctel.lookup.book import Book
from bloctel.rules import Certainty
from bloctel.rules.law import Channel, Purpose
from bloctel.scrub import NumberFile, open_against

_T = TypeVar("_T")

PURPOSE = choice(
    "--purpose",
    Purpose,
    "The purpose of the call; 'sale' if the caller sells anything.",
)
SECTOR = option("--sector NAME", "The sector of the product or service, or 'other'.")
CALLER = option("--caller NUMBER", "The presented number, or 'masked'.")
AUTOMATED = option(
    "--automated/--by-hand", "State whether an automated platform makes the call."
)
ABOUT = option("--about WORDS", "The subject of the call.")
CHANNEL = choice("--channel", Channel, "How the person is reached.", Channel.VOICE)
COUNTRY = option("--country CODE", "The country (ISO 3166-1) whose law applies.", "FR")
TIME_ZONE = option(
    "--time-zone ZONE",
    "The time zone of the person, such as Europe/Paris.  The default is the time zone "
    "of the number.",
)
LOCAL_HOLIDAYS = option(
    "--local-holidays",
    "Also respect public holidays that only individual territories have.",
    False,
)
TRUST = choice(
    "--trust",
    Certainty,
    "The lowest certainty of a rule that may permit a call.",
    Certainty.V2,
)
FIRM = option(
    "--firm NAME", "The calling firm, with the name that is written in the consents."
)
CONSENTS = option("--consents URL", "The consent register (see bloctel consent).")
CALLS = option(
    "--calls URL", "The log of earlier attempts to call (see bloctel calls)."
)


@contextmanager
def opened_desk(
    country: str,
    *,
    against: str | None,
    consents: str | None,
    calls: str | None = None,
    secret: bytes | None,
    region: str | None,
    **options: Any,
) -> Iterator[Desk]:
    """Open a desk with the lists, consents and calls that the options name."""
    with ExitStack() as stack:
        book = register = log = None
        if against is not None:
            book = stack.enter_context(open_lists(against, secret, region))
        if consents is not None:
            register = open_hidden(partial(ConsentRegister.open, consents), secret)
            stack.enter_context(register)
        if calls is not None:
            log = open_hidden(partial(CallLog.open, calls), secret)
            stack.enter_context(log)
        yield Desk(country, book=book, consents=register, calls=log, **options)


def open_lists(against: str, secret: bytes | None, region: str | None = None) -> Book:
    """Open the lists, with the secret if they are hidden, or otherwise without it."""

    def book(*, secret: bytes | None) -> Book:
        return open_against(NumberFile(against, secret=secret), region=region)

    return open_hidden(book, secret)


def open_hidden(open: Callable[..., _T], secret: bytes | None) -> _T:
    """Open a store with the secret, or without it if the store is not hidden."""
    try:
        return open(secret=secret)
    except WrongSecretError as error:
        try:
            return open(secret=None)  # raises if the store is hidden
        except WrongSecretError:
            raise error from None
