"""Journal of receipts: a file to which receipts are appended, one per line.

Each receipt contains the digest of the previous receipt, so that verification detects
altered, removed and inserted receipts.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, cast

from bloctel._util.atomic_files import flush_folder, locked, open_private, replacing
from bloctel._util.protected_files import refuse_to_replace
from bloctel.errors import DamagedReceiptError, ReceiptError, TruncatedJournalError
from bloctel.scrub.receipts.reader import LONGEST, parse
from bloctel.scrub.receipts.receipt import JournalPosition, Receipt

_STEP: Final = 1 << 13
_A_JOURNAL: Final = "a journal of receipts"


class Journal:
    """Journal file, to which receipts are appended.

    Several processes and threads may append receipts at the same time, because each
    process or thread locks the file while it appends.

    Attributes:
        path: The file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def check(self) -> None:
        """Check that a receipt can be appended to the journal.

        Raises:
            TruncatedJournalError: The last line is incomplete.
            ReceiptError: The file is not a journal, or cannot be written.
            InputError: The file is of another kind, such as a registry or a key.
        """
        refuse_to_replace(self.path, "receipts")
        if self.path.exists():
            with self._opened(os.O_RDWR | os.O_APPEND) as file:
                self._last(file)
        elif not os.access(self.path.absolute().parent, os.W_OK):
            got = "a folder that does not exist or cannot be written to"
            raise ReceiptError("a folder for the journal", got, str(self.path))

    def append(self, make: Callable[[JournalPosition], Receipt]) -> Receipt:
        """Append a receipt, and flush it to the disk.

        Args:
            make: Function that returns the receipt to append, given its position in the
                journal.

        Raises:
            TruncatedJournalError: The last line is incomplete; nothing is appended.
            ReceiptError: The file is not a journal, or cannot be written; nothing is
                appended.
        """
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        with self._opened(flags) as file:
            receipt = make(_position_after(self._last(file)))
            self._write(file, receipt.line)
        return receipt

    def receipts(self) -> Iterator[Receipt]:
        """Yield the receipts in order, and check that they form one chain of digests.

        Raises:
            DamagedReceiptError: A receipt was altered, removed, inserted or moved.
            TruncatedJournalError: The last line is incomplete.  This error is raised
                after all complete receipts have been returned.
            ReceiptError: The file is not a journal, or cannot be read.
        """
        previous: Receipt | None = None
        with self._opened(os.O_RDONLY) as file:
            lines = iter(partial(file.readline, LONGEST + 1), b"")
            for number, line in enumerate(lines, 1):
                where = f"{self.path}, line {number}"
                if not line.endswith(b"\n") and len(line) <= LONGEST:
                    raise self._truncated(where)
                receipt = parse(line, where)
                _require_next(receipt, previous, where)
                yield receipt
                previous = receipt

    def receipt(self, number: int) -> Receipt:
        """Verify the first *number* receipts, and return receipt *number*.

        Raises:
            ReceiptError: See `receipts`; or the journal contains fewer than *number*
                receipts.
        """
        found = 0
        for receipt in self.receipts():
            found += 1
            if found == number:
                return receipt
        got = f"a journal of {found} receipts"
        raise ReceiptError(f"receipt {number}", got, str(self.path))

    def mend(self) -> Path | None:
        """Move an incomplete last line to a new file in the same folder.

        The last line is incomplete if the machine crashed while a receipt was appended.
        Then the outputs of that scrub may exist, but the scrub has no receipt.

        Returns:
            The path of the new file; None if the last line is complete.

        Raises:
            ReceiptError: A file cannot be read or written.
        """
        with self._opened(os.O_RDWR | os.O_APPEND) as file:
            end = _end_of_lines(file)
            file.seek(end)
            rest = file.read()
            if not rest:
                return None
            moved_to = self.path.with_name(f"{self.path.name}.incomplete-{end}")
            with replacing(moved_to) as target:
                target.write(rest)
            file.truncate(end)
            os.fsync(file.fileno())
        return moved_to

    @contextmanager
    def _opened(self, flags: int) -> Iterator[BinaryIO]:
        """Open and lock the file, and convert `OSError` to `ReceiptError`."""
        is_reader = not flags & os.O_RDWR
        mode, buffering = ("rb", _STEP) if is_reader else ("r+b", 0)
        # opening a pipe must not block, because pipes are refused below
        flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            while True:
                descriptor = open_private(self.path, flags)
                with open(descriptor, mode, buffering=buffering) as file:
                    found = os.fstat(descriptor)
                    if not stat.S_ISREG(found.st_mode):
                        got = "a directory, a pipe or a device"
                        raise ReceiptError(_A_JOURNAL, got, str(self.path))
                    with locked(descriptor, shared=is_reader):
                        # another process may have replaced the file in the meantime
                        now = self.path.stat() if self.path.exists() else None
                        if now is not None and os.path.samestat(found, now):
                            yield cast("BinaryIO", file)
                            return
        except OSError as error:
            got = f"a file that cannot be read or written ({error.strerror})"
            raise ReceiptError(_A_JOURNAL, got, str(self.path)) from error

    def _last(self, file: BinaryIO) -> Receipt | None:
        end = _end_of_lines(file)
        if end != os.fstat(file.fileno()).st_size:
            raise self._truncated(str(self.path))
        if end == 0:
            return None
        start = _line_before(file, end - 1)
        file.seek(start)
        last = parse(file.read(end - start), f"{self.path}, last line")
        if last.journal is None:
            got = "a receipt that was made outside of a journal"
            raise DamagedReceiptError("a receipt of a journal", got, str(self.path))
        return last

    def _write(self, file: BinaryIO, line: bytes) -> None:
        """Append the complete line, or leave the file unchanged after an error."""
        size = os.fstat(file.fileno()).st_size
        try:
            left = memoryview(line)
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
            if size == 0:
                flush_folder(self.path.absolute().parent)
        except BaseException:
            # the file is locked, so this removes only bytes that this process wrote
            file.truncate(size)
            raise

    def _truncated(self, where: str) -> TruncatedJournalError:
        expected = "a journal whose last line is complete"
        got = "a journal whose last line is incomplete"
        message = (
            "the last line of the journal is incomplete, as after a crash; run "
            "bloctel receipt mend"
        )
        return TruncatedJournalError(expected, got, where, message=message)


def _position_after(last: Receipt | None) -> JournalPosition:
    if last is None or last.journal is None:
        return JournalPosition(number=1, previous=None)
    return JournalPosition(number=last.journal.number + 1, previous=last.digest)


def _require_next(receipt: Receipt, previous: Receipt | None, where: str) -> None:
    expected, position = _position_after(previous), receipt.journal
    if position is None or position.number != expected.number:
        got = f"receipt {position.number}" if position else "a receipt without a number"
        raise DamagedReceiptError(f"receipt {expected.number}", got, where)
    if position != expected:
        follows = f"a receipt that follows receipt {expected.number - 1}"
        got = "a receipt that contains the digest of a different receipt"
        raise DamagedReceiptError(follows, got, where)


def _end_of_lines(file: BinaryIO) -> int:
    """Return the offset of the end of the last complete line."""
    return _line_before(file, os.fstat(file.fileno()).st_size)


def _line_before(file: BinaryIO, end: int) -> int:
    """Return the offset after the last line feed before *end*; 0 if there is none."""
    while end > 0:
        start = max(0, end - _STEP)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
