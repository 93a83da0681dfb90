"""Receipts of scrubs: their content, and the refusal to write a wrong one."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from msgspec.structs import replace

from bloctel import Registry, Snapshot
from bloctel._util import clock
from bloctel.errors import InputError, MissingExtraError, ReceiptError
from bloctel.rules import Certainty
from bloctel.scrub import Outputs, open_against, scrub_csv
from bloctel.scrub.receipts import (
    FileDigest,
    Journal,
    Receipt,
    ReceiptMaker,
    ReceiptOptions,
    SigningKey,
    State,
    check_file,
    check_files,
    check_signature,
    file_digest,
    file_states,
    files_in,
    parse,
    read,
)
from tests.helpers.receipt_samples import EXAMPLE, chain, scrubbed, write_files
from tests.oracles import receipt as oracle

if TYPE_CHECKING:
    from collections.abc import Callable

    from bloctel.lookup.book import Book
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
    """Every member, for the simplest scrub."""
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
    """In a separate file, in a journal, signed."""
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
    maker = ReceiptMaker(folder / "calls.csv", Outputs(), against="memory:")
    question = book.question(**asked)
    summary = scrub_csv(maker.source, question, columns=["tel"])
    return maker.make(summary, question, columns=["tel"])


def test_a_registry_is_named_by_its_identity_never_by_its_url(folder: Path) -> None:
    """A URL can hold a password."""
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
    """And by the name of its file."""
    registry = Registry.create("memory:", lists=["own", "own:brand"])
    path = folder / "s.bloctel"
    info = registry.build_snapshot(path, on=TODAY)
    maker = ReceiptMaker(folder / "calls.csv", Outputs(), against=path)
    with Snapshot.open(path) as book:
        question = book.question(lists=["own:brand"])
        summary = scrub_csv(maker.source, question, columns=["tel"])
        receipt = maker.make(summary, question, columns=["tel", 1])

    against = receipt.against
    assert (against.kind, against.name) == ("snapshot", "s.bloctel")
    assert (against.registry, against.generation) == (info.registry, info.generation)
    assert against.built_on == TODAY
    assert [judged.name for judged in receipt.lists] == ["own:brand"]
    assert receipt.columns == ("tel", 1)


# -- until when -------------------------------------------------------------------


def test_a_result_is_good_for_as_long_as_the_rules_say(folder: Path) -> None:
    """30 days, with the source of that rule and its certainty."""
    (judged,) = scrubbed(folder).lists

    assert judged.valid_until == judged.on + timedelta(days=30)
    assert (judged.days, judged.certainty) == (30, Certainty.R)
    assert judged.source
    assert judged.time_zone == "Europe/Paris"


def test_the_earliest_end_of_all_lists_counts(folder: Path) -> None:
    """A list that closes limits the whole receipt."""
    registry = Registry.create("memory:", lists=["own", "fr.bloctel"])

    receipt = scrub_book(registry, folder, on=date(2026, 8, 1))

    ends = {judged.name: judged.valid_until for judged in receipt.lists}
    assert ends == {"own": date(2026, 8, 31), "fr.bloctel": date(2026, 8, 11)}
    assert receipt.valid_until == date(2026, 8, 11)


def test_a_day_to_come_is_known_as_of_today(folder: Path) -> None:
    """Later objections are not known yet."""
    receipt = scrubbed(folder, on=TODAY + timedelta(days=40))

    assert receipt.lists[0].on == TODAY + timedelta(days=40)
    assert receipt.valid_until == TODAY + timedelta(days=30)


def test_an_old_snapshot_shortens_it(folder: Path) -> None:
    """Later registrations are not in the snapshot."""
    registry = Registry.create("memory:", lists=["own"])
    built_on = TODAY - timedelta(days=20)
    registry.build_snapshot(folder / "s.bloctel", on=built_on)

    with Snapshot.open(folder / "s.bloctel") as book:
        receipt = scrub_book(book, folder)

    assert receipt.valid_until == built_on + timedelta(days=30)


def test_an_old_answer_shortens_it(folder: Path) -> None:
    """Clear numbers come from answers of the operator, which expire."""
    registry = Registry.create("memory:")
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
    """The name that a scrub gives them fits the format."""
    registry = Registry.create("memory:")
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
        against=folder / "list.csv",
        options=options,
    )
    with open_against(str(folder / "list.csv")) as book:
        question = book.question()
        summary = scrub_csv(
            maker.source, question, columns=["tel"], outputs=maker.outputs
        )
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
    """The outputs exist, without a receipt."""
    options = ReceiptOptions(folder / "r.json", folder / "j.jsonl")

    with pytest.raises(InputError, match=r"changed in the meantime|cannot be read"):
        scrub_then(folder, meddlers(folder / name)[how], options)

    assert (folder / "clear.csv").exists()
    assert not (folder / "r.json").exists()
    assert not (folder / "j.jsonl").exists()


def test_a_file_that_changes_while_it_is_read_has_no_receipt(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Input, output and list alike."""
    real = file_digest._sha256

    for name in ("calls.csv", "clear.csv", "list.csv"):

        def digest(file: Any, report: Any, name: str = name) -> str:
            found = real(file, report)
            path = folder / name
            if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                path.write_bytes(path.read_bytes() + b"x")
            return found

        write_files(folder)
        monkeypatch.setattr(file_digest, "_sha256", digest)
        with pytest.raises(InputError, match="changed in the meantime"):
            scrub_then(folder, lambda: None, ReceiptOptions(folder / "r.json"))
        assert not (folder / "r.json").exists()


