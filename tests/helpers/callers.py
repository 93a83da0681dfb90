"""Generated callers and the complaints about them, each with its true caller.

The numbers are reserved for fiction.  Each SIREN begins with 00, as no real one does.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Final

from stdnum import luhn

from bloctel import PhoneNumber
from bloctel.complaints import Case, Complaint, new_id, received

FICTION: Final = tuple(
    33 * 10**9 + int(prefix) * 10**4
    for prefix in ("19900", "26191", "35301", "46571", "53649", "63998")
)
SECTORS: Final = (
    "insurance",
    "energy_supply",
    "energy_renovation",
    "telecom",
    "retail",
)
FIRST: Final = date(2026, 9, 1)
DAYS: Final = 90
_COMMON: Final = ("eco", "habitat", "energie", "conseil", "france", "groupe", "service")
_STARTS: Final = ("bel", "cor", "dan", "fal", "gir", "jov", "lum", "mar", "nov", "pra")
_MIDDLES: Final = ("a", "eb", "it", "om", "uv", "y", "in", "ar", "ol", "up", "en", "of")
_ENDS: Final = ("via", "ois", "el", "edi", "ance", "sol", "ova", "tis", "dor", "gan")
_FAMOUS: Final = ("service client energie", "edf", "enedis", "votre operateur mobile")


@dataclass
class Firm:
    """A caller.

    Attributes:
        actor: Index of the real caller; a firm that reopens under a new name keeps it.
        numbers: The keys of the numbers that it presents.
        since: The day on which it opens, counted from `FIRST`.
        until: The day on which it closes, counted in the same way.
    """

    actor: int
    name: str
    siren: str
    address: str
    sector: str
    numbers: list[int]
    since: int = 0
    until: int = DAYS
    weight: int = 1
    has_siren: bool = True


@dataclass
class Population:
    """Callers of several kinds, generated from a seed."""

    seed: int
    n_firms: int = 60
    firms: list[Firm] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)  # noqa: S311 - the same each time
        self._numbers = iter(self.draw.sample(range(60_000), 60_000))
        self._actors = count()
        self._streets = count(1)
        for _ in range(self.n_firms):
            self._add_firm()
        self._add_impostors()
        self._add_call_centres()
        self._add_rented_addresses()

    def number(self) -> int:
        """Return the key of a number that no other firm has."""
        index = next(self._numbers)
        return FICTION[index // 10_000] + index % 10_000

    def siren(self) -> str:
        """Return a SIREN that passes the checksum."""
        digits = f"00{self.draw.randrange(10**6):06}"
        return digits + luhn.calc_check_digit(digits)

    def name(self) -> str:
        """Return a name that a firm might have."""
        parts = (_STARTS, _MIDDLES, _ENDS)
        words = ["".join(self.draw.choice(part) for part in parts)]
        words += self.draw.sample(_COMMON, self.draw.choice((0, 1, 1, 2)))
        self.draw.shuffle(words)
        return " ".join(words).title() + self.draw.choice(("", " SARL", " SAS"))

    def address(self) -> str:
        """Return an address that no other firm has."""
        return f"{next(self._streets)} rue des Essais, 75000 Ville"

    def firm(self, numbers: list[int] | None = None) -> Firm:
        """Return a new caller."""
        several = self.draw.choice((1, 2, 3, 5))
        return Firm(
            actor=next(self._actors),
            name=self.name(),
            siren=self.siren(),
            address=self.address(),
            sector=self.draw.choice(SECTORS),
            numbers=numbers or [self.number() for _ in range(several)],
            weight=self.draw.choice((1, 2, 4)),
        )

    def _add_firm(self) -> None:
        firm = self.firm()
        self.firms.append(firm)
        if self.draw.random() < 0.2:  # the firm closes and reopens with another name
            firm.until = DAYS // 2
            again = replace(
                firm, name=self.name(), siren=self.siren(), since=firm.until, until=DAYS
            )
            again.numbers = [*firm.numbers[:1], self.number()]
            self.firms.append(again)

    def _add_impostors(self) -> None:
        """Add unrelated callers that all give the same well-known name."""
        for name in _FAMOUS:
            for _ in range(6):
                firm = self.firm([self.number()])
                self.firms.append(replace(firm, name=name, has_siren=False))

    def _add_call_centres(self) -> None:
        """Add numbers that call in turn for several firms."""
        for _ in range(3):
            numbers = [self.number(), self.number()]
            self.firms += [self.firm(numbers) for _ in range(4)]

    def _add_rented_addresses(self) -> None:
        """Add an address that several unrelated firms share."""
        for _ in range(2):
            address = self.address()
            firms = [replace(self.firm(), address=address) for _ in range(6)]
            self.firms += firms

    def complaints(self, n: int) -> list[tuple[Case, int]]:
        """Return complaints, each with the index of its real caller."""
        weights = [firm.weight for firm in self.firms]
        return [
            (self.complaint(firm), firm.actor)
            for firm in self.draw.choices(self.firms, weights, k=n)
        ]

    def complaint(self, firm: Firm) -> Case:
        """Return a complaint with some fields missing and some wrong."""
        draw = self.draw
        day = FIRST + timedelta(days=draw.randrange(firm.since, firm.until))
        complaint = Complaint(
            called=PhoneNumber(draw.choice(FICTION) + draw.randrange(10_000)),
            called_on=day,
            from_time=time(draw.randrange(9, 20), draw.randrange(60)),
            shown=self._shown(firm),
            caller=self._misheard(firm.name) if draw.random() < 0.7 else "",
            sector=firm.sector if draw.random() < 0.9 else draw.choice(SECTORS),
            siren=self._siren(firm),
            address=firm.address if draw.random() < 0.1 else "",
        )
        return received(complaint, id=new_id(), at=datetime(2026, 12, 1, tzinfo=UTC))

    def _shown(self, firm: Firm) -> str:
        if self.draw.random() < 0.1:  # the caller hides the number
            return ""
        digits = PhoneNumber(self.draw.choice(firm.numbers)).national.replace(" ", "")
        if self.draw.random() < 0.02:  # the number has a wrong digit
            position = self.draw.randrange(6, 10)
            digit = str((int(digits[position]) + self.draw.randrange(1, 10)) % 10)
            digits = digits[:position] + digit + digits[position + 1 :]
        return digits

    def _siren(self, firm: Firm) -> str:
        drawn = self.draw.random()
        if drawn < 0.03:
            return "000 000 000"
        if drawn < 0.04:
            return self.siren()  # the SIREN number of an unrelated firm
        return firm.siren if firm.has_siren and drawn < 0.19 else ""

    def _misheard(self, name: str) -> str:
        if self.draw.random() < 0.3:
            letters = [i for i, letter in enumerate(name) if letter.isalpha()]
            position = self.draw.choice(letters)
            name = name[:position] + self.draw.choice("aeiou") + name[position + 1 :]
        return name
