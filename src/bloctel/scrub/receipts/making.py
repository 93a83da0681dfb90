"""From a scrub to its receipt, which is kept in a file, in a journal, or in both."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from bloctel._open import is_url
from bloctel._util import clock
from bloctel._util.atomic_files import replacing
from bloctel._version import __version__
from bloctel.errors import InputError, ReceiptError
from bloctel.scrub.receipts.journal import Journal
from bloctel.scrub.receipts.marks import (
    HashedReader,
    HashedWriter,
    mark_again,
    mark_of,
    stamp_of,
)
from bloctel.scrub.receipts.names import kept_name
from bloctel.scrub.receipts.reading import parse, read
from bloctel.scrub.receipts.receipt import (
    Against,
    Counts,
    FileMark,
    JudgedList,
    Receipt,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bloctel.lookup.question import AskedList, Question
    from bloctel.scrub.receipts.receipt import Place
    from bloctel.scrub.receipts.signing import SigningKey
    from bloctel.scrub.summary import ScrubSummary
    from bloctel.tabular.csv_reader import Source
    from bloctel.tabular.outputs import Outputs

__all__ = ["Keeping", "ReceiptMaker"]


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where a receipt goes, and who signs it.

    Attributes:
        file: A file of its own; an older receipt there is replaced.
        journal: A journal, which grows by it.
        key: What signs it.
    """

    file: Path | None = None
    journal: Path | None = None
    key: SigningKey | None = None


class ReceiptMaker:
    """Watches the files of a scrub, and makes the receipt when it is done.

    Make it before anything is opened, give its `source` and `outputs` to the scrub,
    then call `make`:

    ```python
    maker = ReceiptMaker("calls.csv", Outputs("clear.csv"), against="own.bloctel",
                         keeping=Keeping(journal=Path("scrubs.jsonl")))
    with open_against("own.bloctel") as book:
        question = book.question()
        summary = scrub_csv(maker.source, question, columns=["telephone"],
                            outputs=maker.outputs)
        receipt = maker.make(summary, question, columns=["telephone"])
    ```

    A crash leaves outputs without a receipt, never a receipt without outputs.

    Args:
        source: What is scrubbed: a path, or a binary stream.
        outputs: Where the rows go.
        against: What it is scrubbed against, as `open_against` takes it.
        keeping: Where the receipt goes.

    Attributes:
        source: What to give to the scrub.
        outputs: Likewise.

    Raises:
        InputError: The receipt would take the place of another file, or there is no
            folder for it.
        ReceiptError: The journal is not one that can grow.
    """

    def __init__(
        self,
        source: Source,
        outputs: Outputs,
        *,
        against: str | Path,
        keeping: Keeping = Keeping(),
    ) -> None:
        _refuse_clashes(keeping, outputs)
        self._keeping = keeping
        self._against = None if is_url(against) else Path(against)
        self._against_stamp = None if is_url(against) else stamp_of(against)
        self._path: Path | None = None
        self._reader: HashedReader | None = None
        self.source: Source
        if isinstance(source, str | Path):
            self.source, self._path = source, Path(source)
            self._stamp = stamp_of(source)
        else:
            self._reader = HashedReader(source)
            self.source = cast("BinaryIO", self._reader)
        self.outputs, self._writers = _watched(outputs)

    def make(
        self,
        summary: ScrubSummary,
        question: Question,
        *,
        columns: Sequence[str | int],
    ) -> Receipt:
        """Return the receipt, which is where it is kept by then.

        Args:
            summary: What the scrub found.
            question: What it asked.
            columns: The phone columns that it was told.

        Raises:
            InputError: A file is not what it was when the scrub read or wrote it.
            ReceiptError: The receipt cannot be kept.
        """
        made_at = clock.moment()
        lists = tuple(_judged(asked, made_at) for asked in question.asked)
        receipt = Receipt(
            input=self._input(),
            outputs=self._marks(summary.outputs),
            columns=tuple(map(_kept_column, columns)),
            region=question.region,
            against=self._asked(question),
            lists=lists,
            counts=Counts(
                rows=summary.rows,
                clear=summary.clear,
                blocked=summary.blocked,
                invalid=summary.invalid,
            ),
            invalid_reasons=dict(summary.invalid_reasons),
            blocked_lists=dict(summary.blocked_lists),
            made_at=made_at,
            valid_until=min(held.valid_until for held in lists),
            software=f"bloctel {__version__}",
        )
        return self._kept(receipt)

    def _input(self) -> FileMark:
        if self._path is None:
            return cast("HashedReader", self._reader).mark()
        return mark_again(self._path, self._stamp)

    def _marks(self, files: Mapping[str, Path]) -> dict[str, FileMark]:
        marks = {name: mark_of(path) for name, path in files.items()}
        return marks | {name: writer.mark() for name, writer in self._writers.items()}

    def _asked(self, question: Question) -> Against:
        known = question.provenance
        name = None if self._against is None else kept_name(self._against.name)
        if known is not None:
            return Against(
                kind="registry" if known.built_on is None else "snapshot",
                name=None if known.built_on is None else name,
                registry=known.registry,
                generation=known.generation,
                built_on=known.built_on,
            )
        if self._against is None:
            raise InputError("a registry, a snapshot or a file", "none", "against")
        mark = mark_again(self._against, self._against_stamp)
        return Against(kind="file", name=name, size=mark.size, sha256=mark.sha256)

    def _kept(self, receipt: Receipt) -> Receipt:
        keeping = self._keeping
        if keeping.journal is None:
            receipt = self._signed(receipt)
        else:
            receipt = Journal(keeping.journal).append(
                lambda place: self._signed(_placed(receipt, place))
            )
        if keeping.file is not None:
            _write(keeping.file, receipt)
        return receipt

    def _signed(self, receipt: Receipt) -> Receipt:
        key = self._keeping.key
        signed = receipt if key is None else key.sign(receipt)
        return parse(signed.line, "the new receipt")  # one that nobody can read is none


