"""What is on record of one number, to be handed to its holder on a durable medium.

As JSON it holds each record as it is in the hash chain, so that anybody can compute its
digests again (`bloctel.records.hash_chain`); as text a person reads and prints it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from bloctel.compliance.consents.legal_terms import zone_of
from bloctel.compliance.consents.records import STREAM, Kind
from bloctel.errors import DamagedRecordsError, InputError
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.records.hash_chain import HashChain
from bloctel.records.transactions import Record
from bloctel.storage.rows import RecordRow

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = ["Proof", "ProofEntry", "check_proof", "entry_of"]

_FORMAT: Final = "bloctel.consent-proof"
_VERSION: Final = 1
_MEMBERS: Final = ("format", "version", "number", "key", "made_at", "entries")
_LONGEST: Final = 1 << 26  # bytes of a proof that is read


@dataclass(frozen=True, slots=True)
class ProofEntry:
    """One record of a proof.

    Attributes:
        record: What it says.
        row: The record as it is stored.
        previous: The digest of the record before it; None if it is the first.
    """

    record: Record
    row: RecordRow = field(repr=False)
    previous: str | None


def entry_of(record: Record, row: RecordRow, before: RecordRow | None) -> ProofEntry:
    """Return a record as an entry of a proof."""
    return ProofEntry(record, row, before.digest if before else None)


@dataclass(frozen=True, slots=True)
class Proof:
    """All that is on record of one number.

    Attributes:
        key: The number, as `PhoneNumber.key`.
        made_at: When the proof was made, in UTC.
        entries: The records, in their order.
    """

    key: int = field(repr=False)
    made_at: datetime
    entries: tuple[ProofEntry, ...]

    def json(self) -> str:
        """Return the proof as JSON, which `check_proof` checks."""
        value = {
            "format": _FORMAT,
            "version": _VERSION,
            "number": PhoneNumber(self.key).e164,
            "key": self.key,
            "made_at": self.made_at.isoformat(),
            "entries": [_plain(entry) for entry in self.entries],
        }
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"

    def text(self, *, lang: str = "fr") -> str:
        """Return the proof as a page that a person reads and prints.

        Args:
            lang: `fr` or `en`.

        Raises:
            InputError: It is another language.
        """
        words = _WORDS.get(lang)
        if words is None:
            raise InputError("fr or en", "another text", "lang")
        number, zone = PhoneNumber(self.key), zone_of(self.key)
        head = [
            words["title"],
            "",
            f"{words['number']}{number.national} ({number.e164})",
            f"{words['made_at']}{_shown(self.made_at, zone)}",
        ]
        parts = [_paragraph(entry, words, zone) for entry in self.entries]
        return "\n".join([*head, *(parts or ["", words["none"]]), "", words["end"], ""])


def _plain(entry: ProofEntry) -> dict[str, object]:
    row, record = entry.row, entry.record
    return {
        "id": str(record.seq),
        "at": record.at.isoformat(),
        **(record.fields or {}),
        "record": {
            "seq": row.seq,
            "at": row.at,
            "body": row.body,
            "previous": entry.previous,
            "content": row.content,
            "digest": row.digest,
        },
    }


def check_proof(data: bytes, where: str) -> int:
    """Make sure that a proof is whole in itself; return how many records it has.

    Only the firm's own hash chain can tell that it is what the firm holds.

    Args:
        data: What `Proof.json` returned, in UTF-8.
        where: What to call it in messages.

    Raises:
        InputError: It is no proof.
        DamagedRecordsError: It was altered.
    """
    if len(data) > _LONGEST:
        raise InputError(f"a proof of at most {_LONGEST} bytes", "more", where)
    try:
        value: Any = json.loads(data.decode())
        is_proof = (value["format"], value["version"]) == (_FORMAT, _VERSION)
        is_proof = is_proof and value.keys() == set(_MEMBERS)
        key, number = value["key"], value["number"]
        entries = list(value["entries"])
        is_proof = is_proof and type(key) is int and bool(PhoneNumber(key).e164)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_proof = False
    if not is_proof:
        raise InputError("a proof of consent of version 1", "something else", where)
    if number != PhoneNumber(key).e164:
        raise DamagedRecordsError("a proof of one number", "of two", where)
    for entry in entries:
        _check_entry(key, entry, where)
    return len(entries)


def _check_entry(key: int, entry: Any, where: str) -> None:
    """Make sure that what an entry says is what its record says."""
    try:
        held = entry["record"]
        row = RecordRow(
            STREAM,
            int(held["seq"]),
            key,
            int(held["at"]),
            str(held["body"]),
            str(held["content"]),
            str(held["digest"]),
        )
        HashChain(STREAM, (row.seq - 1, held["previous"])).follow(row)
        said = _plain(entry_of(Record.of(row), row, None))
        said["record"] = {**held}
        is_same = said == entry
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        is_same = False
    if not is_same:
        got = "one that was altered"
        raise DamagedRecordsError("an entry as its record has it", got, where)


# -- for people ---------------------------------------------------------------------


def _shown(at: datetime | str, zone: ZoneInfo) -> str:
    """Return a moment as it was where the person is called."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.astimezone(zone).isoformat(" ", "seconds")


