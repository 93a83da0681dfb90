"""What grounds and states mean, in English and French."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from bloctel.compliance.facts import ConsentState
from bloctel.compliance.findings import Decision, Effect, Ground
from bloctel.errors import InputError
from bloctel.rules.law import HoursException, HoursNeed, Lift, SectorBan

if TYPE_CHECKING:
    from bloctel.compliance.findings import Finding
    from bloctel.rules.law import Era

__all__ = ["Lang", "check_lang", "of_cure", "of_decision", "of_finding", "phrase"]

Lang = Literal["en", "fr"]

_DECISIONS: Final = {
    Decision.YES: ("Yes: this call may be made.", "Oui : cet appel est permis."),
    Decision.NO: ("No: this call may not be made.", "Non : cet appel est interdit."),
    Decision.ASK: (
        "Ask: whether this call may be made is not known; do not call.",
        "À vérifier : on ne sait pas si cet appel est permis ; n'appelez pas.",
    ),
}
_GROUNDS: Final = {
    Ground.NOT_LISTED: ("on no list that was asked", "sur aucune liste consultée"),
    Ground.CONSENT: ("consent holds", "un consentement est valable"),
    Ground.CONTRACT: (
        "a contract in course, and a call about it",
        "un contrat en cours, et un appel en rapport",
    ),
    Ground.PRESS: ("the exception of the press", "l'exception de la presse"),
    Ground.CALL_BACK: (
        "a call back that was asked for, in time",
        "un rappel demandé, dans les délais",
    ),
    Ground.NOTHING_SOLD: ("nothing is sold", "rien n'est vendu"),
    Ground.CONSENTED_HOURS: (
        "outside the hours, by consent",
        "hors des horaires, par consentement",
    ),
    Ground.LISTED: (
        "the number is on the opposition list",
        "le numéro est sur la liste d'opposition",
    ),
    Ground.OBJECTED: (
        "the person objected to the firm's calls",
        "la personne s'est opposée aux appels de l'entreprise",
    ),
    Ground.NO_CONSENT: ("no consent that holds", "aucun consentement valable"),
    Ground.SECTOR: (
        "prospecting is forbidden in this sector",
        "la prospection est interdite dans ce secteur",
    ),
    Ground.DAY: ("no calls on this weekday", "pas d'appel ce jour de la semaine"),
    Ground.HOLIDAY: ("no calls on this holiday", "pas d'appel ce jour férié"),
    Ground.HOUR: ("no calls at this hour", "pas d'appel à cette heure"),
    Ground.ATTEMPTS: (
        "as many attempts as are allowed were made",
        "le nombre de tentatives permis est atteint",
    ),
    Ground.SILENCE: (
        "the person refused not long ago",
        "la personne a refusé il y a peu",
    ),
    Ground.CALLER_MASKED: (
        "the number that calls is masked",
        "le numéro appelant est masqué",
    ),
    Ground.CALLER_FORBIDDEN: (
        "the number that calls is one that must not be shown",
        "le numéro appelant est de ceux qu'il est interdit de présenter",
    ),
    Ground.CALLER_TECHNICAL: (
        "the number that calls is for technical platforms",
        "le numéro appelant est réservé aux plateformes techniques",
    ),
    Ground.CALLER_MOBILE: (
        "an automated platform shows a mobile number",
        "une plateforme présente un numéro mobile",
    ),
    Ground.CALLER_NOT_VERIFIED: (
        "an automated platform shows no verified number",
        "une plateforme ne présente pas de numéro polyvalent vérifié",
    ),
    Ground.BEFORE_THE_LAW: (
        "the day is before the law that is known here",
        "le jour est antérieur au droit connu ici",
    ),
    Ground.FOREIGN_NUMBER: (
        "the number is outside the French plan",
        "le numéro n'est pas du plan français",
    ),
    Ground.TERRITORY_UNKNOWN: (
        "the number does not tell what time it is there; give time_zone",
        "le numéro ne dit pas l'heure qu'il est là-bas ; indiquez time_zone",
    ),
    Ground.OTHER_CHANNEL: (
        "not a call in which a person speaks",
        "ce n'est pas un appel où quelqu'un parle",
    ),
    Ground.PURPOSE_MISSING: (
        "nobody said what the call is for; give purpose",
        "le but de l'appel n'est pas indiqué ; indiquez purpose",
    ),
    Ground.SECTOR_MISSING: (
        "nobody said what is sold; give sector",
        "ce qui est vendu n'est pas indiqué ; indiquez sector",
    ),
    Ground.CALLER_MISSING: (
        "nobody said which number is shown; give caller",
        "le numéro présenté n'est pas indiqué ; indiquez caller",
    ),
    Ground.CALLER_FOREIGN: (
        "the number that calls is outside the French plan",
        "le numéro appelant n'est pas du plan français",
    ),
    Ground.AUTOMATED_MISSING: (
        "nobody said whether an automated platform calls; give automated",
        "on ne sait pas si une plateforme appelle ; indiquez automated",
    ),
    Ground.LISTS_MISSING: (
        "no lists to ask; give lists",
        "aucune liste à consulter ; indiquez lists",
    ),
    Ground.LIST_NOT_HELD: (
        "the book does not hold the list to ask",
        "le fichier ne contient pas la liste à consulter",
    ),
    Ground.LIST_UNANSWERED: (
        "the list cannot answer for that day",
        "la liste ne peut répondre pour ce jour",
    ),
    Ground.LIST_NOT_KNOWN: (
        "nobody has answered about the number, or too long ago",
        "aucune réponse sur ce numéro, ou trop ancienne",
    ),
    Ground.CONSENTS_MISSING: (
        "no consents to look at; give consents",
        "aucun consentement à examiner ; indiquez consents",
    ),
    Ground.CONSENT_SLOT_WIDE: (
        "the time consented to is too long to be a precise one",
        "l'horaire consenti est trop long pour être précis",
    ),
    Ground.CONSENT_OVERLONG: (
        "the consent was given for longer than the law allows",
        "le consentement a été donné pour plus longtemps que la loi ne le permet",
    ),
    Ground.FIRM_MISSING: (
        "nobody said which firm calls; give firm",
        "l'entreprise qui appelle n'est pas indiquée ; indiquez firm",
    ),
    Ground.ABOUT_MISSING: (
        "nobody said what the call is about; give about",
        "l'objet de l'appel n'est pas indiqué ; indiquez about",
    ),
    Ground.ABOUT_DOUBTFUL: (
        "consent was given for the sector, and the call is about something else in it, "
        "or outside",
        "le consentement vise le secteur, et l'objet de l'appel est autre, qu'il en "
        "relève ou non",
    ),
    Ground.ABOUT_DISAGREES: (
        "about names another sector than sector",
        "about désigne un autre secteur que sector",
    ),
    Ground.CONTRACT_ENDED: ("the contract has ended", "le contrat est terminé"),
    Ground.CALLS_MISSING: (
        "no call log to look at; give calls",
        "aucun journal d'appels à examiner ; indiquez calls",
    ),
    Ground.SILENCE_DOUBTFUL: (
        "the person refused not long ago, and whether that still counts is not sure",
        "la personne a refusé il y a peu, et il n'est pas sûr que cela ne compte plus",
    ),
    Ground.COUNTRY_UNKNOWN: (
        "nothing is known here of the law of that country",
        "on ne sait rien ici du droit de ce pays",
    ),
    Ground.COUNTRY_NOT_JUDGED: (
        "what is known here of that country is not enough to say yes",
        "ce qu'on sait ici de ce pays ne suffit pas pour dire oui",
    ),
}
_CONSENTS: Final = {
    ConsentState.OUT_OF_SLOTS: ("given for other times", "donné pour d'autres heures"),
    ConsentState.INCOMPLETE: ("mentions are missing", "il manque des mentions"),
    ConsentState.REFUSED: ("refused in a call since", "refusé depuis lors d'un appel"),
    ConsentState.WITHDRAWN: ("withdrawn", "retiré"),
    ConsentState.EXPIRED: ("expired", "expiré"),
    ConsentState.OTHER_SCOPE: (
        "given to another firm, or for something else",
        "donné à une autre entreprise, ou pour autre chose",
    ),
    ConsentState.NOT_YET: ("given later", "donné plus tard"),
    ConsentState.NONE: ("none was given", "aucun n'a été donné"),
    ConsentState.UNKNOWN: ("none to look at", "aucun à examiner"),
}
_PHRASES: Final = {
    "unsure": ("the rule is not sure enough to permit", "règle trop peu sûre"),
    "certainty": ("certainty", "certitude"),
    "version": ("version in force on", "version en vigueur au"),
    "missing": ("Missing", "Il manque"),
    "duties": ("Besides", "En outre"),
    "known": ("Known", "Connu"),
    "advice": ("This is no legal advice.", "Ceci n'est pas un conseil juridique."),
    "colon": (":", " :"),
}


def check_lang(lang: str) -> int:
    """Return the place of a language in every pair of texts.

    Raises:
        InputError: There are no texts in it.
    """
    if lang not in ("en", "fr"):
        raise InputError("one of the languages en, fr", "another text", "lang")
    return int(lang == "fr")


def phrase(name: str, lang: str) -> str:
    """Return a phrase of explanations."""
    return _PHRASES[name][check_lang(lang)]


def of_decision(decision: Decision, lang: str) -> str:
    """Return what a decision means."""
    return _DECISIONS[decision][check_lang(lang)]


def of_finding(finding: Finding, lang: str) -> str:
    """Return what a finding means, without its rule.

    >>> from bloctel.compliance.findings import Effect, Finding, Ground
    >>> of_finding(Finding(Effect.FORBIDS, Ground.DAY), "fr")
    "pas d'appel ce jour de la semaine"
    """
    place = check_lang(lang)
    text = _GROUNDS[finding.ground][place]
    if finding.ground is Ground.NO_CONSENT and finding.detail:
        text += f" ({_CONSENTS[ConsentState(finding.detail)][place]})"
    if finding.effect is Effect.ASKS and finding.ground in _PERMITTING:
        text += f" ({phrase('unsure', lang)})"
    return text


_PERMITTING: Final = list(Ground)[: list(Ground).index(Ground.LISTED)]


def of_cure(finding: Finding, era: Era) -> str:
    """Return which record would have made a call lawful; empty if none would.

    Args:
        finding: What speaks against the call.
        era: The law of its day.

    >>> from datetime import date
    >>> from bloctel.compliance.findings import Effect, Finding, Ground
    >>> from bloctel.rules import law
    >>> french, hour = law.load("FR"), Finding(Effect.FORBIDS, Ground.HOUR)
    >>> of_cure(hour, french.on(date(2026, 11, 23)))
    'a consent to be called at that date and time'
    >>> of_cure(hour, french.on(date(2024, 6, 3)))
    'an express consent to be called, given before, that still held'
    """
    if finding.ground in _TIMES:
        exception = era.one(HoursException)
        return _CURE_OF_TIMES[exception.needs] if exception else ""
    if finding.effect is Effect.ASKS and finding.missing:
        return f"the input {finding.missing}"
    if finding.ground is Ground.SECTOR:
        lifts = finding.rule.lifted_by if isinstance(finding.rule, SectorBan) else ()
        return " or ".join(_CURE_OF_LIFT[lift] for lift in lifts)
    return _CURES.get(finding.ground, "")


_CONTRACT: Final = "a contract in course, to whose object the call was related"
_CURE_OF_LIFT: Final = {
    Lift.CONTRACT: _CONTRACT,
    Lift.CALL_BACK: "a request to be called back, not older than the rule allows",
}
_TIMES: Final = (Ground.DAY, Ground.HOLIDAY, Ground.HOUR)
_CURE_OF_TIMES: Final = {
    HoursNeed.CONSENT: "an express consent to be called, given before, that still held",
    HoursNeed.SLOT: "a consent to be called at that date and time",
}
_CURES: Final = {
    Ground.LISTED: _CONTRACT,
    Ground.NO_CONSENT: "a consent to calls of this firm about this, given before, that "
    f"still held; or {_CONTRACT}",
    Ground.LIST_UNANSWERED: "a state of the list that covers that day",
    Ground.LIST_NOT_KNOWN: "an answer about the number, young enough on that day",
}