@posix
def test_pipes_and_folders_have_no_receipt(folder: Path) -> None:
    """A source that cannot be read again is refused before the scrub."""
    os.mkfifo(folder / "pipe")
    for path in (folder / "pipe", folder):
        with pytest.raises(InputError, match="can be read again"):
            ReceiptMaker(path, Outputs(), against=folder / "list.csv")
        with pytest.raises(InputError, match="can be read again"):
            ReceiptMaker(folder / "calls.csv", Outputs(), against=path)


def test_a_file_that_comes_only_later_has_no_receipt(folder: Path) -> None:
    """Its content at the beginning of the scrub is unknown."""
    (folder / "calls.csv").rename(folder / "away")

    maker = ReceiptMaker(folder / "calls.csv", Outputs(), against=folder / "list.csv")
    (folder / "away").rename(folder / "calls.csv")
    with open_against(str(folder / "list.csv")) as book:
        question = book.question()
        summary = scrub_csv(maker.source, question, columns=["tel"])

    with pytest.raises(InputError, match="changed in the meantime"):
        maker.make(summary, question, columns=["tel"])


# -- streams ----------------------------------------------------------------------


def stream_scrub(folder: Path) -> tuple[ReceiptMaker, ScrubSummary, Any, io.BytesIO]:
    """Scrub from a stream to a stream."""
    target = io.BytesIO()
    source = io.BytesIO((folder / "calls.csv").read_bytes())
    outputs = Outputs(target, folder / "blocked.csv")
    maker = ReceiptMaker(source, outputs, against=folder / "list.csv")
    with open_against(str(folder / "list.csv")) as book:
        question = book.question()
        summary = scrub_csv(
            maker.source, question, columns=["tel"], outputs=maker.outputs
        )
    return maker, summary, question, target


def test_streams_are_hashed_as_they_pass(folder: Path) -> None:
    """They have no names; content and size are those of the bytes."""
    maker, summary, question, target = stream_scrub(folder)

    receipt = maker.make(summary, question, columns=["tel"])

    calls = digest_of(folder / "calls.csv")
    assert receipt.input == FileDigest(name=None, size=calls.size, sha256=calls.sha256)
    content = target.getvalue()
    assert content == b"tel\n0199001235\n"
    assert receipt.outputs == {
        "clear": FileDigest(
            name=None,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        ),
        "blocked": digest_of(folder / "blocked.csv"),
    }


def test_a_stream_that_was_left_in_the_middle_has_no_receipt(folder: Path) -> None:
    """The rest was not scrubbed."""
    source = io.BytesIO(b"tel\n0199001234\n")
    maker = ReceiptMaker(source, Outputs(), against=folder / "list.csv")
    _, summary, question, _ = stream_scrub(folder)
    maker.source.read(4)  # type: ignore[union-attr]

    with pytest.raises(InputError, match="more bytes after the 4"):
        maker.make(summary, question, columns=["tel"])


