"""Receipts of scrubs: their content, and the refusal to write a wrong one."""

from __future__ import annotations

import hashlib
import io
import mmap
import os
import stat
import subprocess
import sys
from contextlib import ExitStack
from datetime import date, timedelta
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from msgspec.structs import replace

from bloctel import Follower, Registry, Snapshot
from bloctel._util import clock
from bloctel.errors import InputError, MissingExtraError, ReceiptError
from bloctel.rules import Certainty
from bloctel.scrub import Outputs, open_against, scrub_file
from bloctel.scrub.receipts import (
    FileDigest,
    Journal,
    Receipt,
    ReceiptOptions,
    SigningKey,
    State,
    check_files,
    check_signature,
    file_digest,
    file_states,
    files_in,
    parse,
    read,
)
from bloctel.scrub.receipts.receipt import Signature
from bloctel.scrub.receipts.writer import ReceiptMaker, stamped
from tests.helpers.call_files import ENDINGS, write
from tests.helpers.receipt_samples import (
    EXAMPLE,
    chain,
    scrub_for,
    scrubbed,
    write_files,
)
from tests.oracles import receipt as oracle

if TYPE_CHECKING:
    from collections.abc import Callable

    from bloctel.lookup.book import Book
    from bloctel.lookup.question import Question
    from bloctel.scrub import ScrubSummary

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")
TODAY = clock.today("Europe/Paris")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a call file and a list."""
    write_files(tmp_path)
    return tmp_path


def digest_of(path: Path) -> FileDigest:
    """Return the digest of a file, in the simplest way."""
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return FileDigest(name=path.name, size=len(content), sha256=digest)


def test_it_says_what_was_scrubbed_against_what_with_which_result(folder: Path) -> None:
    """Each member of the receipt of the simplest scrub is as expected."""
    receipt = scrubbed(folder)

    assert receipt.input == digest_of(folder / "calls.csv")
    assert receipt.outputs == {
        "clear": digest_of(folder / "clear.csv"),
        "blocked": digest_of(folder / "blocked.csv"),
    }
    assert receipt.columns == ("tel",)
    assert receipt.region == "FR"
    against, listed = receipt.against, digest_of(folder / "list.csv")
    assert against.kind == "file"
    assert (against.name, against.size, against.sha256) == (
        listed.name,
        listed.size,
        listed.sha256,
    )
    assert [(judged.name, judged.on) for judged in receipt.lists] == [("own", TODAY)]
    counts = receipt.counts
    assert (counts.rows, counts.clear, counts.blocked, counts.invalid) == (3, 1, 1, 1)
    assert receipt.invalid_reasons == {"short_number": 1}
    assert receipt.blocked_lists == {"own": 1}
    assert abs((clock.moment() - receipt.made_at).total_seconds()) < 3600
    assert receipt.made_at.utcoffset() == timedelta(0)
    assert receipt.journal is None
    assert receipt.signature is None
    assert oracle.is_receipt(receipt.line)


def test_it_is_kept_where_it_should_be(folder: Path) -> None:
    """The receipt is in a separate file or a journal, and can be signed."""
    key = SigningKey.create(folder / "key.pem")
    options = ReceiptOptions(folder / "r.json", folder / "j.jsonl", key)

    first, second = scrubbed(folder, options), scrubbed(folder, options)

    assert read(folder / "r.json") == second
    assert list(Journal(folder / "j.jsonl").receipts()) == [first, second]
    assert second.signature is not None
    assert second.signature.public_key == key.public_key
    assert oracle.is_signed(second.line)
    assert oracle.is_complete((folder / "j.jsonl").read_bytes())


def scrub_book(book: Book, folder: Path, **asked: Any) -> Receipt:
    """Scrub the call file against an open book, and return the receipt."""
    maker = ReceiptMaker(
        folder / "calls.csv",
        Outputs(),
        against=stamped("memory:"),
        options=ReceiptOptions(),
    )
    question = book.question(**asked)
    summary = scrub_for(maker, question)
    return maker.make(summary, question, columns=["tel"])


def test_a_registry_is_named_by_its_identity_never_by_its_url(folder: Path) -> None:
    """A receipt has the registry's identity, not its URL, which may have a password."""
    url = f"sqlite:///{folder}/secret.db"
    with Registry.create(url, lists=["own"]) as registry:
        registry.register("01 99 00 12 34", list="own", on=date(2024, 5, 3))
        receipt = scrub_book(registry, folder)
        known = registry.question().provenance

    assert known is not None
    assert receipt.against.kind == "registry"
    assert receipt.against.name is None
    assert receipt.against.registry == known.registry
    assert receipt.against.generation == known.generation
    assert b"secret" not in receipt.line


