"""Strict reader of a law: a TOML document in, `Law` or `InputError` out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

from msgspec import Meta, Struct, defstruct

from bloctel._util.strict import show
from bloctel.errors import InputError
from bloctel.rules._toml import Country, Sentence, read
from bloctel.rules._versions import refuse_gaps
from bloctel.rules.law import _rules
from bloctel.rules.law._law import Era, Law
from bloctel.rules.law._rules import LegalRule

__all__ = ["SECTIONS", "parse"]

#: The sections of dated rules; those from `out_of_scope` on can have several rules.
SECTIONS: Final[Mapping[str, type[LegalRule]]] = {
    "regime": _rules.Regime,
    "contract_exception": _rules.ContractException,
    "press_exception": _rules.PressException,
    "calling_times": _rules.CallingTimes,
    "hours_exception": _rules.HoursException,
    "frequency": _rules.Frequency,
    "silence": _rules.Silence,
    "refusal": _rules.Refusal,
    "consent_terms": _rules.ConsentTerms,
    "call_back": _rules.CallBack,
    "objection": _rules.Objection,
    "holidays": _rules.Holidays,
    "out_of_scope": _rules.OutOfScope,
    "other_channel": _rules.OtherChannel,
    "sector_ban": _rules.SectorBan,
    "caller_numbers": _rules.CallerNumbers,
    "duty": _rules.Duty,
    "consequence": _rules.Consequence,
    "sanction": _rules.Sanction,
    "local_holiday": _rules.LocalHoliday,
}
_SEVERAL: Final = {*list(SECTIONS)[list(SECTIONS).index("out_of_scope") :]}
_WITHOUT_END: Final = ("regime", "holidays")


class _Identity(Struct, frozen=True, forbid_unknown_fields=True):
    country: Country
    title: Sentence


class _Other(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    law: _Identity
    numbering: _rules.Numbering
    territory: tuple[_rules.Territory, ...]
    sector: tuple[_rules.Sector, ...]


def _section_type(name: str, cls: type[LegalRule]) -> Any:
    found = tuple[cls, ...]  # type: ignore[valid-type]
    return Annotated[found, Meta(min_length=1)] if name in _WITHOUT_END else found


_Document: Any = defstruct(
    "_Document",
    [(name, _section_type(name, cls)) for name, cls in SECTIONS.items()],
    bases=(_Other,),
    frozen=True,
    kw_only=True,
)


def parse(text: str, where: str) -> Law:
    """Parse a law from a TOML document.

    Args:
        text: The document; `fr.toml` in this package is the model.
        where: The name of the document in messages, such as a file name.

    Raises:
        InputError: The law is incomplete or contradicts itself.  `where` has the key.

    >>> parse("[laws]", "mine.toml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    bloctel.errors.InputError: expected one of the keys call_back, ...
    """
    document = read(_Document, text, where)
    rules = {
        f"{section}[{i}]": rule
        for section in SECTIONS
        for i, rule in enumerate(getattr(document, section))
    }
    try:
        for section in SECTIONS:
            _check_versions(section, getattr(document, section))
        _check_names(document, rules)
        _check_prefixes(document)
    except InputError as error:
        raise InputError(error.expected, error.got, f"{where}, {error.where}") from None
    return Law(
        document.law.country,
        document.law.title,
        tuple(rules.values()),
        _eras(tuple(rules.values())),
        document.numbering,
        document.territory,
        document.sector,
    )


def _check_versions(section: str, rules: Sequence[LegalRule]) -> None:
    """Refuse versions of one rule that overlap, leave a gap, or end too early."""
    chains: dict[str, list[tuple[str, LegalRule]]] = defaultdict(list)
    for i, rule in enumerate(rules):
        chains[rule.chain].append((f"{section}[{i}]", rule))
    if len(chains) > 1 and section not in _SEVERAL:
        key, second = list(chains.values())[1][0]
        raise InputError("versions of one rule", show(second.id), f"{key}.id")
    for versions in chains.values():
        refuse_gaps(versions)
        key, last = versions[-1]
        if section in _WITHOUT_END and last.valid_until is not None:
            day = last.valid_until.isoformat()
            raise InputError("a last version without end", day, f"{key}.valid_until")


def _check_names(document: Any, rules: Mapping[str, LegalRule]) -> None:
    """Refuse names with two meanings, or without meaning."""
    sectors = [sector.name for sector in document.sector]
    territories = [territory.code for territory in document.territory]
    _refuse_repeated_names([rule.id for rule in rules.values()], "id")
    _refuse_repeated_names(sectors, "sector")
    _refuse_repeated_names(territories, "territory")
    breaches = sorted({rule.breach for rule in document.sanction})
    for key, rule in rules.items():
        for field, known in (("sectors", sectors), ("territories", territories)):
            _refuse_unknown_names(getattr(rule, field, ()), known, f"{key}.{field}")
        if rule.sanction:
            _refuse_unknown_names([rule.sanction], breaches, f"{key}.sanction")


def _refuse_unknown_names(names: Iterable[str], known: Sequence[str], key: str) -> None:
    for name in names:
        if name not in known:
            raise InputError(f"one of {', '.join(known)}", show(name), key)


def _refuse_repeated_names(names: Iterable[str], key: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError("a name that nothing else has", show(name), key)
        seen.add(name)


def _check_prefixes(document: Any) -> None:
    """Refuse first digits of two territories."""
    taken = set(document.numbering.undecided)
    for i, territory in enumerate(document.territory):
        for prefix in territory.prefixes:
            if prefix in taken:
                key = f"territory[{i}].prefixes"
                raise InputError("digits of one territory", show(prefix), key)
            taken.add(prefix)


def _eras(rules: Sequence[LegalRule]) -> tuple[Era, ...]:
    """Return the rules in force between the days on which a rule changes."""
    first = min(rule.valid_from for rule in rules if isinstance(rule, _rules.Regime))
    days = {rule.valid_from for rule in rules}
    days |= {rule.valid_until for rule in rules if rule.valid_until is not None}
    starts = sorted(day for day in days if day >= first)
    return tuple(
        Era(start, end, tuple(rule for rule in rules if rule.is_in_force(on=start)))
        for start, end in zip(starts, [*starts[1:], None], strict=True)
    )
