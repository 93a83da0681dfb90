"""Pages about the law, compared with the rules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

import bloctel
import bloctel.compliance
from bloctel.rules import law
from tests.helpers.doc_pages import ROOT

_EXPLANATION = ROOT / "docs" / "explanation"
_ABOUT_LAW = (
    "docs/explanation/may-i-call.md",
    "docs/how-to/consent.md",
    "docs/how-to/twenty-questions.md",
    "docs/reference/rules.md",
    "docs/reference/python/permission.md",
)


def test_the_drawings_and_the_table_are_generated_from_the_current_rules() -> None:
    """If a rule changes, the message says how to update them."""
    sources = Path(bloctel.__file__).parents[1]

    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "draw-law"), "--check"],
        env={"PYTHONPATH": str(sources)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_every_rule_is_in_the_table() -> None:
    """Readers who find a rule's name in an answer can look up its certainty."""
    page = (_EXPLANATION / "may-i-call.md").read_text(encoding="utf-8")

    rows = [line for line in page.splitlines() if line.startswith("| `fr.")]

    assert [row.split("`")[1] for row in rows] == [r.id for r in law.load("FR").rules]


@pytest.mark.parametrize("name", ["may-i-call.svg", "may-i-call-list.svg"])
def test_a_drawing_has_a_title_and_two_colour_schemes(name: str) -> None:
    """Every colour of the light drawing has one of the dark drawing."""
    text = (_EXPLANATION / name).read_text(encoding="utf-8")
    root = Xml.fromstring(text)  # noqa: S314 - our own file
    light, _, dark = text.partition("prefers-color-scheme:dark")

    assert root[0].tag.endswith("title")
    assert (root[0].text or "").startswith("May I call? In France, from ")
    for kind in (
        "page",
        "text",
        "rule",
        "question",
        "line",
        "head",
        "yes",
        "no",
        "ask",
    ):
        assert f".{kind}{{" in light
        assert f".{kind}{{" in dark
    width, height = (float(part) for part in root.attrib["viewBox"].split()[2:])
    for box in root.iter("{http://www.w3.org/2000/svg}rect"):
        right = float(box.get("x", "0")) + float(box.get("width", "0"))
        bottom = float(box.get("y", "0")) + float(box.get("height", "0"))
        assert right <= width
        assert bottom <= height


@pytest.mark.parametrize("page", _ABOUT_LAW)
def test_pages_about_law_are_not_legal_advice(page: str) -> None:
    """Every page about law says that it is not legal advice."""
    text = (ROOT / page).read_text(encoding="utf-8")

    assert "This is not legal advice." in text


def test_every_name_of_the_package_is_in_the_reference() -> None:
    """Each name in `bloctel.compliance.__all__` is documented."""
    folder = ROOT / "docs" / "reference" / "python"
    page = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.md"))
    names = {*bloctel.compliance.__all__, *law.__all__} - {"SECTIONS"}

    missing = {name for name in names if f":: {name}" not in page}

    assert not missing