def test_a_snapshot_is_named_by_registry_generation_and_day(folder: Path) -> None:
    """The receipt has the registry, generation, day and name of the snapshot."""
    registry = Registry.create("memory:", lists=["own", "own:brand"])
    path = folder / "s.bloctel"
    info = registry.build_snapshot(path, on=TODAY)
    maker = ReceiptMaker(
        folder / "calls.csv", Outputs(), against=stamped(path), options=ReceiptOptions()
    )
    with Snapshot.open(path) as book:
        question = book.question(lists=["own:brand"])
        summary = scrub_for(maker, question)
        receipt = maker.make(summary, question, columns=["tel", 1])

    against = receipt.against
    assert (against.kind, against.name) == ("snapshot", "s.bloctel")
    assert (against.registry, against.generation) == (info.registry, info.generation)
    assert against.built_on == TODAY
    assert [judged.name for judged in receipt.lists] == ["own:brand"]
    assert receipt.columns == ("tel", 1)


# -- until when -------------------------------------------------------------------


def test_a_result_is_good_for_as_long_as_the_rules_say(folder: Path) -> None:
    """The result is valid for 30 days, and the receipt has the source of this rule."""
    (judged,) = scrubbed(folder).lists

    assert judged.valid_until == judged.on + timedelta(days=30)
    assert (judged.days, judged.certainty) == (30, Certainty.R)
    assert judged.source
    assert judged.time_zone == "Europe/Paris"


def test_the_earliest_end_of_all_lists_counts(folder: Path) -> None:
    """The list whose answer ends first limits the validity of the result."""
    registry = Registry.create("memory:", lists=["own", "fr.bloctel"])

    receipt = scrub_book(registry, folder, on=date(2026, 8, 1))

    ends = {judged.name: judged.valid_until for judged in receipt.lists}
    assert ends == {"own": date(2026, 8, 31), "fr.bloctel": date(2026, 8, 11)}
    assert receipt.valid_until == date(2026, 8, 11)


def test_a_day_to_come_is_known_as_of_today(folder: Path) -> None:
    """A result for a future day is valid for 30 days from today, not from that day."""
    receipt = scrubbed(folder, on=TODAY + timedelta(days=40))

    assert receipt.lists[0].on == TODAY + timedelta(days=40)
    assert receipt.valid_until == TODAY + timedelta(days=30)


def test_an_old_snapshot_shortens_it(folder: Path) -> None:
    """The result of an old snapshot is valid for 30 days from the snapshot's day."""
    registry = Registry.create("memory:", lists=["own"])
    built_on = TODAY - timedelta(days=20)
    registry.build_snapshot(folder / "s.bloctel", on=built_on)

    with Snapshot.open(folder / "s.bloctel") as book:
        receipt = scrub_book(book, folder)

    assert receipt.valid_until == built_on + timedelta(days=30)


def test_an_old_answer_shortens_it(folder: Path) -> None:
    """The validity of a result ends when the oldest answer of the operator expires."""
    registry = Registry.create("memory:", lists=["fr.bloctel"])
    day, none = date(2024, 5, 3), np.array([], np.uint64)
    for days, number in ((20, 33199001234), (3, 33199001235)):
        registry.record_answers(
            list="fr.bloctel",
            on=day - timedelta(days=days),
            opposed=none,
            clear=np.array([number], np.uint64),
        )

    receipt = scrub_book(registry, folder, on=day)

    assert receipt.counts.clear == 2
    assert receipt.valid_until == day + timedelta(days=10)


