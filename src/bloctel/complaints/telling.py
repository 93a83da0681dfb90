"""Where a complaint stands, in words for the person who complained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from bloctel.complaints.cases import Outcome, State
from bloctel.complaints.judging import Grounds
from bloctel.errors import InputError
from bloctel.rules import law

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bloctel.complaints.cases import Case, Step

__all__ = ["FIELD_WORDS", "GROUNDS_WORDS", "STATE_WORDS", "Language", "whereabouts"]

Language = Literal["fr", "en"]


class _Words(NamedTuple):
    en: str
    fr: str


STATE_WORDS: Final[Mapping[State, _Words]] = {
    State.SIGNAL: _Words(
        "kept as a signal (signalement): it is not complete",
        "conservée comme signalement : elle est incomplète",
    ),
    State.RECEIVED: _Words("received", "reçue"),
    State.ADMISSIBLE: _Words("admissible", "recevable"),
    State.NOT_ADMISSIBLE: _Words("not admissible", "non recevable"),
    State.FORWARDED: _Words("forwarded", "transmise"),
    State.CLOSED: _Words("closed", "clôturée"),
}

GROUNDS_WORDS: Final[Mapping[Grounds, _Words]] = {
    Grounds.LISTED: _Words(
        "the number was on the opposition list on the day of the call",
        "le numéro était inscrit sur la liste d'opposition le jour de l'appel",
    ),
    Grounds.NO_CONSENT: _Words(
        "no prior consent is known, and it is for the professional to prove it",
        "aucun consentement préalable n'est connu, et c'est au professionnel "
        "de le prouver",
    ),
    Grounds.BANNED_SECTOR: _Words(
        "telephone prospecting was forbidden in that sector",
        "le démarchage téléphonique était interdit dans ce secteur",
    ),
    Grounds.OUT_OF_HOURS: _Words(
        "the call came outside the days and hours of the law",
        "l'appel a eu lieu en dehors des jours et heures autorisés",
    ),
    Grounds.NOT_VOICE: _Words(
        "it was no call in which a person spoke; report messages to 33700",
        "il ne s'agissait pas d'un appel vocal ; les messages se signalent au 33700",
    ),
    Grounds.PROFESSIONAL_LINE: _Words(
        "the line is of purely professional use",
        "la ligne est à usage purement professionnel",
    ),
    Grounds.NOTHING_SOLD: _Words(
        "the call sold nothing: a poll, an association or a public service",
        "l'appel ne vendait rien : sondage, association ou service public",
    ),
    Grounds.NO_RULE_THEN: _Words(
        "there was no public opposition list yet on the day of the call",
        "il n'existait pas encore de liste publique d'opposition le jour de l'appel",
    ),
    Grounds.CALL_BACK: _Words(
        "you had asked to be called back", "vous aviez demandé à être rappelé"
    ),
    Grounds.PRESS: _Words(
        "newspapers or magazines may be offered by telephone",
        "la presse peut être proposée par téléphone",
    ),
    Grounds.CONTRACT: _Words(
        "you had a contract with the caller to which the call was related",
        "vous aviez avec l'appelant un contrat auquel l'appel se rapportait",
    ),
    Grounds.CONSENT: _Words(
        "you had consented to be called before",
        "vous aviez préalablement consenti à être appelé",
    ),
    Grounds.NOT_REGISTERED: _Words(
        "the number was not on the opposition list on the day of the call",
        "le numéro n'était pas inscrit sur la liste d'opposition le jour de l'appel",
    ),
    Grounds.WITHIN_DELAY: _Words(
        "the number was registered, and its protection had not begun yet on the day "
        "of the call",
        "le numéro était inscrit, mais sa protection n'avait pas encore pris effet "
        "le jour de l'appel",
    ),
    Grounds.PERIOD_ENDED: _Words(
        "the registration of the number had ended before the day of the call",
        "l'inscription du numéro avait pris fin avant le jour de l'appel",
    ),
}

_OUTCOME_WORDS: Final[Mapping[Outcome, _Words]] = {
    Outcome.DONE: _Words("it has been dealt with", "elle a été traitée"),
    Outcome.WITHDRAWN: _Words("you withdrew it", "vous l'avez retirée"),
    Outcome.DUPLICATE: _Words("it was here already", "elle figurait déjà ici"),
    Outcome.NO_FOLLOW_UP: _Words("nothing follows", "elle est sans suite"),
}

FIELD_WORDS: Final[Mapping[str, _Words]] = {
    "called": _Words("the number called", "le numéro appelé"),
    "called_on": _Words("the day of the call", "la date de l'appel"),
    "from_time": _Words("the time of the call", "l'heure de l'appel"),
    "until_time": _Words("the end of its time slot", "la fin de la tranche horaire"),
    "shown": _Words("the number shown", "le numéro affiché"),
    "caller": _Words("the name of the caller", "le nom de l'appelant"),
    "sector": _Words("the sector", "le secteur d'activité"),
    "purpose": _Words("the purpose", "l'objet de l'appel"),
    "text": _Words("your account", "votre récit"),
    "siren": _Words("the SIREN", "le numéro SIREN"),
    "address": _Words("the address of the firm", "l'adresse de l'entreprise"),
}


def whereabouts(case: Case, *, lang: Language = "fr") -> str:
    """Return where a complaint stands, and every step with its day.

    It holds no number, so that it can be sent.

    Raises:
        InputError: There is no such language.

    >>> from datetime import UTC, datetime
    >>> from bloctel.complaints import Complaint, received
    >>> moment = datetime(2026, 11, 25, 9, tzinfo=UTC)
    >>> case = received(Complaint(), id="BCDF-GHJK-LMNP", at=moment)
    >>> print(whereabouts(case, lang="en").splitlines()[0])
    Complaint BCDF-GHJK-LMNP: kept as a signal (signalement): it is not complete.
    """
    if lang not in ("fr", "en"):
        raise InputError("one of the languages fr, en", "another text", "lang")
    subject = {"en": "Complaint", "fr": "Réclamation"}[lang]
    colon = _colon(lang)
    lines = [f"{subject} {case.id}{colon} {_in(STATE_WORDS[case.state], lang)}."]
    for step in case.steps:
        day = step.at.astimezone(case.complaint.zone).date()
        lines.append(f"- {day.isoformat()}{colon} {_step(step, lang)}.")
    lines += _wanted(case, lang)
    return "\n".join(lines)


def _in(words: _Words, lang: Language) -> str:
    return words.fr if lang == "fr" else words.en


def _step(step: Step, lang: Language) -> str:
    said = _in(STATE_WORDS[step.state], lang)
    if step.state is State.FORWARDED:
        return f"{said}{_colon(lang)} {step.detail}"
    if step.state is State.CLOSED:
        return f"{said}{_colon(lang)} {_in(_OUTCOME_WORDS[Outcome(step.detail)], lang)}"
    if step.state in (State.ADMISSIBLE, State.NOT_ADMISSIBLE):
        grounds = _in(GROUNDS_WORDS[Grounds(step.detail)], lang)
        return f"{said}{_colon(lang)} {grounds}{_source(step, lang)}"
    return said


def _colon(lang: Language) -> str:
    return " :" if lang == "fr" else ":"


def _source(step: Step, lang: Language) -> str:
    """Return the article of a judgement with its version, as a source is cited."""
    if not step.rule:
        return ""
    rule = law.load("FR").rule(step.rule)
    day = rule.article_version.isoformat()
    if lang == "en":
        return f" ({rule.article}, version in force on {day})"
    return f" ({rule.article}, version en vigueur au {day})"


def _wanted(case: Case, lang: Language) -> Iterator[str]:
    """Yield what a signal lacks."""
    if case.state is not State.SIGNAL:
        return
    names = ", ".join(_in(FIELD_WORDS[name], lang) for name in case.missing)
    asked = {
        "en": f"What is missing: {names}.",
        "fr": f"Il manque : {names}.",
    }
    yield asked[lang]