def _placed(receipt: Receipt, place: Place) -> Receipt:
    return replace(receipt, journal=place)


def _judged(asked: AskedList, made_at: datetime) -> JudgedList:
    """Return a list, and until when its answer may be used.

    What is asked about a day to come is known as of today.
    """
    rules = asked.rules
    today = clock.day_at(made_at.timestamp(), rules.time_zone)
    known_on = min(asked.on, today)
    rule = rules.answer_rule(known_on)
    until = rules.answers_until(known_on)
    if asked.known_until is not None:
        until = min(until, asked.known_until)
    return JudgedList(
        name=rules.name,
        on=asked.on,
        time_zone=rules.time_zone,
        valid_until=until,
        days=rule.days,
        source=rule.source,
        certainty=rule.certainty,
    )


def _kept_column(column: str | int) -> str | int:
    return kept_name(column) if isinstance(column, str) else column


def _watched(outputs: Outputs) -> tuple[Outputs, dict[str, HashedWriter]]:
    """Return outputs whose streams know what is written to them."""
    writers: dict[str, HashedWriter] = {}
    by_stream: dict[int, HashedWriter] = {}
    for name, target in outputs.wanted().items():
        if not isinstance(target, str | Path):
            # one stream stays one: two outputs to it are refused later
            writers[name] = by_stream.setdefault(id(target), HashedWriter(target))
    changed = {name: cast("BinaryIO", writer) for name, writer in writers.items()}
    return replace(outputs, **changed), writers


def _write(path: Path, receipt: Receipt) -> None:
    try:
        with replacing(path) as file:
            file.write(receipt.line)
    except OSError as error:
        got = f"one that cannot be written ({error.strerror})"
        raise ReceiptError("a file for the receipt", got, str(path)) from error


# -- what a receipt must not replace --------------------------------------------------


def _refuse_clashes(keeping: Keeping, outputs: Outputs) -> None:
    """Refuse places where a receipt, or an output, would take that of another file."""
    taken = {
        f"the {name} output": Path(target)
        for name, target in outputs.wanted().items()
        if isinstance(target, str | Path)
    }
    if keeping.journal is not None:
        _refuse_taken(keeping.journal, taken, "the journal")
        Journal(keeping.journal).check()
        taken["the journal"] = keeping.journal
    if keeping.file is not None:
        _refuse_taken(keeping.file, taken, "the receipt")
        _refuse_another_file(keeping.file)


def _refuse_taken(path: Path, taken: Mapping[str, Path], what: str) -> None:
    for name, other in taken.items():
        same = os.path.realpath(path) == os.path.realpath(other)
        if same or (path.exists() and other.exists() and path.samefile(other)):
            raise InputError("a file of its own", f"the same as {name}", what)


def _refuse_another_file(path: Path) -> None:
    """Refuse to replace what is no receipt: a mistyped name costs no call file."""
    if not path.absolute().parent.is_dir():
        raise InputError("a folder for the receipt", "no such folder", str(path))
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return
    try:
        read(path)
    except ReceiptError:
        got = "something else"
        raise InputError("a new file or a receipt to replace", got, str(path)) from None