def _paragraph(entry: ProofEntry, words: dict[str, str], zone: ZoneInfo) -> str:
    fields = entry.record.fields or {}
    kind = Kind(fields["kind"])
    happened = _shown(entry.record.at, zone)
    lines = ["", f"{entry.record.seq}. {words[kind]}{happened}"]
    for name in ("firm", "goods", "object", "starts_on", "ends_on", "expires_on"):
        if fields.get(name) is not None:
            lines.append(f"   {words[name]}{fields[name]}")
    for mention in fields.get("mentions", ()):
        lines.append(f"   {words['mention']}{words.get(mention, mention)}")
    for starts_at, ends_at in fields.get("slots", ()):
        slot = " / ".join(_shown(edge, zone) for edge in (starts_at, ends_at))
        lines.append(f"   {words['slot']}{slot}")
    if "channel" in fields:
        lines.append(f"   {words['channel']}{fields['channel']}")
    if "of" in fields:
        of = words["all"] if fields["of"] is None else str(fields["of"])
        lines.append(f"   {words['of']}{of}")
    if "kept" in fields:
        kept = fields["kept"]
        lines.append(f"   {words['kept']}{kept['where']}")
        lines.append(f"   SHA-256{words['colon']}{kept['sha256']}")
    lines.append(f"   {words['recorded_at']}{_shown(fields['recorded_at'], zone)}")
    lines.append(f"   {words['digest']}{entry.row.digest}")
    return "\n".join(lines)


_WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "title": "What is on record of consent to telephone prospecting",
        "number": "Number: ",
        "made_at": "Made on: ",
        "none": "Nothing is on record.",
        "end": "The person may withdraw consent at any time, by any means.",
        "colon": ": ",
        "consent": "Consent, collected on ",
        "withdrawal": "Withdrawal, on ",
        "contract": "Contract, recorded on ",
        "contract_end": "End of a contract, recorded on ",
        "call_back": "Request to be called back, on ",
        "firm": "Firm: ",
        "goods": "Goods or services: ",
        "object": "Object: ",
        "starts_on": "First day: ",
        "ends_on": "First day after it: ",
        "expires_on": "First day on which it no longer holds: ",
        "mention": "The person was told: ",
        "slot": "Consented date and time: ",
        "channel": "How: ",
        "of": "Of number: ",
        "all": "all consents given until then",
        "kept": "Evidence kept: ",
        "recorded_at": "Recorded at: ",
        "digest": "Digest in the hash chain (SHA-256): ",
        "identity_and_goods": "who the professional is, and which goods or services",
        "proposal": "what is proposed",
        "validity_period": "for how long the consent holds",
        "withdrawal_right": "the right to withdraw it",
        "access_to_proof": "how to get its proof on a durable medium",
    },
    "fr": {
        "title": "Preuve du consentement au démarchage téléphonique",
        "number": "Numéro : ",
        "made_at": "Établie le : ",
        "none": "Rien n'est enregistré.",
        "end": "Le consentement peut être retiré à tout moment, par tout moyen.",
        "colon": " : ",
        "consent": "Consentement recueilli le ",
        "withdrawal": "Retrait du consentement le ",
        "contract": "Contrat, enregistré le ",
        "contract_end": "Fin de contrat, enregistrée le ",
        "call_back": "Demande de rappel le ",
        "firm": "Professionnel : ",
        "goods": "Biens ou services : ",
        "object": "Objet : ",
        "starts_on": "Premier jour : ",
        "ends_on": "Premier jour suivant la fin : ",
        "expires_on": "Premier jour où il ne vaut plus : ",
        "mention": "Information donnée : ",
        "slot": "Date et heure consenties : ",
        "channel": "Moyen : ",
        "of": "Portant sur le numéro : ",
        "all": "tous les consentements donnés jusque-là",
        "kept": "Preuve conservée : ",
        "recorded_at": "Enregistré le : ",
        "digest": "Empreinte chaînée (SHA-256) : ",
        "identity_and_goods": "identité du professionnel, nature des biens ou services",
        "proposal": "objet de la proposition",
        "validity_period": "durée de validité du consentement",
        "withdrawal_right": "droit de le retirer",
        "access_to_proof": "accès à la preuve sur un support durable",
    },
}