def test_rows_that_nobody_answered_about_are_counted_as_such(folder: Path) -> None:
    """Numbers without an operator's answer are counted apart in the receipt."""
    registry = Registry.create("memory:", lists=["fr.bloctel"])
    registry.record_answers(
        list="fr.bloctel",
        on=date(2024, 5, 3),
        opposed=np.array([33199001234], np.uint64),
        clear=np.array([], np.uint64),
    )

    receipt = scrub_book(registry, folder, on=date(2024, 5, 3))

    assert receipt.blocked_lists == {"fr.bloctel": 1, "fr.bloctel not known": 1}


# -- never for bytes that were not scrubbed -------------------------------------------


def scrub_then(
    folder: Path, meddle: Callable[[], object], options: ReceiptOptions
) -> None:
    """Scrub, change a file, and request the receipt."""
    maker = ReceiptMaker(
        folder / "calls.csv",
        Outputs(folder / "clear.csv"),
        against=stamped(folder / "list.csv"),
        options=options,
    )
    with open_against(str(folder / "list.csv")) as book:
        question = book.question()
        summary = scrub_for(maker, question, Outputs(folder / "clear.csv"))
    meddle()
    maker.make(summary, question, columns=["tel"])


def meddlers(path: Path) -> dict[str, Callable[[], object]]:
    """Return ways to change a file after a scrub used it."""
    content, found = path.read_bytes(), path.stat()
    twin = path.with_name("twin")
    twin.write_bytes(content)

    def rewrite_unseen() -> None:
        path.write_bytes(content[::-1])
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))

    def exchange_and_back() -> None:
        path.rename(path.with_name("away"))
        twin.rename(path)
        path.with_name("away").rename(path)

    def link() -> None:
        path.unlink()
        path.symlink_to(twin)

    return {
        "appended": lambda: path.write_bytes(content + b"x"),
        "same size": lambda: path.write_bytes(content[::-1]),
        "same size and time": rewrite_unseen,
        "replaced by its copy": lambda: twin.replace(path),
        "exchanged and back": exchange_and_back,
        "a link to its copy": link,
        "removed": path.unlink,
        "touched": path.touch,
    }


@posix
@pytest.mark.parametrize("name", ["calls.csv", "list.csv"])
@pytest.mark.parametrize(
    "how",
    [
        "appended",
        "same size",
        "same size and time",
        "replaced by its copy",
        "exchanged and back",
        "a link to its copy",
        "removed",
        "touched",
    ],
)
def test_a_file_that_changed_meanwhile_has_no_receipt(
    name: str, how: str, folder: Path
) -> None:
    """If a file changed after it was used, the outputs exist without a receipt."""
    options = ReceiptOptions(folder / "r.json", folder / "j.jsonl")

    with pytest.raises(InputError, match=r"changed while it was in use|cannot be read"):
        scrub_then(folder, meddlers(folder / name)[how], options)

    assert (folder / "clear.csv").exists()
    assert not (folder / "r.json").exists()
    assert not (folder / "j.jsonl").exists()


@pytest.mark.parametrize("size", [0, 1])
def test_outputs_that_the_scrub_did_not_write_have_no_receipt(
    size: int, folder: Path
) -> None:
    """If another program replaces an output, no receipt is written."""
    options = ReceiptOptions(folder / "r.json", folder / "j.jsonl")

    def overwrite() -> None:
        path = folder / "clear.csv"
        path.write_bytes(b"x" * (path.stat().st_size + size))

    with pytest.raises(InputError, match="changed while it was in use"):
        scrub_then(folder, overwrite, options)

    assert not (folder / "r.json").exists()
    assert not (folder / "j.jsonl").exists()