def test_one_stream_for_two_outputs_is_refused(folder: Path) -> None:
    """As without a receipt."""
    target = io.BytesIO()
    maker = ReceiptMaker(
        folder / "calls.csv", Outputs(target, target), against=folder / "list.csv"
    )

    with (
        open_against(str(folder / "list.csv")) as book,
        pytest.raises(InputError, match="a separate file"),
    ):
        scrub_csv(maker.source, book.question(), columns=["tel"], outputs=maker.outputs)


# -- places -----------------------------------------------------------------------


def test_a_receipt_takes_no_other_files_place(folder: Path) -> None:
    """Not the input, the list, an output or the key, in any spelling of the path."""
    SigningKey.create(folder / "key.pem")
    (folder / "clear.csv").write_text("old\n")
    (folder / "link").symlink_to(folder / "clear.csv")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for name in ("calls.csv", "list.csv", "key.pem", "clear.csv", "link"):
        for options in (
            ReceiptOptions(path=folder / name),
            ReceiptOptions(journal=folder / name),
            ReceiptOptions(path=folder / "." / name),
        ):
            with pytest.raises((InputError, ReceiptError)):
                scrubbed(folder, options)

    for options in (
        ReceiptOptions(folder / "x", folder / "x"),
        ReceiptOptions(path=folder / "blocked.csv"),
        ReceiptOptions(journal=folder / "blocked.csv"),
        ReceiptOptions(path=folder / "none" / "r.json"),
        ReceiptOptions(journal=folder / "none" / "j.jsonl"),
    ):
        with pytest.raises((InputError, ReceiptError)):
            scrubbed(folder, options)

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
    """The outputs are published when the journal is touched."""

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
    """Names of files and columns come from people."""
    write_files(tmp_path)
    calls = tmp_path / "\x1b[J\nof 01 99 00 12 34.csv"
    calls.write_bytes(b"tel 0199001234\n0199001235\n")
    listed = tmp_path / "0199001234.csv"
    listed.write_bytes((tmp_path / "list.csv").read_bytes())
    columns = ["tel 0199001234"]
    outputs = Outputs(tmp_path / "clear_01_99_00_12_34.csv")
    maker = ReceiptMaker(calls, outputs, against=listed)
    with open_against(str(listed)) as book:
        question = book.question()
        summary = scrub_csv(maker.source, question, columns=columns, outputs=outputs)
    receipt = maker.make(summary, question, columns=columns)

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
    """With any umask; an old key is never replaced."""
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
    """A key of another kind, a truncated key, a missing file."""
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
    """By another key, of another receipt, or missing: it does not agree."""
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


def test_without_the_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Receipts without a signature need nothing."""
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
    """Altered, truncated, missing, a folder, a pipe, a device without an end."""
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
        assert not check_file("clear", receipt.outputs["clear"], path).agrees
    clear.unlink()
    clear.symlink_to(other)
    assert not check_file("clear", receipt.outputs["clear"], clear).agrees
    assert not check_file("invalid", None, other).agrees


def test_whoever_waits_is_told_how_far_it_is(folder: Path) -> None:
    """Progress covers all files; a file of another size is not read."""
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
    """It is due a number of days before."""
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
    """Even if an earlier one is valid for longer: it is for other bytes."""
    early, late = date(2026, 11, 5), date(2026, 12, 5)
    receipts = [receipt_of("b", late), receipt_of("a", late), receipt_of("a", early)]

    found = file_states(receipts, on=date(2026, 11, 1), within_days=0)

    assert [(file.input, file.valid_until) for file in found] == [
        ("a", early),
        ("b", late),
    ]


@pytest.mark.parametrize("name", [None, "calls of (digits).csv"])
def test_files_that_cannot_be_told_apart_do_not_hide_one_another(
    name: str | None,
) -> None:
    """A scrub of one must not hide that another is due."""
    old, new = date(2026, 11, 5), date(2026, 12, 5)
    receipts = [receipt_of(name, old), receipt_of(name, new, "b" * 64)]

    found = file_states(receipts, on=date(2026, 11, 6))

    assert [file.state for file in found] == [State.OVERDUE, State.VALID]
    again = [*receipts, receipt_of(name, new)]
    assert len(file_states(again, on=date(2026, 11, 6))) == 2


def test_today_is_that_of_the_lists() -> None:
    """The latest day in any of their time zones."""
    (found,) = file_states([receipt_of("a", TODAY + timedelta(days=30))])

    assert found.days_left in (29, 30)
