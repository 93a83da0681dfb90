"""Suspicious patterns in complaints, and the limit of their probability."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bloctel._util.messages import catalogue, format_probability, message, placeholders

#: A pattern is reported if its probability is lower than this.  The probability is the
#: chance that any of the examined callers shows a pattern of the same kind.
SURPRISING: Final = 1e-4


class Chance(float):
    """Probability that is inserted into a text in place of a placeholder."""

    __slots__ = ()


class Keys(tuple[str, ...]):
    """Keys of messages; the messages replace a placeholder in a text."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Pattern:
    """Suspicious pattern in complaints; it is a reason to investigate, not a proof.

    Attributes:
        code: The kind of the pattern, as a stable code.
        observed: The observed value of the statistic.
        expected: The expected value of the statistic if there is no pattern.
        probability: The chance of at least the observed value if there is no pattern.
        evidence: The ids of the complaints on which the pattern is based.
        numbers: The keys of the presented numbers in the pattern.
        names: The names of callers in the pattern, as the complaints give them.
        details: Values for the placeholders of the texts.
    """

    code: str
    observed: float
    expected: float
    probability: float
    evidence: tuple[str, ...]
    numbers: tuple[int, ...] = field(default=(), repr=False)
    names: tuple[str, ...] = field(default=(), repr=False)
    details: Mapping[str, object] = field(default_factory=dict, repr=False, hash=False)

    def __post_init__(self) -> None:
        # a sum of chances, or a chance times a count of tests, can be larger than 1
        object.__setattr__(self, "probability", min(1.0, self.probability))

    def __str__(self) -> str:
        chance = format_probability(self.probability)
        return f"{self.says} (chance of being wrong: {chance})"

    @property
    def says(self) -> str:
        """The statement of the pattern in English."""
        return self.text("says", "en")

    def text(self, part: str, lang: str) -> str:
        """Return one of the texts that describe the pattern to people.

        Args:
            part: `title`, `says`, `statistic`, `assumption` or `threshold`.
            lang: `en` or `fr`.

        Raises:
            InputError: The language is neither `en` nor `fr`.
        """
        key = f"complaints.pattern.{self.code}.{part}"
        texts = catalogue(lang)
        if key not in texts:  # most patterns use the same threshold text
            key = f"complaints.pattern.{part}"
        known = {
            **self.details,
            "observed": self.observed,
            "surprising": Chance(SURPRISING),
        }
        wanted = placeholders(texts[key])
        return message(key, lang, **{n: _resolved(known[n], lang) for n in wanted})


def _resolved(value: object, lang: str) -> object:
    if isinstance(value, Keys):
        return ", ".join(message(key, lang) for key in value)
    return format_probability(value, lang) if isinstance(value, Chance) else value