def test_a_file_that_changes_while_it_is_read_has_no_receipt(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No receipt is written if an output changes while its digest is computed."""
    more = iter([b"x"])

    def change(_: int) -> None:
        with (folder / "clear.csv").open("ab") as file:
            file.write(next(more, b""))

    digest = partial(file_digest.digest_of, read=change)
    monkeypatch.setattr(file_digest, "digest_of", digest)
    with pytest.raises(InputError, match="changed while it was in use"):
        scrub_then(folder, lambda: None, ReceiptOptions(folder / "r.json"))
    assert not (folder / "r.json").exists()


@pytest.mark.parametrize("kind", ENDINGS)
def test_the_digest_is_that_of_the_bytes_that_were_scrubbed(
    kind: str, folder: Path
) -> None:
    """Writes through a memory map during the scrub do not change any digest."""
    calls, listed = folder / f"calls.{kind}", folder / "list.csv"
    write(calls, [["tel"], ["0199001235"]])
    expected = [digest_of(calls), digest_of(listed)]
    with ExitStack() as stack:
        memories = []
        for path in (calls, listed):
            file = stack.enter_context(path.open("r+b"))
            memory = stack.enter_context(mmap.mmap(file.fileno(), 0))
            memory[:] = path.read_bytes()  # later writes to these pages set no time
            memories.append(memory)

        def overwrite(*_: object) -> None:
            for memory in memories:
                memory[-4:] = b"9999"

        done = scrub_file(
            calls, listed, columns="tel", receipt=folder / "r.json", progress=overwrite
        )

    assert done.rows == 1
    assert calls.read_bytes().endswith(b"9999")
    made = read(folder / "r.json")
    assert made.input == expected[0]
    assert (made.against.size, made.against.sha256) == (
        expected[1].size,
        expected[1].sha256,
    )


@posix
def test_pipes_and_folders_have_no_receipt(folder: Path) -> None:
    """A source that cannot be read again is refused before the scrub."""
    os.mkfifo(folder / "pipe")
    for path in (folder / "pipe", folder):
        with pytest.raises(InputError, match="can be read twice"):
            ReceiptMaker(
                path,
                Outputs(),
                against=stamped(folder / "list.csv"),
                options=ReceiptOptions(),
            )
        with pytest.raises(InputError, match="can be read twice"):
            ReceiptMaker(
                folder / "calls.csv",
                Outputs(),
                against=stamped(path),
                options=ReceiptOptions(),
            )


def test_a_file_that_comes_only_later_has_no_receipt(folder: Path) -> None:
    """If the input did not exist when the scrub began, no receipt is written."""
    (folder / "calls.csv").rename(folder / "away")

    maker = ReceiptMaker(
        folder / "calls.csv",
        Outputs(),
        against=stamped(folder / "list.csv"),
        options=ReceiptOptions(),
    )
    (folder / "away").rename(folder / "calls.csv")
    with open_against(str(folder / "list.csv")) as book:
        question = book.question()
        summary = scrub_for(maker, question)

    with pytest.raises(InputError, match="changed while it was in use"):
        maker.make(summary, question, columns=["tel"])


# -- streams ----------------------------------------------------------------------


def stream_scrub(folder: Path) -> tuple[ReceiptMaker, ScrubSummary, Any, io.BytesIO]:
    """Scrub from a stream to a stream; return the results and the receipt maker."""
    target = io.BytesIO()
    source = io.BytesIO((folder / "calls.csv").read_bytes())
    outputs = Outputs(target, folder / "blocked.csv")
    maker = ReceiptMaker(
        source, outputs, against=stamped(folder / "list.csv"), options=ReceiptOptions()
    )
    with open_against(str(folder / "list.csv")) as book:
        question = book.question()
        summary = scrub_for(maker, question, outputs)
    return maker, summary, question, target


def test_streams_are_hashed_as_they_pass(folder: Path) -> None:
    """The receipt has the digest and size of streams, without names."""
    maker, summary, question, target = stream_scrub(folder)

    receipt = maker.make(summary, question, columns=["tel"])

    calls = digest_of(folder / "calls.csv")
    assert receipt.input == FileDigest(name=None, size=calls.size, sha256=calls.sha256)
    content = target.getvalue()
    assert content == b"tel\n0199001235\n"
    assert receipt.outputs == {
        "clear": FileDigest(
            name=None, size=len(content), sha256=hashlib.sha256(content).hexdigest()
        ),
        "blocked": digest_of(folder / "blocked.csv"),
    }


def test_a_stream_that_was_left_in_the_middle_has_no_receipt(folder: Path) -> None:
    """A receipt is refused, because the rest of the stream was not scrubbed."""
    source = io.BytesIO(b"tel\n0199001234\n")
    maker = ReceiptMaker(
        source,
        Outputs(),
        against=stamped(folder / "list.csv"),
        options=ReceiptOptions(),
    )
    with (
        pytest.raises(InputError, match="unread bytes after the first 4"),
        maker.reading() as stream,
    ):
        stream.read(4)


def test_one_stream_for_two_outputs_is_refused(folder: Path) -> None:
    """One stream for two outputs is refused, also with a receipt."""
    target = io.BytesIO()

    with pytest.raises(InputError, match="a separate file"):
        scrub_file(
            folder / "calls.csv",
            folder / "list.csv",
            columns="tel",
            outputs=Outputs(target, target),
            receipt=ReceiptOptions(),
        )


# -- places -----------------------------------------------------------------------


def test_a_receipt_takes_no_other_files_place(folder: Path) -> None:
    """A receipt never overwrites the input, the list, an output or the key."""
    SigningKey.create(folder / "key.pem")
    (folder / "clear.csv").write_text("old\n")
    (folder / "link").symlink_to(folder / "clear.csv")
    before = {path: path.read_bytes() for path in folder.iterdir()}

    def scrub_with(options: ReceiptOptions) -> None:
        outputs = Outputs(folder / "clear.csv", folder / "blocked.csv")
        calls, lists = folder / "calls.csv", folder / "list.csv"
        scrub_file(calls, lists, columns="tel", outputs=outputs, receipt=options)

    for name in ("calls.csv", "list.csv", "key.pem", "clear.csv", "link"):
        for options in (
            ReceiptOptions(path=folder / name),
            ReceiptOptions(journal=folder / name),
            ReceiptOptions(path=folder / "." / name),
        ):
            with pytest.raises((InputError, ReceiptError)):
                scrub_with(options)

    for options in (
        ReceiptOptions(folder / "x", folder / "x"),
        ReceiptOptions(path=folder / "blocked.csv"),
        ReceiptOptions(journal=folder / "blocked.csv"),
        ReceiptOptions(path=folder / "none" / "r.json"),
        ReceiptOptions(journal=folder / "none" / "j.jsonl"),
    ):
        with pytest.raises((InputError, ReceiptError)):
            scrub_with(options)

    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_journal_that_cannot_grow_stops_the_scrub_before_it_begins(
    folder: Path,
) -> None:
    """Problems that can be known before the scrub stop it."""
    (folder / "j.jsonl").write_bytes(EXAMPLE.line[:-1])

    with pytest.raises(ReceiptError, match="mend"):
        scrubbed(folder, ReceiptOptions(journal=folder / "j.jsonl"))

    assert not (folder / "clear.csv").exists()


def test_a_crash_leaves_outputs_never_a_receipt_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs are published before the receipt, so a crash leaves no receipt alone."""

    def crash(*_: object) -> None:
        assert (folder / "clear.csv").exists()
        assert (folder / "blocked.csv").exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "append", crash)

    with pytest.raises(KeyboardInterrupt):
        scrubbed(folder, ReceiptOptions(folder / "r.json", folder / "j.jsonl"))

    assert not (folder / "r.json").exists()


