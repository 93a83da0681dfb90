"""HTML templates: escaping, errors in templates, and package data."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

import bloctel
from bloctel._util.html import environment, render
from bloctel.errors import InputError, MissingExtraError

SOURCE: Final = Path(bloctel.__file__).parent
PROJECT: Final = Path(__file__).parents[2]


def page(folder: Path, text: str, lang: str = "en", **values: object) -> str:
    """Return the page of a template with this text."""
    template = folder / "page.html.j2"
    template.write_text(text, encoding="utf-8")
    return render(template, lang, **values)


def test_values_stay_text(tmp_path: Path) -> None:
    """Markup is escaped, and characters that could hide text are replaced."""
    found = page(tmp_path, "<p>{{ name }}</p>", name="<b>\u202e'\"&\x00")

    assert found == "<p>&lt;b&gt;\ufffd&#39;&#34;&amp;\ufffd</p>"


def test_macros_of_templates_stay_markup(tmp_path: Path) -> None:
    """Macros of templates give markup; only the values in them are escaped."""
    text = "{% macro bold(x) %}<b>{{ x }}</b>{% endmacro %}{{ bold(name) }}"

    assert page(tmp_path, text, name="<i>") == "<b>&lt;i&gt;</b>"


def test_numbers_and_texts_follow_the_language(tmp_path: Path) -> None:
    """Pages use the number formats and texts of the message catalogue."""
    text = '{{ t("scrub.kind.clear") }}: {{ show(12345) }}, {{ share(1, 8) }}'

    assert page(tmp_path, text) == "clear: 12,345, 12.5 %"
    assert page(tmp_path, text, "fr") == "hors liste: 12\u202f345, 12,5 %"
    with pytest.raises(InputError, match="one of the languages en, fr"):
        page(tmp_path, text, "de")


def test_an_unknown_name_is_an_error(tmp_path: Path) -> None:
    """An unknown name raises an error instead of giving an empty text."""
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        page(tmp_path, "{{ nothing }}")


def test_without_jinja2_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If jinja2 is missing, the error names the extra to install."""
    monkeypatch.setitem(sys.modules, "jinja2", None)

    with pytest.raises(MissingExtraError, match=r"bloctel\[report\]"):
        page(tmp_path, "")


def test_the_environment_is_cached(tmp_path: Path) -> None:
    """The template environment of a folder is created once and then cached."""
    assert environment(tmp_path) is environment(tmp_path)


def test_templates_and_messages_are_shipped() -> None:
    """Each file is matched by a pattern of the package data."""
    with (PROJECT / "pyproject.toml").open("rb") as file:
        settings = tomllib.load(file)["tool"]["setuptools"]["package-data"]
    shipped = {
        path
        for package, patterns in settings.items()
        if package != "*"
        for pattern in patterns
        for path in SOURCE.joinpath(*package.split(".")[1:]).glob(pattern)
    }

    files = [
        path
        for pattern in ("**/templates/*", "messages/*")
        for path in SOURCE.glob(pattern)
    ]
    assert len(files) >= 9
    assert set(files) <= shipped
