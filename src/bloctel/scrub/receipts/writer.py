"""Writer of the receipt of a scrub to a file, to a journal, or to both."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isinf
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from bloctel._open import is_url
from bloctel._util import clock
from bloctel._util.atomic_files import replacing
from bloctel._version import __version__
from bloctel.errors import InputError, ReceiptError
from bloctel.lookup.question import Question, RequestedList
from bloctel.scrub.opposition_source import Against as Opposition
from bloctel.scrub.opposition_source import path_of
from bloctel.scrub.options import ReceiptOptions
from bloctel.scrub.receipts import file_digest
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
from bloctel.scrub.summary import ScrubSummary
from bloctel.tabular.csv_reader import HashedReader, Source, open_source, source_name
from bloctel.tabular.outputs import Outputs, Written


def stamped(against: Opposition) -> tuple[Path | None, file_digest.Stamp | None]:
    """Return the path and the stamp of an opposition file; (None, None) for no file."""
    path = path_of(against)
    if path is None or is_url(path):
        return None, None
    return Path(path), file_digest.stamp_of(path)


class ReceiptMaker:
    """Maker of the receipt of one scrub; create it before the scrub opens any file.

    The scrub reads its input from the stream that `reading` yields, and adds the digest
    of each output to `written`.  Call `make` when all outputs are written.
    """

    def __init__(
        self,
        source: Source,
        outputs: Outputs,
        *,
        against: tuple[Path | None, file_digest.Stamp | None],
        options: ReceiptOptions,
    ) -> None:
        self._path = None if options.path is None else Path(options.path)
        self._journal = None if options.journal is None else Journal(options.journal)
        self._key = options.key
        if self._journal is not None:
            self._journal.check()
        if self._path is not None:
            _refuse_another_file(self._path, self._journal)
        self._list_path, self._list_stamp = against
        self._source = source
        self._stamp = (
            file_digest.stamp_of(source) if isinstance(source, str | Path) else None
        )
        self._input = Written(0, "")
        self._outputs = outputs.wanted()
        self.written: dict[str, Written] = {}

    @contextmanager
    def reading(self) -> Iterator[BinaryIO]:
        """Yield a stream of the call file, and hash the bytes that the scrub reads."""
        with open_source(self._source, "a call file") as stream:
            reader = HashedReader(stream, source_name(self._source))
            yield cast("BinaryIO", reader)
            self._input = reader.digest()

    def check(self, question: Question) -> None:
        """Raise InputError if the source or the age of the lists is not known."""
        if isinf(question.read_at):
            got = "a copy of a server, with data of unknown age (write heartbeats)"
            raise InputError("lists whose age is known", got, "against")
        if question.provenance is None and (
            question.plain_file is None or self._list_path is None
        ):
            expected = "a registry, a snapshot or a file"
            got = "a book from another source"
            message = (
                "a receipt must name the source of the lists: scrub against a "
                "registry, a snapshot or a file"
            )
            raise InputError(expected, got, "against", message=message)

    def make(
        self, summary: ScrubSummary, question: Question, *, columns: Sequence[str | int]
    ) -> Receipt:
        """Write the receipt to its destination, and return it."""
        self.check(question)
        made_at = clock.moment().replace(microsecond=0)
        lists = tuple(
            _judged(asked, question.read_at) for asked in question.requested_lists
        )
        receipt = Receipt(
            input=self._input_digest(),
            outputs={
                name: self._digest(name, each) for name, each in self.written.items()
            },
            columns=tuple(
                masked_name(column) if isinstance(column, str) else column
                for column in columns
            ),
            region=question.region,
            against=self._against(question),
            lists=lists,
            counts=msgspec.convert(summary, Counts, from_attributes=True),
            invalid_reasons=dict(summary.invalid_reasons),
            blocked_lists=dict(summary.blocked_lists),
            made_at=made_at,
            valid_until=min(judged.valid_until for judged in lists),
            software=f"bloctel {__version__}",
        )
        return self._write(receipt)

    def _input_digest(self) -> FileDigest:
        name = None
        if isinstance(self._source, str | Path):
            file_digest.refuse_changed(self._source, self._stamp)
            name = masked_name(Path(self._source).name)
        return FileDigest(name=name, **self._input._asdict())

    def _digest(self, name: str, written: Written) -> FileDigest:
        """Return the digest of an output; raise InputError if its file was changed."""
        target = self._outputs[name]
        if isinstance(target, str | Path):
            return file_digest.digest_written(target, written)
        return FileDigest(name=None, **written._asdict())

    def _against(self, question: Question) -> Against:
        known, path = question.provenance, self._list_path
        name = None if path is None else masked_name(path.name)
        if known is not None:
            return Against(
                kind="registry" if known.built_on is None else "snapshot",
                name=None if known.built_on is None else name,
                registry=known.registry,
                generation=known.generation,
                built_on=known.built_on,
            )
        file_digest.refuse_changed(cast("Path", path), self._list_stamp)
        digest = cast("Written", question.plain_file)
        return Against(kind="file", name=name, **digest._asdict())

    def _write(self, receipt: Receipt) -> Receipt:
        if self._journal is None:
            receipt = self._signed(receipt)
        else:
            receipt = self._journal.append(
                lambda position: self._signed(
                    msgspec.structs.replace(receipt, journal=position)
                )
            )
        if self._path is None:
            return receipt
        try:
            with replacing(self._path, "receipts") as file:
                file.write(receipt.line)
        except OSError as error:
            got, path = f"a file that cannot be written ({error.strerror})", self._path
            raise ReceiptError("a file for the receipt", got, str(path)) from error
        return receipt

    def _signed(self, receipt: Receipt) -> Receipt:
        signed = receipt if self._key is None else self._key.sign(receipt)
        # raise an error now if `parse` could not read the receipt later
        return parse(signed.line, "the new receipt")


def _judged(asked: RequestedList, read_at: float) -> JudgedList:
    """Return the receipt's entry for a list, with the day on which the result expires.

    If the day of the look-up is later than the day on which the content of the list was
    read, the validity begins on the day of the read.
    """
    rules = asked.rules
    known_on = min(asked.on, clock.day_at(read_at, rules.time_zone))
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


def _refuse_another_file(path: Path, journal: Journal | None) -> None:
    """Raise InputError if the path names a file that must not be replaced.

    Only a file with one receipt may be replaced.  A file with receipt 1 of a journal
    may be this journal.  Replace it only if *journal* begins with the same receipt.
    """
    if not path.exists() or path.stat().st_size == 0:
        return
    expected = "a new file or a receipt to replace"
    try:
        receipt = read(path)
    except ReceiptError as error:
        got = "a file that is not a receipt (choose another path)"
        raise InputError(expected, got, str(path)) from error
    if receipt.journal is None or receipt.journal.number > 1:
        return
    first = None
    if journal is not None and journal.path.exists():
        first = next(journal.receipts(), None)
    if receipt != first:
        got = "a receipt that may be the only line of a journal (choose another path)"
        raise InputError(expected, got, str(path))
