"""Writing the receipt of a scrub to a file, to a journal, or to both."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self, cast

import msgspec.structs

from bloctel._open import is_url
from bloctel._util import clock
from bloctel._util.atomic_files import is_same_file, replacing
from bloctel._version import __version__
from bloctel.errors import InputError, ReceiptError
from bloctel.scrub.opposition_source import path_of
from bloctel.scrub.receipts.file_digest import (
    HashedReader,
    HashedWriter,
    digest_of,
    digest_unchanged,
    stamp_of,
)
from bloctel.scrub.receipts.journal import Journal
from bloctel.scrub.receipts.reader import parse, read
from bloctel.scrub.receipts.receipt import (
    Against,
    Counts,
    FileDigest,
    JudgedList,
    Receipt,
    masked_name,
)
from bloctel.tabular.phone_columns import requested_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from bloctel.lookup.question import Question, RequestedList
    from bloctel.scrub.opposition_source import Against as Opposition
    from bloctel.scrub.receipts.file_digest import Stamp
    from bloctel.scrub.receipts.signatures import SigningKey
    from bloctel.scrub.summary import ScrubSummary
    from bloctel.tabular.csv_reader import Source
    from bloctel.tabular.outputs import Outputs

__all__ = ["ReceiptMaker", "ReceiptOptions", "StampedList"]


@dataclass(frozen=True, slots=True)
class ReceiptOptions:
    """Destination of a receipt, and the key that signs it.

    Attributes:
        path: A file for this receipt alone; an older receipt in it is replaced.
        journal: The journal to which the receipt is appended.
        key: The key that signs the receipt.
    """

    path: str | Path | None = None
    journal: str | Path | None = None
    key: SigningKey | None = None


@dataclass(frozen=True, slots=True)
class StampedList:
    """File of an opposition source, with its stamp before it was opened."""

    path: Path | None
    stamp: Stamp | None

    @classmethod
    def of(cls, against: Opposition) -> Self:
        """Return the file of an opposition source; a URL or a book has no file.

        Raises:
            InputError: The file is a directory, a pipe or a device.
        """
        path = path_of(against)
        if path is None or is_url(path):
            return cls(None, None)
        return cls(Path(path), stamp_of(path))


class ReceiptMaker:
    """Maker of the receipt of one scrub.

    `scrub_file` has a parameter for receipts; use this class for other scrubs.  Create
    the maker before any file is opened, pass its `source` and `outputs` to the scrub,
    then call `make`:

    ```python
    maker = ReceiptMaker("calls.csv", Outputs("clear.csv"), against="own.bloctel",
                         options=ReceiptOptions("receipt.json"))
    with open_against("own.bloctel") as book:
        question = book.question()
        summary = scrub_csv(maker.source, question, columns=["telephone"],
                            outputs=maker.outputs)
        receipt = maker.make(summary, question, columns=["telephone"])
    ```

    After a crash there may be outputs without a receipt, never the reverse.

    Args:
        source: The file to scrub: a path, or a binary stream.
        outputs: The destinations of the rows.
        against: The source of the lists (see `scrub_file`).
        options: The destination of the receipt.

    Attributes:
        source: The source to pass to the scrub.
        outputs: The outputs to pass to the scrub.

    Raises:
        InputError: The receipt would replace a file that is not a receipt, or its
            folder does not exist.
        ReceiptError: A receipt cannot be appended to the journal.
    """

    def __init__(
        self,
        source: Source,
        outputs: Outputs,
        *,
        against: Opposition | StampedList,
        options: ReceiptOptions = ReceiptOptions(),
    ) -> None:
        self._path = None if options.path is None else Path(options.path)
        self._journal = None if options.journal is None else Journal(options.journal)
        self._key = options.key
        _refuse_clashes(self._path, self._journal, outputs)
        self._list = (
            against if isinstance(against, StampedList) else StampedList.of(against)
        )
        self.source: Source
        self._input: Callable[[], FileDigest]
        if isinstance(source, str | Path):
            self.source = source
            self._input = partial(digest_unchanged, source, stamp_of(source))
        else:
            reader = HashedReader(source)
            self.source = cast("BinaryIO", reader)
            self._input = reader.digest
        self.outputs, self._writers = _watched(outputs)

    def check(self, question: Question) -> None:
        """Check, before the scrub, that a receipt can name the source of the lists.

        Raises:
            InputError: The book belongs to no registry, snapshot or file.
        """
        if question.provenance is None and self._list.path is None:
            raise InputError(
                "a registry, a snapshot or a file",
                "a book without an identity",
                "against",
                message="a receipt must name the source of the lists: scrub against a "
                "registry, a snapshot or a file",
            )

    def make(
        self,
        summary: ScrubSummary,
        question: Question,
        *,
        columns: str | int | Sequence[str | int],
    ) -> Receipt:
        """Write the receipt to its destination, and return it.

        Args:
            summary: The result of the scrub.
            question: The question of the scrub.
            columns: The phone columns of the scrub.

        Raises:
            InputError: A file changed after the scrub read or wrote it.
            ReceiptError: The receipt cannot be written.
        """
        self.check(question)
        made_at = clock.moment()
        lists = tuple(_judged(asked, made_at) for asked in question.requested_lists)
        receipt = Receipt(
            input=self._input(),
            outputs=self._digests(summary.outputs),
            columns=tuple(map(_kept_column, requested_columns(columns))),
            region=question.region,
            against=self._against(question),
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
            valid_until=min(judged.valid_until for judged in lists),
            software=f"bloctel {__version__}",
        )
        return self._write(receipt)

    def _digests(self, files: Mapping[str, Path]) -> dict[str, FileDigest]:
        streams = {name: writer.digest() for name, writer in self._writers.items()}
        return {name: digest_of(path) for name, path in files.items()} | streams

    def _against(self, question: Question) -> Against:
        known, path = question.provenance, self._list.path
        name = None if path is None else masked_name(path.name)
        if known is not None:
            return Against(
                kind="registry" if known.built_on is None else "snapshot",
                name=None if known.built_on is None else name,
                registry=known.registry,
                generation=known.generation,
                built_on=known.built_on,
            )
        found = digest_unchanged(cast("Path", path), self._list.stamp)
        return Against(kind="file", name=name, size=found.size, sha256=found.sha256)

    def _write(self, receipt: Receipt) -> Receipt:
        if self._journal is None:
            receipt = self._signed(receipt)
        else:
            receipt = self._journal.append(
                lambda position: self._signed(
                    msgspec.structs.replace(receipt, journal=position)
                )
            )
        if self._path is not None:
            _write_file(self._path, receipt)
        return receipt

    def _signed(self, receipt: Receipt) -> Receipt:
        signed = receipt if self._key is None else self._key.sign(receipt)
        # make sure that the reader accepts the receipt
        return parse(signed.line, "the new receipt")


def _judged(asked: RequestedList, made_at: datetime) -> JudgedList:
    """Return a list with the validity of its answer.

    If the day is in the future, the validity begins today, because the answer is based
    on the data of today.
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
    return masked_name(column) if isinstance(column, str) else column


