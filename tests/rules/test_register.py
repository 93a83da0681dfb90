"""Lists with your own rules: registration, and use in every part of the library."""

from __future__ import annotations

import io
import json
import pickle
import tomllib
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bloctel import Registry, Snapshot, rules
from bloctel.errors import DamagedSnapshotError, InputError, UnknownListError
from bloctel.scrub import scrub_file
from bloctel.scrub.receipts import ReceiptOptions
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
    """Return the error message with which a file is refused; nothing is registered."""
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InputError) as refused:
        rules.register(file)
    assert pickle.loads(pickle.dumps(refused.value)).args == refused.value.args  # noqa: S301
    assert refused.value.where is not None
    assert refused.value.where.startswith(str(file))
    assert NAME not in rules.names()
    return str(refused.value)


def test_a_registered_list_has_rules(file: Path) -> None:
    """After registration, the list's name, scopes and cleared numbers are accepted."""
    with pytest.raises(UnknownListError):
        rules.load(NAME)

    own = rules.register(file)

    assert own.name == NAME
    assert rules.names()[-3:] == ("own", "us.dnc", NAME)
    assert rules.load(NAME) is own
    assert rules.load(f"{NAME}:brand-a").term == own.term
    assert rules.load(f"{NAME}.cleared").opposition_list == NAME


def test_a_second_registration_of_the_same_rules_changes_nothing(file: Path) -> None:
    """The same rules with another layout or other comments can be registered again."""
    own = rules.register(file)
    file.write_text(f"# a comment\n{TEXT}\n")

    assert rules.register(str(file)) is own


def test_other_rules_need_another_name(file: Path) -> None:
    """Different rules with a registered name are refused; the error says what to do."""
    own = rules.register(file)
    file.write_text(TEXT.replace("years = 2", "years = 3"))

    with pytest.raises(InputError, match="choose a new name") as refused:
        rules.register(file)

    assert refused.value.where == f"{file}, list.name"
    assert rules.load(NAME) is own


def test_lists_of_the_library_keep_their_rules(file: Path) -> None:
    """A copy of the library's rules is accepted; different rules are not."""
    packaged = Path(rules.__file__).with_name("own.toml").read_text(encoding="utf-8")
    file.write_text(packaged, encoding="utf-8")

    assert rules.register(file) is rules.load("own")
    assert "choose a new name" in refusal(file, TEXT.replace(NAME, "own"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TEXT.replace("years", "year"), "got 'year'"),
        (TEXT.replace(NAME, f"{NAME}.cleared"), "that does not end in .cleared"),
        (TEXT.replace(NAME, "xx.0199001234"), "got text of 13 characters"),
        (TEXT.replace(NAME, "x" * 24), "a name such as fr.bloctel"),
        (
            TEXT.replace("Europe/Paris", "Europe/Lutetia"),
            "a time zone such as Europe/Paris",
        ),
        ('title = "\xe9"'.encode("latin-1"), "a byte that is not UTF-8 at offset 9"),
        (b"#" * (1 << 20) + b"\n", "at most 1,048,576 bytes"),
        (b"\0", "a TOML document"),
    ],
)
def test_a_faulty_file_is_refused(file: Path, text: str | bytes, sentence: str) -> None:
    """A faulty file of rules is refused; the error names the file and the key."""
    assert sentence in refusal(file, text)


@pytest.mark.parametrize("name", [".", "missing.toml"])
def test_an_unreadable_file_is_refused(tmp_path: Path, name: str) -> None:
    """A folder and a missing file are refused."""
    with pytest.raises(InputError, match="cannot be read"):
        rules.register(tmp_path / name)


def test_threads_register_one_set_of_rules(tmp_path: Path) -> None:
    """If threads register different rules with one name, only one succeeds."""
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
    """Registrations, look-ups, snapshots, scrubs and receipts accept the list."""
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
    summary = scrub_file(
        io.BytesIO(calls), path, columns="tel", on=date(2024, 5, 20), receipt=options
    )
    receipt = summary.receipt

    assert receipt is not None
    assert (summary.clear, summary.blocked_lists) == (1, {NAME: 1})
    assert receipt.lists[0].source == "a text"


def digest_of(document: dict[str, Any]) -> str:
    """Return the digest of a file of rules, as the documentation defines it."""

    def kept(value: Any) -> Any:
        if isinstance(value, dict):
            texts = {"title", "source", "certainty", "note", "since"}
            return {key: kept(value[key]) for key in value.keys() - texts}
        return [*map(kept, value)] if isinstance(value, list) else value

    moved = {key: value for key, value in document.items() if key != "list"}
    text = json.dumps(
        kept(document["list"] | moved),
        default=date.isoformat,
        separators=(",", ":"),
        sort_keys=True,
    )
    return sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("path", [None, "examples/own-list.toml"])
def test_the_digest_is_that_of_the_file(file: Path, path: str | None) -> None:
    """The digest agrees with its specification; lists with the same rules have one."""
    source = Path(path or file)
    own = rules.register(source)

    assert rules.digest(own.name) == digest_of(tomllib.loads(source.read_text()))
    assert rules.digest(f"{own.name}:brand-a") == rules.digest(own.name)
    assert rules.digest(f"{own.name}.cleared:b") == rules.digest(own.name)


@pytest.mark.parametrize("name", ["own", "fr.bloctel", "fr.bloctel.cleared", "own:b"])
def test_rules_of_the_library_have_no_digest(name: str) -> None:
    """The rules of the library may change with its version."""
    assert rules.digest(name) is None


@pytest.mark.parametrize(
    ("old", "new", "has_effect"),
    [
        ("years = 2", "years = 3", True),
        ("max_days = 10", "max_days = 0", True),
        ("notice_months = 1", "notice_months = 0", True),
        ("withdrawn_days = 0", "withdrawn_days = 0\nlapsed_years = 0", True),
        ("days = 30", "days = 31", True),
        ("Europe/Paris", "Indian/Reunion", True),
        ("opens_on = 2020-01-01", "opens_on = 2020-01-02", True),
        ("An example", "Another title", False),
        ('"a text"', '"another text"', False),
        ('certainty = "R"', 'certainty = "V1"\nnote = "a note"', False),
    ],
)
def test_the_digest_depends_on_what_has_an_effect(
    file: Path, old: str, new: str, *, has_effect: bool
) -> None:
    """Rules with other effects have another digest; texts for readers do not count."""
    rules.register(file)
    before = rules.digest(NAME)
    file.write_text(TEXT.replace(old, new))
    with no_registrations():
        rules.register(file)
        assert (rules.digest(NAME) != before) == has_effect


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