# -- names ------------------------------------------------------------------------


def test_no_number_is_in_a_receipt(tmp_path: Path) -> None:
    """Phone numbers in names of files and columns are masked in the receipt."""
    write_files(tmp_path)
    calls = tmp_path / "\x1b[J\nof 01 99 00 12 34.csv"
    calls.write_bytes(b"tel 0199001234\n0199001235\n")
    listed = tmp_path / "0199001234.csv"
    listed.write_bytes((tmp_path / "list.csv").read_bytes())
    receipt = scrub_file(
        calls,
        listed,
        columns=["tel 0199001234"],
        outputs=Outputs(tmp_path / "clear_01_99_00_12_34.csv"),
        receipt=ReceiptOptions(),
    ).receipt

    assert receipt is not None
    assert receipt.input.name == "\x1b[J\nof (digits).csv"
    assert receipt.columns == ("tel (digits)",)
    assert receipt.outputs["clear"].name == "clear_(digits).csv"
    assert receipt.against.name == "(digits).csv"
    assert b"0199" not in receipt.line
    assert str(tmp_path).encode() not in receipt.line
    assert files_in(tmp_path, receipt) == {"clear": None}
    assert not check_files(receipt, {"clear": None})[0].agrees


# -- signatures -------------------------------------------------------------------