def _watched(outputs: Outputs) -> tuple[Outputs, dict[str, HashedWriter]]:
    """Return the outputs with hashed streams, and the hashed streams by name."""
    writers: dict[str, HashedWriter] = {}
    by_stream: dict[int, HashedWriter] = {}
    for name, target in outputs.wanted().items():
        if not isinstance(target, str | Path):
            # if two outputs have the same stream, they must have the same writer, so
            # that they are refused later
            writers[name] = by_stream.setdefault(id(target), HashedWriter(target))
    changed = {name: cast("BinaryIO", writer) for name, writer in writers.items()}
    return replace(outputs, **changed), writers


def _write_file(path: Path, receipt: Receipt) -> None:
    try:
        with replacing(path) as file:
            file.write(receipt.line)
    except OSError as error:
        got = f"a file that cannot be written ({error.strerror})"
        raise ReceiptError("a file for the receipt", got, str(path)) from error


# -- files that a receipt must not replace ---------------------------------------------


def _refuse_clashes(
    path: Path | None, journal: Journal | None, outputs: Outputs
) -> None:
    """Refuse a receipt, a journal and outputs that would replace each other."""
    taken = {
        f"the {name} output": Path(target)
        for name, target in outputs.wanted().items()
        if isinstance(target, str | Path)
    }
    if journal is not None:
        _refuse_taken(journal.path, taken, "the journal")
        journal.check()
        taken["the journal"] = journal.path
    if path is not None:
        _refuse_taken(path, taken, "the receipt")
        _refuse_another_file(path)


def _refuse_taken(path: Path, taken: Mapping[str, Path], what: str) -> None:
    for name, other in taken.items():
        same = os.path.realpath(path) == os.path.realpath(other)
        if same or is_same_file(path, other):
            raise InputError("a separate file", f"the same file as {name}", what)


def _refuse_another_file(path: Path) -> None:
    """Refuse to replace a file that is not a receipt: the path may be mistyped."""
    if not path.absolute().parent.is_dir():
        got = "a path whose folder does not exist"
        raise InputError("a folder for the receipt", got, str(path))
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return
    try:
        read(path)
    except ReceiptError as error:
        got = "a file that is not a receipt"
        raise InputError(
            "a new file or a receipt to replace", got, str(path)
        ) from error
