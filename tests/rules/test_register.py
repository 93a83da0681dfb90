"""Lists with rules of their own: registered once, then usable everywhere."""

from __future__ import annotations

import io
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bloctel import Registry, Snapshot, rules
from bloctel.errors import DamagedSnapshotError, InputError, UnknownListError
from bloctel.scrub import Outputs, scrub_csv
from bloctel.scrub.receipts import ReceiptMaker, ReceiptOptions
from tests.helpers.own_rules import NAME, TEXT, no_registrations

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = date(2024, 5, 3)
NUMBER, OTHER = "06 39 98 12 34", "01 99 00 12 34"


@pytest.fixture(autouse=True)
def _isolated() -> Iterator[None]:
    with no_registrations():
        yield


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with rules of a list that the library does not ship."""
    path = tmp_path / "rules.toml"
    path.write_text(TEXT)
    return path


def refusal(file: Path, text: str | bytes) -> str:
    """Return the sentence with which a file is refused; it registers nothing."""
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InputError) as refused:
        rules.register(file)
    assert pickle.loads(pickle.dumps(refused.value)).args == refused.value.args  # noqa: S301
    assert refused.value.where is not None
    assert refused.value.where.startswith(str(file))
    assert NAME not in rules.names()
    return str(refused.value)


def test_a_registered_list_has_rules(file: Path) -> None:
    """Its name, its scopes and its list of cleared numbers are known."""
    with pytest.raises(UnknownListError):
        rules.load(NAME)

    own = rules.register(file)

    assert own.name == NAME
    assert rules.names() == ("fr.bloctel", "own", NAME)
    assert rules.load(NAME) is own
    assert rules.load(f"{NAME}:brand-a").term == own.term
    assert rules.load(f"{NAME}.cleared").opposition_list == NAME


def test_a_second_registration_of_the_same_rules_changes_nothing(file: Path) -> None:
    """The layout of the file and its comments are not rules."""
    own = rules.register(file)
    file.write_text(f"# a comment\n{TEXT}\n")

    assert rules.register(str(file)) is own


def test_other_rules_need_another_name(file: Path) -> None:
    """The registered rules stay, and the message says what to do."""
    own = rules.register(file)
    file.write_text(TEXT.replace("years = 2", "years = 3"))

    with pytest.raises(InputError, match="choose another name") as refused:
        rules.register(file)

    assert refused.value.where == f"{file}, list.name"
    assert rules.load(NAME) is own


def test_lists_of_the_library_keep_their_rules(file: Path) -> None:
    """A copy of their rules is accepted; other rules of that name are not."""
    packaged = Path(rules.__file__).with_name("own.toml").read_text(encoding="utf-8")
    file.write_text(packaged, encoding="utf-8")

    assert rules.register(file) is rules.load("own")
    assert "choose another name" in refusal(file, TEXT.replace(NAME, "own"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TEXT.replace("years", "year"), "got 'year'"),
        (TEXT.replace(NAME, f"{NAME}.cleared"), "that does not end in .cleared"),
        (TEXT.replace(NAME, "xx.0199001234"), "got text of 13 characters"),
        (TEXT.replace(NAME, "x" * 24), "a name such as fr.bloctel"),
        (TEXT.replace("Europe/Paris", "Europe/Lutetia"), "a known time zone"),
        ('title = "\xe9"'.encode("latin-1"), "a byte at offset 9 that is not UTF-8"),
        (b"#" * (1 << 20) + b"\n", "at most 1,048,576 bytes"),
        (b"\0", "a TOML document"),
    ],
)
def test_a_faulty_file_is_refused(file: Path, text: str | bytes, sentence: str) -> None:
    """The message names the file, and the key where there is one."""
    assert sentence in refusal(file, text)


@pytest.mark.parametrize("name", [".", "missing.toml"])
def test_an_unreadable_file_is_refused(tmp_path: Path, name: str) -> None:
    """A folder, and a file that does not exist."""
    with pytest.raises(InputError, match="cannot be read"):
        rules.register(tmp_path / name)


def test_threads_register_one_set_of_rules(tmp_path: Path) -> None:
    """Of different rules under one name, one wins, and all others are refused."""
    files = [tmp_path / f"{years}.toml" for years in (2, 3, 4)]
    for years, each in enumerate(files, 2):
        each.write_text(TEXT.replace("years = 2", f"years = {years}"))

    def register(each: Path) -> int | None:
        try:
            return rules.register(each).term[0].years
        except InputError:
            return None

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(register, files * 20))

    winner = rules.load(NAME).term[0].years
    assert set(found) == {winner, None}
    assert found.count(winner) == 20


def test_a_registered_list_works_everywhere(file: Path, tmp_path: Path) -> None:
    """Registrations, look-ups, snapshots, scrubs and receipts."""
    rules.register(file)
    path = tmp_path / "x.bloctel"
    with Registry.create("memory:", lists=[NAME]) as registry:
        period = registry.register(NUMBER, list=NAME, on=DAY)
        assert (period.starts_on, period.ends_on) == (
            date(2024, 5, 13),
            date(2026, 5, 3),
        )
        assert registry.is_blocked(NUMBER, on=date(2024, 5, 13))
        assert not registry.is_blocked(NUMBER, on=date(2026, 5, 3))
        registry.build_snapshot(path, on=date(2024, 5, 20))
    calls, options = (
        f"tel\n{NUMBER}\n{OTHER}\n".encode(),
        ReceiptOptions(tmp_path / "r.json"),
    )
    maker = ReceiptMaker(
        io.BytesIO(calls), Outputs(io.BytesIO()), against=path, options=options
    )
    with Snapshot.open(path) as book:
        question = book.question(on=date(2024, 5, 20))
        summary = scrub_csv(
            maker.source, question, columns=["tel"], outputs=maker.outputs
        )
        receipt = maker.make(summary, question, columns=["tel"])

    assert (summary.clear, summary.blocked_lists) == (1, {NAME: 1})
    assert receipt.lists[0].source == "a text"


def test_a_process_without_the_rules_gets_no_answer(file: Path, tmp_path: Path) -> None:
    """A registry and a snapshot that have the list are refused; the list is named."""
    rules.register(file)
    url, path = f"sqlite:///{tmp_path / 'x.db'}", tmp_path / "x.bloctel"
    with Registry.create(url, lists=[NAME, "own"]) as registry:
        registry.register(NUMBER, list=NAME, on=DAY)
        registry.build_snapshot(path, on=DAY)

    def look_up() -> object:
        with Registry.open(url) as registry:
            return registry.is_blocked(NUMBER, on=date(2024, 6, 3), lists=["own"])

    with no_registrations():
        for use in (look_up, lambda: Snapshot.open(path)):
            with pytest.raises(UnknownListError, match=NAME) as refused:
                use()
            assert "bloctel.rules.register(file)" in str(refused.value)
            assert "--rules FILE" in str(refused.value)
        assert refused.value.where == str(path)

    assert look_up() is False


@pytest.mark.parametrize("verify", [True, False])
def test_an_altered_name_is_not_an_unknown_list(
    file: Path, tmp_path: Path, verify: bool
) -> None:
    """A snapshot whose list has another name by accident is damaged."""
    path = tmp_path / "x.bloctel"
    with Registry.create("memory:", lists=["own"]) as registry:
        registry.build_snapshot(path, on=DAY)
    path.write_bytes(path.read_bytes().replace(b'"own"', b'"owm"'))

    with pytest.raises(DamagedSnapshotError, match="LISTS"):
        Snapshot.open(path, verify=verify)