@posix
def test_a_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Only the owner can read a key, with any umask; an old key is never replaced."""
    path = tmp_path / "key.pem"
    old = os.umask(0)
    try:
        key = SigningKey.create(path)
    finally:
        os.umask(old)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SigningKey.read(path).public_key == key.public_key
    content = path.read_bytes()
    with pytest.raises(InputError, match="already exists"):
        SigningKey.create(path)
    assert path.read_bytes() == content
    secret = content.decode().splitlines()[1]
    assert secret not in repr(key)


def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    """The errors about wrong, truncated and missing keys show no content."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    SigningKey.create(tmp_path / "key.pem")
    other = X25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for content in (
        b"",
        b"0199001234",
        (tmp_path / "key.pem").read_bytes()[:60],
        other,
    ):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(InputError, match="a file with a signing key") as caught:
            SigningKey.read(tmp_path / "bad")
        assert "0199" not in str(caught.value)
    with pytest.raises(InputError, match="No such file"):
        SigningKey.read(tmp_path / "none")


def test_a_signature_is_of_one_receipt_by_one_key(tmp_path: Path) -> None:
    """A signature does not agree if it is missing, or of another key or receipt."""
    ours, theirs = (SigningKey.create(tmp_path / name) for name in ("a", "b"))
    signed, other = ours.sign(EXAMPLE), theirs.sign(chain(2)[1])
    swapped = replace(chain(2)[1], signature=signed.signature)

    assert parse(signed.line, "x") == signed
    assert check_signature(signed).agrees
    assert check_signature(signed, ours.public_key).agrees
    assert not check_signature(signed, theirs.public_key).agrees
    assert not check_signature(swapped).agrees
    assert not check_signature(swapped, ours.public_key).agrees
    assert check_signature(other).agrees
    assert not check_signature(EXAMPLE).agrees
    assert not check_signature(EXAMPLE, ours.public_key).agrees
    assert oracle.is_signed(signed.line)
    assert not oracle.is_signed(swapped.line)


def test_a_public_key_of_small_order_signs_nothing() -> None:
    """With such a key, one signature would be valid for every receipt."""
    order_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
    prime, sign = 2**255 - 19, 2**255
    points = [0, 1, prime - 1, order_8, prime - order_8, prime, prime + 1]
    for y in (*points, *(point + sign for point in points)):
        public_key = y.to_bytes(32, "little").hex()
        for point in (0, 1, prime - 1, order_8, order_8 + sign, prime - order_8):
            value = point.to_bytes(32, "little").hex() + "00" * 32
            signature = Signature(public_key=public_key, value=value)
            for example in (EXAMPLE, chain(2)[1]):
                signed = replace(example, signature=signature)
                assert not check_signature(signed).agrees


