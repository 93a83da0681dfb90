"""Rows of legal test data, and a simple desk that answers them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from zoneinfo import ZoneInfo

from bloctel import rules
from bloctel.compliance import (
    Answer,
    Attempt,
    CallBackRequest,
    Consent,
    Contract,
    Desk,
    Evidence,
    Outcome,
    Slot,
)
from bloctel.errors import CannotAnswerError
from bloctel.lookup.question import Status, Verdict
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.periods import add_years
from bloctel.rules import Certainty

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bloctel.lookup.book import Book

FOLDER: Final = Path(__file__).parents[1] / "data" / "law"
PARIS: Final = ZoneInfo("Europe/Paris")
FIRM: Final = "Exemple"

#: Unassigned keys: numbers for fiction, and first digits followed by zeros.
KEYS: Final = {
    "FR": 33199000000,
    "YT": 33639980000,
    "RE": 33262000000,
    "MQ": 33596000000,
    "GP": 33590000000,
    "GF": 33594000000,
    "PM": 508000000,
    "undecided": 33709240000,
    "09": 33900000000,
    "0976": 33976000000,
    "0939": 33939900000,
    "08": 33800000000,
    "0268": 33268800000,
    "YT0268": 33268900000,
    "GP09": 33947500000,
    "abroad": 447700900000,
}


@dataclass
class PlainBook:
    """Book with one answer per list: listed, clear, not_known or down."""

    held: dict[str, str]
    region: str | None = "FR"

    @property
    def lists(self) -> tuple[str, ...]:
        """The names of the lists."""
        return tuple(self.held)

    def check(self, number: object, *, on: date, lists: list[str]) -> Verdict:
        """Answer from the lists that are open on that day, as every book does."""
        for name in lists:
            rules.load(name).require_open(on)
        said = [self.held[name] for name in lists]
        if "down" in said:
            raise CannotAnswerError("a book that answers", "one that is down")
        blocked = [word for word in said if word != "clear"]
        status = Status.BLOCKED if blocked else Status.CLEAR
        reason = "not_known" if "not_known" in blocked else "registered"
        return Verdict(status, None, None, None, None, reason)


@dataclass
class PlainCalls:
    """Call log with the same attempts for every number."""

    held: Sequence[Attempt] = ()

    def attempts(self, key: int) -> Sequence[Attempt]:
        """Return the attempts."""
        return self.held


@dataclass
class PlainConsents:
    """Consent register with the same evidence for every number."""

    held: Evidence = field(default_factory=Evidence)

    def of(self, key: int) -> Evidence:
        """Return the evidence."""
        return self.held

    def of_many(self, keys: Sequence[int]) -> Mapping[int, Evidence]:
        """Return the evidence of each number."""
        return dict.fromkeys(keys, self.held)


def book_of(**held: str) -> Book:
    """Return a book; lists whose answer in the row is `absent` are not in it."""
    names = {"bloctel": "fr.bloctel", "own": "own"}
    said = {names[key]: word for key, word in held.items() if word != "absent"}
    return cast("Book", PlainBook(said))


def rows() -> list[Any]:
    """Return all rows of all files, each with the name of its file."""
    return [
        {"file": path.stem, **row}
        for path in sorted(FOLDER.glob("*.toml"))
        for row in tomllib.loads(path.read_text(encoding="utf-8"))["cases"]
    ]


def ask(row: dict[str, Any], zone: ZoneInfo = PARIS) -> Answer:
    """Return the answer of a desk to a row; times without an offset are in *zone*."""
    says = {key: row.get(key, "clear") for key in ("bloctel", "own")}
    evidence = None if row.get("consents") == "none" else _evidence(row, zone)
    attempts = None if row.get("calls") == "none" else _attempts(row, zone)
    called = row.get("called", "FR")
    desk = Desk(
        row.get("country", "FR"),
        book=None if "none" in says.values() else book_of(**says),
        consents=None if evidence is None else PlainConsents(evidence),
        calls=None if attempts is None else PlainCalls(attempts),
        firm=row.get("firm", FIRM) or None,
        local_holidays=row.get("local_holidays", False),
        trust=Certainty(row.get("trust", "V2")),
        horizon_days=row.get("horizon_days", 366),
    )
    return desk.may_call(
        PhoneNumber(KEYS[called]) if called in KEYS else called,
        at=moment(row["at"], zone),
        purpose=row.get("purpose", "sale") or None,
        sector=row.get("sector", "travel") or None,
        caller=row.get("caller", "0162000000") or None,
        automated=row.get("automated"),
        business_line=row.get("business_line"),
        subject=row.get("subject"),
        channel=row.get("channel", "voice"),
        time_zone=row.get("time_zone"),
    )


def moment(at: datetime, zone: ZoneInfo = PARIS) -> datetime:
    """Return an instant; without an offset it is in *zone*."""
    return at if at.tzinfo else at.replace(tzinfo=zone)


def consent(held: dict[str, Any], zone: ZoneInfo = PARIS) -> Consent:
    """Return a consent, valid for a year unless the row says otherwise."""
    given_at = moment(held.get("given_at", datetime(2026, 9, 1, 9, tzinfo=PARIS)), zone)
    withdrawn_at = held.get("withdrawn_at")
    return Consent(
        id="1",
        given_at=given_at,
        expires_on=held.get("expires_on", add_years(given_at.date(), 1)),
        firm=held.get("firm", FIRM),
        subject=held.get("subject", "travel"),
        slots=tuple(
            Slot(moment(start, zone), moment(end, zone))
            for start, end in held.get("slots", ())
        ),
        has_all_mentions=held.get("has_all_mentions", True),
        withdrawn_at=moment(withdrawn_at, zone) if withdrawn_at else None,
    )


def _evidence(row: dict[str, Any], zone: ZoneInfo) -> Evidence:
    started = moment(row["at"], zone).date() - timedelta(days=400)
    return Evidence(
        consents=[consent(held, zone) for held in row.get("consents", ())],
        contracts=[
            Contract(
                starts_on=held.get("starts_on", started),
                ends_on=held.get("ends_on"),
                firm=held.get("firm", FIRM),
                subject=held["subject"],
            )
            for held in row.get("contracts", ())
        ],
        call_backs=[
            CallBackRequest(
                asked_at=moment(held["asked_at"], zone),
                firm=held.get("firm", FIRM),
                subject=held["subject"],
            )
            for held in row.get("call_backs", ())
        ],
    )


def _attempts(row: dict[str, Any], zone: ZoneInfo) -> list[Attempt]:
    outcomes = {
        "attempts": Outcome.UNANSWERED,
        "answered": Outcome.ANSWERED,
        "refused": Outcome.DECLINED,
        "objected": Outcome.OBJECTED,
        "released": Outcome.RELEASED,
        "reserved": Outcome.RESERVED,
    }
    return [
        Attempt(moment(at, zone), outcome)
        for key, outcome in outcomes.items()
        for at in row.get(key, ())
    ]
