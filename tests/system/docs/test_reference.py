"""Reference pages, compared with the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final, get_type_hints

import pytest
from msgspec.structs import fields

import bloctel
from bloctel import errors, rules
from bloctel.lookup import question
from bloctel.scrub import classifier
from bloctel.tabular import number_lists
from tests.helpers.doc_pages import PAGES, ROOT, fences, name_of
from tests.test_architecture import RANKS

_REFERENCE: Final = ROOT / "docs" / "reference"
_REASONS: Final = (_REFERENCE / "reasons.md").read_text(encoding="utf-8")
_RULES: Final = (_REFERENCE / "rules.md").read_text(encoding="utf-8")
_ROW: Final = re.compile(r"^\| `(\w+)` \| (.*) \|$", re.MULTILINE)
_TABLES: Final = [_ROW.findall(part) for part in _REASONS.split("\n## ")[1:]]
_EXAMPLES: Final = {code: row.split("`")[1] for code, row in _TABLES[0]}


def test_every_reason_of_a_refusal_is_in_the_table_once() -> None:
    """The table has exactly the codes of `Reason`, in their order."""
    assert [code for code, _ in _TABLES[0]] == list(bloctel.Reason)


@pytest.mark.parametrize("code", [code for code in _EXAMPLES if code != "ambiguous"])
def test_every_example_is_refused_for_its_reason(code: str) -> None:
    """`normalize` refuses each example with the code of its row."""
    example: object = True if code == "not_text" else _EXAMPLES[code]
    region = None if code == "no_country" else "FR"

    with pytest.raises(bloctel.InvalidNumberError) as caught:
        bloctel.normalize(example, region=region)

    assert caught.value.reason == code


def test_reasons_of_scrubs_and_verdicts_are_in_the_tables() -> None:
    """The tables have exactly the codes of scrubs and of verdicts."""
    documented = question.Verdict.__doc__ or ""
    clear_and_blocked = re.findall(r"`([a-z_]{6,})`", documented)

    assert [code for code, _ in _TABLES[1]] == [
        classifier._REFUSALS[classifier._MISSING_FIELD],
        classifier._REFUSALS[classifier._UNESCAPED_QUOTE],
        classifier._REFUSALS[number_lists.UNREAD_NUMBER],
        classifier._REFUSALS[classifier.CELL_ERROR],
        classifier._REFUSALS[classifier.CELL_FORMAT],
    ]
    assert [code for code, _ in _TABLES[2]] == clear_and_blocked


def test_every_public_name_is_in_the_reference() -> None:
    """Each name in `bloctel.__all__` is documented."""
    pages = [*(_REFERENCE / "python").glob("*.md"), _REFERENCE / "errors.md"]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    explained = set(re.findall(r"^\.\. (?:auto|py:)\w+:: (\w+)", text, re.MULTILINE))

    assert {*bloctel.__all__} - {"errors"} <= explained


def test_every_error_is_in_the_reference() -> None:
    """All classes are listed, in the order of the tree on the page."""
    text = (_REFERENCE / "errors.md").read_text(encoding="utf-8")
    listed = re.findall(r"autoexception:: (\w+)", text)

    classes = {name for name in vars(errors) if name.endswith("Error")}
    assert sorted(listed) == sorted(classes)
    assert listed == re.findall(r"(?m)^[│├└─ ]*(\w+Error)\b", text)


def test_every_key_of_the_rules_is_in_the_reference() -> None:
    """Each TOML key of the rules has a row in the tables."""
    hints = get_type_hints(rules.ListRules, vars(rules))
    sections: list[type[rules.Sourced]] = [rules.Opening, rules.Closing]
    sections += [
        part
        for hint in hints.values()
        for part in getattr(hint, "__args__", ())
        if isinstance(part, type) and issubclass(part, rules.Version)
    ]
    keys = {field.name for section in sections for field in fields(section)}

    missing = {key for key in keys if f"`{key}`" not in _RULES}

    assert len(sections) == 9
    assert not missing


def test_the_toml_examples_are_rules() -> None:
    """The library accepts the examples of rules on the page."""
    examples = [
        fence.text
        for page in PAGES
        for fence in fences(page)
        if fence.language == "toml"
    ]

    parsed = [rules.parse(text, "example") for text in examples]

    names = [tomllib.loads(text)["list"]["name"] for text in examples]
    assert [list_rules.name for list_rules in parsed] == names
    assert names


def test_the_ranks_of_packages_are_those_of_the_code() -> None:
    """The table of the architecture page has the ranks of the import test."""
    page = ROOT / "docs" / "explanation" / "architecture.md"
    rows = re.findall(r"(?m)^\| (\d+) \| `(\w+)` \|", page.read_text(encoding="utf-8"))

    assert {package: int(rank) for rank, package in rows} == {
        unit: rank for unit, rank in RANKS.items() if not unit.endswith("__")
    }


def test_the_modules_of_a_path_exist() -> None:
    """Each module that the architecture page names is in the package."""
    page = ROOT / "docs" / "explanation" / "architecture.md"
    package = Path(bloctel.__file__).parent
    named = re.findall(r"`([\w/]+\.pyx?)`", page.read_text(encoding="utf-8"))

    assert len(named) > 20
    assert [name for name in named if not (package / name).is_file()] == []


# -- all pages -------------------------------------------------------------------

#: The ranges that the French regulator (ARCEP) reserves for works of fiction.
_FICTION: Final = ("19900", "26191", "35301", "46571", "53649", "63998")
#: The first number of a range for automated platforms, in which no range is reserved
#: for works of fiction.
_PLATFORM: Final = re.compile("162000000")
_NUMBER: Final = re.compile(
    r"(?<![\d.])(?<!\d[ .-])(?:\+?(?:33|262|590|594|596)|0)[ .-]?\(?0?\)?"
    r"((?:[ .-]?\d){9})(?![ .-]?\d)"
)
_NEVER: Final = re.compile(
    r"never means(?:\s+that\s+the\s+number)?[\s\"]*may\s+be\s+called"
)


def test_numbers_are_fictional() -> None:
    """All numbers are reserved for works of fiction."""
    found = [
        (page, re.sub(r"\D", "", digits))
        for page in PAGES
        for digits in _NUMBER.findall(page.read_text(encoding="utf-8"))
    ]

    assert found
    assert [
        f"{name_of(page)}: {number}"
        for page, number in found
        if not number.startswith(_FICTION) and not _PLATFORM.fullmatch(number)
    ] == []


def test_clear_never_means_may_be_called() -> None:
    """Every page with look-ups says that clear never means "may be called"."""
    texts = {name_of(page): page.read_text(encoding="utf-8") for page in PAGES}
    look_ups = {name: text for name, text in texts.items() if "is_blocked" in text}

    assert look_ups
    assert [name for name, text in look_ups.items() if not _NEVER.search(text)] == []