def test_without_the_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without `cryptography`, a signature raises an error that names the extra."""
    signed = chain(1, SigningKey.read(_key()))[0]
    module = "cryptography.hazmat.primitives.asymmetric.ed25519"
    monkeypatch.setitem(sys.modules, module, None)

    for use in (lambda: check_signature(signed), lambda: SigningKey.create("x")):
        with pytest.raises(MissingExtraError, match="secrets"):
            use()
    assert not check_signature(EXAMPLE).agrees


def _key() -> Path:
    import tempfile

    path = Path(tempfile.mkdtemp()) / "key.pem"
    SigningKey.create(path)
    return path


def test_receipts_are_made_without_the_package() -> None:
    """Receipts without signatures do not import the package."""
    code = "import sys, bloctel.scrub.receipts; print('cryptography' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout == "False\n"


# -- checking ---------------------------------------------------------------------


@posix
def test_files_that_are_not_what_they_were_differ(folder: Path) -> None:
    """Altered, truncated, missing and special files do not agree with the receipt."""
    receipt = scrubbed(folder)
    clear = folder / "clear.csv"
    content = clear.read_bytes()
    assert all(
        check.agrees for check in check_files(receipt, files_in(folder, receipt))
    )

    other = folder / "other"
    os.mkfifo(folder / "pipe")
    for path, bad in (
        (other, content[::-1]),
        (other, content[:-1]),
        (other, content + b"x"),
        (folder / "none", None),
        (folder, None),
        (folder / "pipe", None),
        (Path("/dev/zero"), None),
    ):
        if bad is not None:
            path.write_bytes(bad)
        assert not check_files(receipt, {"clear": path})[0].agrees
    clear.unlink()
    clear.symlink_to(other)
    assert not check_files(receipt, {"clear": clear})[0].agrees
    assert not check_files(receipt, {"invalid": other})[0].agrees


def test_whoever_waits_is_told_how_far_it_is(folder: Path) -> None:
    """Progress of a check covers all files; files of another size are not read."""
    receipt = scrubbed(folder)
    files = {"input": folder / "calls.csv", **files_in(folder, receipt)}
    sizes = {kind: path.stat().st_size for kind, path in files.items() if path}
    reported: list[tuple[int, int | None]] = []

    checks = check_files(receipt, files, lambda *progress: reported.append(progress))

    total = sum(sizes.values())
    assert all(check.agrees for check in checks)
    assert [check.part for check in checks] == list(files)
    assert reported[-1] == (total, total)
    assert reported == sorted(reported)

    reported.clear()
    with (folder / "calls.csv").open("ab") as file:
        file.write(b"x")
    checks = check_files(receipt, files, lambda *progress: reported.append(progress))

    assert [check.agrees for check in checks] == [False, *[True] * (len(files) - 1)]
    assert reported[-1] == (total - sizes["input"], total)


# -- what is due ------------------------------------------------------------------


def receipt_of(name: str | None, until: date, sha256: str = "a" * 64) -> Receipt:
    """Return a receipt of a file that is valid until a day."""
    return replace(
        EXAMPLE,
        input=FileDigest(name=name, size=1, sha256=sha256),
        lists=(replace(EXAMPLE.lists[0], valid_until=until),),
        valid_until=until,
    )


def test_a_file_is_overdue_from_the_day_on_which_its_result_ends() -> None:
    """A file is due some days before its result ends, and overdue from that day on."""
    until = date(2026, 11, 5)
    states = {}
    for days in (9, 8, 7, 1, 0, -1):
        on = until - timedelta(days=days)
        (found,) = file_states([receipt_of("a", until)], on=on, within_days=7)
        states[days] = found.state
        assert found.days_left == days

    assert states == {
        9: State.VALID,
        8: State.VALID,
        7: State.DUE,
        1: State.DUE,
        0: State.OVERDUE,
        -1: State.OVERDUE,
    }


def test_the_latest_receipt_of_each_name_counts() -> None:
    """The latest receipt counts, even if an earlier receipt is valid for longer."""
    early, late = date(2026, 11, 5), date(2026, 12, 5)
    receipts = [receipt_of("b", late), receipt_of("a", late), receipt_of("a", early)]

    found = file_states(receipts, on=date(2026, 11, 1), within_days=0, by_name=True)

    assert [(file.input, file.valid_until) for file in found] == [
        ("a", early),
        ("b", late),
    ]


@pytest.mark.parametrize(
    ("name", "by_name"),
    [(None, True), ("calls of (digits).csv", True), ("prospects.csv", False)],
)
def test_files_that_cannot_be_told_apart_do_not_hide_one_another(
    name: str | None, by_name: bool
) -> None:
    """Two files without different names are listed separately, each with its state."""
    old, new = date(2026, 11, 5), date(2026, 12, 5)
    receipts = [receipt_of(name, old), receipt_of(name, new, "b" * 64)]

    found = file_states(receipts, on=date(2026, 11, 6), by_name=by_name)

    assert [(file.state, file.sha256[0]) for file in found] == [
        (State.OVERDUE, "a"),
        (State.VALID, "b"),
    ]
    again = [*receipts, receipt_of(name, new)]
    assert len(file_states(again, on=date(2026, 11, 6), by_name=by_name)) == 2


def test_today_is_that_of_the_lists() -> None:
    """Today is the latest day in the time zones of the lists."""
    (found,) = file_states([receipt_of("a", TODAY + timedelta(days=30))])

    assert found.days_left in (29, 30)


@posix
def test_all_files_of_a_scrub_are_private(tmp_path: Path) -> None:
    """Only the owner can read outputs, receipt, journal and snapshot (any umask)."""
    calls = tmp_path / "calls.csv"
    calls.write_text("tel\n0199001234\n")
    before = os.umask(0)
    try:
        with Registry.create("memory:", lists=["own"]) as registry:
            registry.build_snapshot(tmp_path / "list.bloctel")
        scrub_file(
            calls,
            tmp_path / "list.bloctel",
            columns="tel",
            outputs=Outputs(tmp_path / "clear.csv"),
            receipt=ReceiptOptions(tmp_path / "receipt", journal=tmp_path / "journal"),
        )
    finally:
        os.umask(before)

    made = {file for file in tmp_path.iterdir() if file != calls}
    assert len(made) == 4
    assert {stat.S_IMODE(file.stat().st_mode) for file in made} == {0o600}


def receipt_against(folder: Path, question: Question) -> Receipt:
    """Scrub the call file of a folder by a prepared look-up; return the receipt."""
    path = folder / "receipt.json"
    scrub_file(folder / "calls.csv", question, columns="tel", receipt=path)
    return read(path)


def test_validity_begins_when_the_lists_were_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prepared look-up for a later day does not become valid for longer."""
    registry = Registry.create("memory:", lists=["own"])
    question = registry.question(on=TODAY + timedelta(days=35))
    moment = clock.now() + 35 * 86_400
    monkeypatch.setattr(clock, "now", lambda: moment)
    receipt = receipt_against(folder, question)
    assert receipt.made_at.timestamp() == int(moment)
    assert receipt.valid_until == TODAY + timedelta(days=30)


def test_validity_begins_with_the_age_of_a_follower(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data of a copy that is two days old is valid for two days less."""
    url = f"sqlite:///{folder}/registry.db"
    with Registry.create(url, lists=["own"]), Follower.open(url) as follower:
        monkeypatch.setattr(Follower, "_refresh", lambda _: None)
        for days, age in ((28, 2 * 86_400.0), (None, inf)):
            monkeypatch.setattr(Follower, "silent_seconds", age)
            question = follower.question(on=TODAY)
            if days is None:
                with pytest.raises(InputError, match="age"):
                    receipt_against(folder, question)
            else:
                receipt = receipt_against(folder, question)
                assert receipt.valid_until == TODAY + timedelta(days=days)
